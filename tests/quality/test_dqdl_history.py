"""Results that are kept, and rules about earlier ones."""

from __future__ import annotations

import json
import multiprocessing
from datetime import UTC, datetime

import pytest

from mlops_cli.quality import FileHistory, HistoryError, check, history_key, parse

NOW = datetime(2026, 6, 15, 12, 30, tzinfo=UTC)


class Known:
    """A history of one metric, the newest value first."""

    def __init__(self, values):
        self.known = values
        self.added = []

    def values(self, _metric):
        return self.known

    def add(self, report):
        self.added.append(report)


@pytest.fixture
def table(csv):
    """Write a table of so many rows."""

    def write(rows, name="data.csv"):
        return csv("n\n" + "".join(f"{value}\n" for value in range(rows)), name)

    return write


def history(tmp_path, data_set="data", ruleset="r"):
    return FileHistory(tmp_path / "h.jsonl", ruleset=ruleset, data_set=data_set)


def one(rule, path, known):
    (found,) = check(f"Rules = [ {rule} ]", path, history=known, now=NOW).outcomes
    return found


# Six rows, and earlier results of 8, 4 and 6 with 8 the newest.
OUTCOMES = [
    ("RowCount = last() - 2", "PASS"),
    ("RowCount = last(1) - 2", "PASS"),
    ("RowCount = avg(last(2))", "PASS"),
    ("RowCount = avg(last(10))", "PASS"),  # fewer than ten: all there are
    ("RowCount = median(last(3))", "PASS"),
    ("RowCount < max(last(3))", "PASS"),
    ("RowCount < max(last(3)) - 3", "FAIL"),
    ("RowCount > min(last(3)) + 1", "PASS"),
    ("RowCount = sum(last(3)) / 3", "PASS"),
    ("RowCount > std(last(2)) * 2.9", "PASS"),  # the population's: 2
    ("RowCount = index(last(3), 2)", "PASS"),
    ("RowCount = index(last(3), 0)", "FAIL"),
    ("RowCount = index(last(10), 9)", "FAIL"),  # no such result: 0
    ("RowCount = abs(4 - last()) + 2", "PASS"),
    ("RowCount = max(abs(last(3))) - 2", "PASS"),
    ("RowCount between min(last(3)) and max(last(3))", "PASS"),
    ("RowCount in [last(), avg(last(2))]", "PASS"),
    ("RowCount > -last()", "PASS"),
    ("RowCount > (last() - 4) * 2", "FAIL"),
    ('ColumnValues "n" >= 1 with threshold = last() - 8', "FAIL"),
]


@pytest.mark.parametrize(("rule", "expected"), OUTCOMES, ids=[rule for rule, _ in OUTCOMES])
def test_a_rule_is_compared_with_earlier_results(rule, expected, table):
    found = one(rule, table(6), Known([8, 4, 6]))
    assert found.outcome == expected, found.message
    assert "earlier results of `" in found.message


ERRORS = [
    ("RowCount > last(5)", "`last(5)` is a list of results, and a number is needed: write"),
    ("RowCount > abs(last(5))", "is a list of results"),
    ("RowCount > avrg(last(2))", "no function `avrg`. Did you mean `avg`?"),
    ("RowCount > avg(5)", "write `avg(last(10))`"),
    ("RowCount > avg(last(2), 3)", "write `avg(last(10))`"),
    ("RowCount > index(last(3), 3)", "the newest result is at 0, the oldest at 2"),
    ("RowCount > index(last(3))", "write `index(last(10), 0)`"),
    ("RowCount > last(0)", "out of range"),
    ("RowCount > last(9999999)", "out of range"),
    ("RowCount > last(1.5)", "`1.5` is not a whole number"),
    ("RowCount > last(-1)", "`-1` is not a whole number"),
    ("RowCount > last(1, 2)", "takes a number of results"),
    ("RowCount > abs()", "`abs` takes one number"),
    ("RowCount > avg(last(2)) / 0", "divides by zero"),
    ('ColumnValues "n" = last()', "compare with `>`, `>=`, `<`, `<=` or `between`"),
    ('AggregateMatch "sum(n)" "sum(n)" > last()', "cannot be compared with earlier results"),
    ('Mean "m" > last()', "no column `m`"),
]


@pytest.mark.parametrize(("rule", "message"), ERRORS, ids=[rule for rule, _ in ERRORS])
def test_a_function_that_means_nothing_is_an_error(rule, message, table):
    found = one(rule, table(6), Known([8, 4, 6]))
    assert (found.outcome, message in found.message) == ("ERROR", True), found.message


@pytest.mark.parametrize(("known", "why"), [(None, "no history is kept"), (Known([]), "none yet")])
@pytest.mark.parametrize("operand", ["last()", "avg(last(3))", "index(last(3), 1)", "std(last(3))"])
def test_without_earlier_results_every_function_is_0_and_the_verdict_says_so(
    known, why, operand, table
):
    found = one(f"RowCount > {operand} * 0.8", table(6), known)
    assert (found.outcome, found.evaluated) == ("PASS", "RowCount > 0 * 0.8")
    assert f"`{operand.replace(', ', ',')}` is 0 without earlier results" in found.message
    assert why in found.message


