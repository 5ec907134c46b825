"""Where AWS's documents and Deequ differ: one case each, and what either says of it."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_cli.quality import DqdlErrors, check, parse
from mlops_cli.quality.engine.profiles import DIFFERENCES, STRICTER

WORDS = {"word": ["a", "abc", None]}
DAYS = {"day": [date(2026, 1, 1), None]}
NONE = {"word": pa.array([], pa.string()), "n": pa.array([], pa.int64())}


class Case(NamedTuple):
    """A rule on some data, and the outcomes of both profiles."""

    difference: str
    rule: str
    data: dict
    aws: str
    deequ: str


CASES = [
    Case("null-length", 'ColumnLength "word" > 0', WORDS, "FAIL", "PASS"),
    Case("null-length", 'ColumnLength "word" < 6', WORDS, "PASS", "PASS"),
    Case("null-length", 'ColumnLength "word" < 6', {"word": pa.nulls(2, "string")}, "PASS", "FAIL"),
    Case("length-ends", 'ColumnLength "word" != 2', {"word": ["a", "ab", "abc"]}, "FAIL", "PASS"),
    Case("length-zero", 'ColumnLength "word" not in [0, 3]', {"word": ["abc"]}, "FAIL", "PASS"),
    Case("length-zero", 'ColumnLength "word" not in [0, 9]', WORDS, "FAIL", "FAIL"),
    Case(
        "length-zero",
        'ColumnLength "word" not between 0 and 9',
        {"word": ["abc"]},
        "FAIL",
        "PASS",
    ),
    Case("threshold", 'ColumnValues "n" > 1 with threshold > 0.4', {"n": [1, 2]}, "PASS", "FAIL"),
    Case(
        "threshold",
        'ColumnValues "word" in ["a"] with threshold > 0.3',
        WORDS,
        "PASS",
        "FAIL",
    ),
    Case(
        "threshold",
        'ColumnValues "day" > "2025-01-01" with threshold > 0.4',
        DAYS,
        "PASS",
        "PASS",
    ),
    Case(
        "ignore-case",
        'ColumnValues "word" in ["A"] with ignoreCase = "true"',
        {"word": ["a"]},
        "PASS",
        "FAIL",
    ),
    Case("key-columns", 'IsPrimaryKey "a" "b"', {"a": [1, 1], "b": [1, None]}, "FAIL", "PASS"),
    Case("key-columns", 'IsPrimaryKey "a"', {"a": [1, None]}, "FAIL", "FAIL"),
    Case(
        "date-range",
        'ColumnValues "day" not between "2020-01-01" and "2020-02-01"',
        DAYS,
        "FAIL",
        "PASS",
    ),
    Case("keyword-null", 'ColumnValues "word" not in ["x", EMPTY]', WORDS, "PASS", "FAIL"),
    Case("keyword-null", 'ColumnValues "word" not in ["x"]', WORDS, "PASS", "PASS"),
    Case("pattern-group", 'ColumnValues "word" matches "a|b"', {"word": ["axe"]}, "FAIL", "PASS"),
    Case("pattern-empty", 'ColumnValues "word" matches ".*"', {"word": [""]}, "PASS", "FAIL"),
    Case("pattern-empty", 'ColumnValues "word" not matches "x"', {"word": [""]}, "PASS", "FAIL"),
    Case(
        "pattern-negated",
        'ColumnValues "word" not matches "a"',
        {"word": ["a b"]},
        "PASS",
        "FAIL",
    ),
    Case(
        "pattern-negated", 'ColumnValues "word" not matches "a"', {"word": ["ab"]}, "PASS", "PASS"
    ),
    Case("empty-data", 'ColumnDataType "word" = "Date"', NONE, "FAIL", "PASS"),
    Case("empty-data", 'DistinctValuesCount "word" = 0', NONE, "FAIL", "PASS"),
    Case("empty-data", 'AggregateMatch "sum(n)" "avg(n)" = 1', NONE, "FAIL", "PASS"),
    Case("empty-data", 'IsComplete "word"', NONE, "FAIL", "FAIL"),
    Case("empty-where", 'IsComplete "word" where "word = \'x\'"', WORDS, "PASS", "PASS"),
    Case("empty-where", 'IsComplete "word" where "word = \'x\'"', NONE, "FAIL", "PASS"),
    Case(
        "empty-where",
        'Mean "n" > 5 where "k = 1"',
        {"n": pa.array([None, 7], pa.int64()), "k": [1, 2]},
        "FAIL",
        "PASS",
    ),
    Case("unknown-where", 'RowCount > 9 where "word > 1"', NONE, "ERROR", "ERROR"),
    Case(
        "unknown-where", "RowCount > 9 where \"word = 'x'\"", {"word": [None, None]}, "FAIL", "PASS"
    ),
    Case("unknown-where", "RowCount > 9 where \"word = 'x'\"", WORDS, "FAIL", "FAIL"),
    Case("distinct-text", 'DistinctValuesCount "x" = 1', {"x": [0.0, -0.0]}, "PASS", "FAIL"),
    Case(
        "distinct-text",
        'DistinctValuesCount "word" = 2',
        {"word": ["NullValue", None]},
        "PASS",
        "FAIL",
    ),
    Case("doubles", 'ColumnValues "n" <= 9007199254740992', {"n": [2**53 + 1]}, "FAIL", "PASS"),
    Case("apostrophe", 'ColumnValues "word" in ["it\'s"]', {"word": ["it's"]}, "PASS", "ERROR"),
    Case("one-operand", 'ColumnValues "n" > 1 + 1', {"n": [3]}, "PASS", "ERROR"),
    Case("one-operand", "RowCount > 1 + 1", {"n": [1, 2, 3]}, "PASS", "PASS"),
    Case(
        "repeated-rows",
        "CustomSql \"select word from primary where word = 'a'\"",
        {"word": ["a", "a", "b", "b"]},
        "FAIL",
        "PASS",
    ),
    Case("no-history", "RowCount > avg(last(3)) * 2", {"n": [1]}, "PASS", "ERROR"),
    Case("no-converter", "FileSize > 1 B", {"n": [1]}, "PASS", "ERROR"),
]
IDS = [f"{case.difference}: {case.rule}" for case in CASES]


def outcome(case: Case, profile: str, folder) -> str:
    path = folder / "data.parquet"
    pq.write_table(pa.table(case.data), path)
    (found,) = check(f"Rules = [ {case.rule} ]", path, profile=profile).outcomes
    return found.outcome


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_aws_documents_say(case, tmp_path):
    assert outcome(case, "aws", tmp_path) == case.aws


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_deequ_says(case, tmp_path):
    assert outcome(case, "deequ", tmp_path) == case.deequ


def test_every_difference_of_the_table_has_a_case_in_which_it_counts():
    counted = {case.difference for case in CASES if case.aws != case.deequ}
    assert counted | {"more-types"} == {one.name for one in DIFFERENCES}
    assert len(counted) == len(DIFFERENCES) - 1
    assert all(one.aws and one.deequ and one.source and one.rules for one in DIFFERENCES)


MORE = [
    ('Range "n" = 9', {"Column.n.Range": 9.0}),
    ('ZerosCount "n" = 1', {"Column.n.ZerosCount": 1.0}),
    ('InterquartileRange "n" = 4.5', {"Column.n.InterquartileRange": 4.5}),
    ('Skewness "n" between -0.1 and 0.1', {"Column.n.Skewness": 0.0}),
    ('Kurtosis "n" between -1.23 and -1.22', {"Column.n.Kurtosis": -1.2242424242424244}),
    ('Skewness "same" = 0', {"Column.same.Skewness": 0.0}),
    ('Kurtosis "far" between -1.23 and -1.22', {"Column.far.Kurtosis": -1.2242424242424244}),
    ('DuplicateRowCount "same" = 10', {"Dataset.*.DuplicateRowCount": 10.0}),
    ("DuplicateRowCount = 0", {"Dataset.*.DuplicateRowCount": 0.0}),
]


@pytest.mark.parametrize(("rule", "metrics"), MORE, ids=[rule for rule, _ in MORE])
def test_deequ_measures_types_that_aws_does_not_document(rule, metrics, tmp_path):
    path = tmp_path / "data.parquet"
    n = list(range(10))
    pq.write_table(pa.table({"n": n, "same": [7] * 10, "far": [10**9 + one for one in n]}), path)
    (found,) = check(f"Rules = [ {rule} ]", path, profile="deequ").outcomes
    assert found.outcome == "PASS", found.message
    assert found.metrics == pytest.approx(metrics, rel=1e-9, abs=1e-12)
    with pytest.raises(DqdlErrors, match="--profile deequ"):
        parse(f"Rules = [ {rule} ]")


def test_neither_profile_lets_an_error_be_outvoted(tmp_path):
    path = tmp_path / "data.parquet"
    pq.write_table(pa.table({"n": [1]}), path)
    text = 'Rules = [ (RowCount = 1) or (IsComplete "nope"), RowCount not between 4 and 4 ]'
    for profile in ("aws", "deequ"):
        outcomes = check(text, path, profile=profile).outcomes
        assert [one.outcome for one in outcomes] == ["ERROR", "ERROR"]
    assert all(isinstance(one, str) for one in STRICTER)
