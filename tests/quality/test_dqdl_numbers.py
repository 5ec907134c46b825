"""Numbers, bounds and patterns at their ends: an ERROR, or a meaning that is written down here."""

from __future__ import annotations

import time
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_cli.quality import DqdlErrors, check, parse

NAN, INF = float("nan"), float("inf")


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    path = tmp_path_factory.mktemp("odd") / "odd.parquet"
    columns = {
        "n": [1, 2, 3],
        "nan": [1.0, NAN, 3.0],
        "inf": [1.0, INF, 2.0],
        "huge": [1e308, 1e308, 1e308],
        "zero": [0.0, -0.0, 0.0],
        "big": pa.array([2**63 - 1, 2**63 - 1, 1], pa.int64()),
        "unsigned": pa.array([2**64 - 1, 5, 1], pa.uint64()),
        "text": ["01", "1", "x"],
        "letters": ["aaaa", "abab", "b\n"],
        "long": ["a" * 5000 + "b", "c", "d"],
    }
    pq.write_table(pa.table(columns), path)
    return path


def outcome(rule, path):
    return check(f"Rules = [ {rule} ]", path).outcomes[0]


SAID = [
    # NaN is a value, the largest one, and makes every number that it is part of a NaN, which meets
    # nothing: not even `!=`.
    ('Mean "nan" != 5', "FAIL"),
    ('StandardDeviation "nan" >= 0', "FAIL"),
    ('ColumnCorrelation "n" "nan" not in [7]', "FAIL"),
    ('ColumnValues "nan" > 0', "PASS"),
    ('ColumnValues "nan" < 100', "FAIL"),
    ('IsComplete "nan"', "PASS"),
    ('DistinctValuesCount "nan" = 3', "PASS"),
    ('DistinctValuesCount "zero" = 1', "PASS"),
    ('ColumnValues "zero" = 0', "PASS"),
    # What is infinite has no mean, and what overflows is not called infinite.
    ('Mean "inf" > 0', "ERROR"),
    ('Sum "huge" > 0', "ERROR"),
    ('Mean "huge" > 0', "ERROR"),
    ('StandardDeviation "huge" = 0', "PASS"),
    ('ColumnValues "inf" > 0', "PASS"),
    # Whole numbers are exact; a sum is a double.
    ('ColumnValues "big" < 9223372036854775807', "FAIL"),
    ('ColumnValues "big" <= 9223372036854775807', "PASS"),
    ('ColumnValues "unsigned" > 0', "PASS"),
    ('Sum "big" > 18446744073709551614', "PASS"),
    # Bounds: numbers of any length, read as doubles when they have a point.
    ('ColumnValues "n" < ' + "9" * 60, "PASS"),
    ('ColumnValues "n" > 0.' + "0" * 60 + "1", "PASS"),
    ("RowCount = 3." + "0" * 30 + "1", "PASS"),
    ("RowCount > " + "9" * 400, "ERROR"),
    ("RowCount > -5", "PASS"),
    ("RowCount between 5 and 1", "ERROR"),
    ("RowCount not between 5 and 1", "ERROR"),
    ("RowCount between 3 and 3", "ERROR"),
    ("RowCount in [3, 4 / 0]", "ERROR"),
    # A share is compared as it is: one below 0 or above 1 is never reached.
    ('ColumnValues "n" > 9 with threshold < 0', "FAIL"),
    ('ColumnValues "n" > 0 with threshold > 1.5', "FAIL"),
    ('ColumnValues "n" > 9 with threshold > -0.5', "PASS"),
    ('Completeness "n" > 1', "FAIL"),
    # Text is text: a number in quotes is compared letter by letter.
    ('ColumnValues "text" in ["01", "1", "x"]', "PASS"),
    ('ColumnValues "n" in ["01", "02", "03"]', "FAIL"),
    ('ColumnValues "n" in ["1", "2", "3"]', "PASS"),
    ('ColumnValues "text" = 1', "ERROR"),
    # Patterns: whole texts, and line ends are no end.
    ('ColumnValues "letters" matches "[ab]+\\n?"', "PASS"),
    ('ColumnValues "letters" matches "[ab]+"', "FAIL"),
    ('ColumnValues "letters" matches "(a+)+$"', "FAIL"),
    ('ColumnValues "long" matches "(a+)+$"', "FAIL"),
    # What DuckDB does not know is tried value by value.
    ('ColumnValues "letters" matches "(?=[ab])[ab\\n]+"', "PASS"),
    ('ColumnValues "letters" matches "(ab)\\1|a+|b\\s"', "PASS"),
    ('ColumnValues "letters" not matches "(?!a)x"', "PASS"),
    ('ColumnValues "letters" matches "[ab]++\\n?"', "PASS"),
    ('ColumnNamesMatchPattern "^(?!_)"', "PASS"),
    ('ColumnNamesMatchPattern "(?<=z)z"', "FAIL"),
    ('ColumnValues "letters" matches "(a"', "ERROR"),
    ('ColumnValues "letters" matches "*"', "ERROR"),
    ('ColumnValues "letters" matches "(?=a"', "ERROR"),
    # Java reads these as something else, so nobody guesses.
    ('ColumnValues "letters" matches "[a-z&&[^b]]+"', "ERROR"),
    ('ColumnValues "letters" matches "[ab[cd]]+"', "ERROR"),
]