def test_the_result_tells_the_rule_as_it_was_evaluated(table):
    found = check(
        'Rules = [ (RowCount > avg(last(2)) * 0.5) and (IsComplete "n") ]',
        table(6),
        history=Known([8, 4]),
    )
    (result,) = found.to_dict()["RuleResults"]
    assert result["Description"] == '(RowCount > avg(last(2)) * 0.5) AND (IsComplete "n")'
    assert result["EvaluatedRule"] == '(RowCount > 6 * 0.5) AND (IsComplete "n")'


def test_results_are_kept_and_the_newest_comes_first(tmp_path, table):
    for rows in (5, 6, 7):
        check("Rules = [ RowCount > last() ]", table(rows), history=history(tmp_path))
    kept = history(tmp_path)
    assert kept.values("Dataset.*.RowCount") == [7, 6, 5]
    assert [one["Score"] for one in kept.results()] == [1.0, 1.0, 1.0]
    assert kept.results()[0]["RuleResults"][0]["Result"] == "PASS"
    assert kept.notes == ()


def test_least_and_greatest_values_bound_their_own_end(tmp_path, table):
    rule = 'Rules = [ ColumnValues "n" between min(last(3)) - 1 and max(last(3)) + 1 ]'
    check(rule, table(6), history=history(tmp_path))
    inside = check(rule, table(6), history=history(tmp_path)).outcomes[0]
    outside = check(rule, table(9), history=history(tmp_path)).outcomes[0]
    assert (inside.outcome, outside.outcome) == ("PASS", "FAIL")
    assert outside.evaluated == 'ColumnValues "n" between 0 - 1 and 5 + 1'


def test_rules_of_other_rulesets_and_data_sets_do_not_mix(tmp_path, table):
    for data_set, ruleset, rows in (("a", "r", 3), ("b", "r", 4), ("a", "s", 5)):
        kept = history(tmp_path, data_set, ruleset)
        check("Rules = [ RowCount > 0 ]", table(rows), history=kept)
    assert history(tmp_path, "a").values("Dataset.*.RowCount") == [3]
    assert history(tmp_path, "b").values("Dataset.*.RowCount") == [4]


def test_two_rules_with_one_name_of_a_metric_have_two_keys():
    def keys(*rules):
        leaves = parse(f"Rules = [ {', '.join(rules)} ]").leaves
        return [history_key(leaf, "Dataset.*.RowCount") for leaf in leaves]

    first, second, third = keys("RowCount > 0", 'RowCount > 0 where "n > 1"', "RowCount > 9")
    assert first == third == "Dataset.*.RowCount"
    assert second == 'Dataset.*.RowCount where "n > 1"'
    first, second = keys('CustomSql "select 1" > 0', 'CustomSql "select 2" > 0')
    assert first != second


def test_a_torn_line_is_left_out_and_said_and_the_next_one_is_whole(tmp_path, table):
    path = tmp_path / "h.jsonl"
    check("Rules = [ RowCount > 0 ]", table(5), history=history(tmp_path))
    path.write_bytes(path.read_bytes() + path.read_bytes()[:40])
    check("Rules = [ RowCount > 0 ]", table(6), history=history(tmp_path))
    kept = history(tmp_path)
    assert kept.values("Dataset.*.RowCount") == [6, 5]
    assert kept.notes == (f"Line 2 of the history `{path}` is broken and is left out",)


@pytest.mark.parametrize("line", ["[]", "{}", '{"Metrics": 1}', "[" * 9999, "\0", "nonsense", "1"])
def test_no_line_of_a_history_is_trusted(line, tmp_path, table):
    (tmp_path / "h.jsonl").write_text(line + "\n")
    kept = history(tmp_path)
    check("Rules = [ RowCount > last() ]", table(5), history=kept)
    assert kept.values("Dataset.*.RowCount") == [5]
    assert len(kept.notes) == 1


def _add(path, number):
    data = path.parent / f"{number}.csv"
    data.write_text("n\n" + "1\n" * 50)
    for _ in range(5):
        kept = FileHistory(path, ruleset="r", data_set="d")
        check("Rules = [ RowCount > 0 ]", data, history=kept)


def test_several_writers_lose_no_result(tmp_path):
    path = tmp_path / "h.jsonl"
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_add, args=(path, number)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    lines = path.read_text().splitlines()
    assert len([json.loads(line) for line in lines]) == 15


def test_a_history_that_cannot_be_used_is_one_clear_error(tmp_path, table):
    (tmp_path / "h.jsonl").mkdir()
    with pytest.raises(HistoryError, match="it cannot be read: is a directory"):
        check("Rules = [ RowCount > last() ]", table(5), history=history(tmp_path))


def test_a_rule_that_stands_there_twice_is_said(table):
    report = check("Rules = [\n RowCount > 1,\n RowCount > 2,\n RowCount > 1\n]", table(3))
    (note,) = report.notes
    assert note.startswith("The rule `RowCount > 1` stands here 2 times, on lines 2 and 4")
    assert report.score == 1.0
