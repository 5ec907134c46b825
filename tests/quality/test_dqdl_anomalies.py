"""DetectAnomalies, our own approximation, and what AllStatistics records."""

from __future__ import annotations

import pytest

from mlops_cli.quality import FileHistory, check
from mlops_cli.quality.engine.anomalies import expected


@pytest.fixture
def checked(tmp_path, csv):
    """Check a table of so many rows, with a history that grows."""

    def run(rule, rows):
        data = csv("n,s\n" + "".join(f"{value},a\n" for value in range(rows)))
        kept = FileHistory(tmp_path / "h.jsonl", ruleset="r", data_set="d")
        (found,) = check(f"Rules = [ {rule} ]", data, history=kept).outcomes
        return found

    return run


def test_it_has_no_verdict_before_there_are_five_results_and_keeps_its_metric(checked):
    for count in range(5):
        found = checked('DetectAnomalies "RowCount"', 20 + count)
        assert found.outcome == "ERROR"
        assert f"from 5 earlier results on, and there are {count}" in found.message
    assert checked('DetectAnomalies "RowCount"', 22).outcome == "PASS"


def test_a_value_far_from_the_others_is_an_anomaly(checked):
    for rows in (20, 21, 19, 20, 22):
        checked('DetectAnomalies "RowCount"', rows)
    found = checked('DetectAnomalies "RowCount"', 90)
    assert found.outcome == "FAIL"
    assert found.message == (
        "`Dataset.*.RowCount` is 90, and 5 earlier results expect it from 14.8109 to 25.1891"
    )
    # One odd result does not move what is expected.
    assert checked('DetectAnomalies "RowCount"', 21).outcome == "PASS"
    assert checked('DetectAnomalies "RowCount"', 3).outcome == "FAIL"


def test_a_metric_that_never_moved_must_not_move(checked):
    for _ in range(5):
        checked('DetectAnomalies "Completeness" "n"', 10)
    assert checked('DetectAnomalies "Completeness" "n"', 10).outcome == "PASS"
    for _ in range(5):
        checked('DetectAnomalies "Mean" "n"', 10)
    found = checked('DetectAnomalies "Mean" "n"', 12)
    assert (found.outcome, "expect it at 4.5" in found.message) == ("FAIL", True)


def test_a_rule_with_several_metrics_watches_each(checked):
    for rows in (10, 11, 9, 10, 12):
        checked('DetectAnomalies "ColumnValues" "n"', rows)
    found = checked('DetectAnomalies "ColumnValues" "n"', 60)
    assert found.outcome == "FAIL"
    assert "`Column.n.Maximum` is 59" in found.message
    assert "Minimum" not in found.message


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ('"Completenes" "n"', "`Completenes` is no metric. Did you mean `Completeness`?"),
        ('"IsComplete" "n"', "`IsComplete` is no metric"),
        ('"CustomSql" "select 1"', "`CustomSql` is no metric"),
        ('"Completeness"', "The metric `Completeness` takes column"),
        ('"RowCount" "n"', "The metric `RowCount` takes nothing more"),
        ('"Mean" "m"', "no column `m`"),
    ],
)
def test_what_is_no_metric_is_an_error(rule, message, checked):
    found = checked(f"DetectAnomalies {rule}", 5)
    assert (found.outcome, message in found.message) == ("ERROR", True), found.message


def test_without_a_history_it_is_an_error(csv):
    (found,) = check('Rules = [ DetectAnomalies "RowCount" ]', csv("n\n1\n")).outcomes
    assert (found.outcome, "no history is kept" in found.message) == ("ERROR", True)


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        ([1, 2, 3, 4, 5], 3 - 3.5 * 1.4826, 3 + 3.5 * 1.4826),
        ([7, 7, 7, 7, 17], 7 - 3.5 * 1.253314 * 2, 7 + 3.5 * 1.253314 * 2),
        ([7, 7, 7, 7, 7], 7, 7),
        ([5] * 60 + [900] * 200, 5, 5),  # only the newest sixty count
    ],
)
def test_the_band_is_the_modified_z_score(values, low, high):
    band = expected(values)
    assert (band.low, band.high) == pytest.approx((low, high), abs=1e-9)
    assert band.holds(low)
    assert not band.holds(float("nan"))


def test_all_statistics_of_a_column_are_measured_at_once(people):
    report = check(
        'Analyzers = [ AllStatistics "n", AllStatistics "s", AllStatistics "ok" ]', people
    )
    numbers, texts, flags = (one.metrics for one in report.analyzers)
    assert numbers == pytest.approx(
        {
            "Dataset.*.RowCount": 6.0,
            "Dataset.*.ColumnCount": 10.0,
            "Column.n.Completeness": 5 / 6,
            "Column.n.Uniqueness": 3 / 5,
            "Column.n.Entropy": 1.3321790402101223,
            "Column.n.Minimum": 0.0,
            "Column.n.Maximum": 5.0,
            "Column.n.Mean": 2.0,
            "Column.n.StandardDeviation": 2.8**0.5,
            "Column.n.Sum": 10.0,
        }
    )
    assert (texts["Column.s.MaximumLength"], texts["Column.s.Uniqueness"]) == (4.0, 3 / 5)
    assert set(flags) == {
        "Dataset.*.RowCount",
        "Dataset.*.ColumnCount",
        *(f"Column.ok.{metric}" for metric in ("Completeness", "Uniqueness", "Entropy")),
    }