@pytest.mark.parametrize(("rule", "said"), SAID, ids=[rule[:70] for rule, _ in SAID])
def test_a_number_or_pattern_at_its_end_has_this_outcome(rule, said, odd):
    found = outcome(rule, odd)
    assert found.outcome == said, found.message
    assert found.outcome == "PASS" or found.message


@pytest.mark.parametrize("bound", ["1e309", "NaN", "Infinity", "+5", ".5", "1.", "1_000", "0x10"])
def test_what_is_no_number_of_dqdl_is_refused(bound):
    with pytest.raises(DqdlErrors):
        parse(f"Rules = [ RowCount > {bound} ]")


def test_a_search_that_never_ends_is_stopped_and_touches_no_other(odd):
    start = time.monotonic()
    text = 'Rules = [ ColumnValues "long" matches "(a+)+(?!z)$", RowCount = 3 ]'
    report = check(text, odd)
    assert [one.outcome for one in report.outcomes] == ["ERROR", "PASS"]
    assert "took longer than 5 seconds" in report.outcomes[0].message
    assert time.monotonic() - start < 20


def test_too_many_values_are_not_tried_one_by_one(tmp_path):
    path = tmp_path / "many.parquet"
    pq.write_table(pa.table({"s": [str(one) for one in range(10_001)]}), path)
    found = outcome('ColumnValues "s" matches "(?=.).*"', path)
    assert found.outcome == "ERROR"
    assert "too many: more than 10,000 distinct ones" in found.message


def test_the_statistics_of_a_file_do_not_hide_a_nan(tmp_path):
    """Parquet's statistics leave NaN out, and DuckDB takes `max` from them when it can."""
    path = tmp_path / "nan.parquet"
    pq.write_table(pa.table({"x": [1.0, NAN, 3.0]}), path)
    (found,) = check('Analyzers = [ ColumnValues "x" ]', path).analyzers
    assert str(found.metrics["Column.x.Maximum"]) == "nan"
    (found,) = check('Rules = [ Range "x" > 0 ]', path, profile="deequ").outcomes
    assert found.outcome == "FAIL"


def outcome_of(tmp_path, column, rule):
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"a": column}), path)
    (found,) = check(f"Rules = [ {rule} ]", str(path)).outcomes
    return found


def test_decimal_numbers_are_added_as_decimal_numbers(tmp_path):
    column = pa.array([Decimal("0.10"), Decimal("0.20"), Decimal("0.30")])
    assert outcome_of(tmp_path, column, 'Sum "a" = 0.6').outcome == "PASS"


def test_a_number_that_is_nearly_the_bound_is_shown_in_full(tmp_path):
    found = outcome_of(tmp_path, [0.1, 0.2, 0.3], 'Sum "a" = 0.6')
    assert found.message == "Sum of `a` is 0.6000000000000001, and should be = 0.6"


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        ("2024-01-02", "PASS"),
        ("2024-01-02 10:00:00", "PASS"),
        ("2024-01-02T10:00", "PASS"),
        ("2024-01-02x", "FAIL"),
        ("2024-01-021", "FAIL"),
    ],
)
def test_a_text_with_more_than_a_day_and_a_time_is_no_date(text, outcome, tmp_path):
    found = outcome_of(tmp_path, [text], 'ColumnValues "a" > "2023-01-01"')
    assert found.outcome == outcome
