"""Rows that fail: which, for which rules, and how they are written."""

from __future__ import annotations

import csv as csv_files
import json
import stat
from pathlib import Path

import duckdb
import pytest
from agreement import evaluated_at, records, source

from mlops_cli.quality import FailedRows, RowsError, check

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "dqdl"
ADDED = [
    "DataQualityRulesPass",
    "DataQualityRulesFail",
    "DataQualityRulesSkip",
    "DataQualityEvaluationResult",
]


@pytest.fixture
def failed(tmp_path):
    """Check rules, and give the rows that failed, each as a dictionary."""

    def run(rules, data, **options):
        path = tmp_path / "failed.parquet"
        check(f"Rules = [ {rules} ]", data, rows=FailedRows(path), **options)
        found = duckdb.connect().execute(f"SELECT * FROM '{path}'")
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    return run


@pytest.fixture
def table(csv):
    return csv("id,a,b,s\n1,,x,p\n2,5,,q\n3,,,p\n3,7,y,\n")


RULES = [
    ('IsComplete "a"', [1, 3]),
    ('Completeness "a" > 0.1', [1, 3]),  # the row lacks a value, whatever the verdict
    ('IsUnique "id"', [3, 3]),
    ('Uniqueness "id" "a" > 0.1', []),
    ('IsUnique "a"', []),  # a row without a key is no double
    ('IsPrimaryKey "id"', [3, 3]),
    ('IsPrimaryKey "a"', [1, 3]),
    ('ColumnValues "a" > 5', [1, 2, 3]),
    ('ColumnValues "s" in ["p"] with threshold > 0.1', [2, 3]),
    ('ColumnValues "s" matches "p|q"', [3]),
    ('ColumnLength "s" = 1', [3]),
    ('ColumnDataType "b" = "Integer"', [1, 2, 3, 3]),
    ('ColumnValues "a" > 5 where "id > 1"', [2, 3]),  # what the `where` leaves out passes
    ('IsUnique "id" where "a is not null"', []),
    ('CustomSql "select id from primary where id < 3"', [3, 3]),
    ('CustomSql "select * from primary where s is not null"', [3]),
    ('(IsComplete "a") or (IsComplete "b")', [3]),
    ('(IsComplete "a") and (IsComplete "b")', [1, 2, 3]),
    ('(IsComplete "a") or ((IsComplete "b") and (ColumnValues "id" > 1))', [1, 3]),
]


@pytest.mark.parametrize(("rule", "ids"), RULES, ids=[rule for rule, _ in RULES])
def test_a_rule_fails_for_the_rows_that_do_not_meet_it(rule, ids, table, failed):
    rows = failed(rule, table)
    assert sorted(row["id"] for row in rows) == ids
    for row in rows:
        assert row["DataQualityRulesFail"] != []
        assert row["DataQualityRulesPass"] == row["DataQualityRulesSkip"] == []
        assert row["DataQualityEvaluationResult"] == "Failed"


@pytest.mark.parametrize(
    "rule",
    [
        "RowCount > 100",
        'Mean "a" > 100',
        'DistinctValuesCount "a" > 100',
        'CustomSql "select count(*) from primary" = 0',
        '(RowCount > 0) and (IsComplete "a")',
        'ColumnExists "zz"',
        'IsComplete "zz"',
    ],
)
def test_a_rule_about_all_rows_or_without_a_verdict_is_skipped(rule, table, failed):
    (row,) = failed(f'{rule}, IsUnique "b" where "b is null or id = 1", IsComplete "s"', table)
    assert len(row["DataQualityRulesSkip"]) == 1
    assert row["DataQualityRulesFail"] == ['IsComplete "s"']


def test_rows_are_compared_with_a_second_data_set(table, csv, failed):
    others = {"ref": csv("id,a\n1,\n2,6\n9,9\n", "ref.csv")}
    rows = failed(
        'ReferentialIntegrity "id" "ref.id" = 1, DatasetMatch "ref" "id" "a" = 1',
        csv("id,a\n1,\n2,5\n3,5\n", "ours.csv"),
        datasets=others,
    )
    found = {row["id"]: len(row["DataQualityRulesFail"]) for row in rows}
    assert found == {2: 1, 3: 2}


def test_a_row_says_of_each_rule_what_it_makes_of_it(table, failed):
    rows = failed('IsComplete "a", IsComplete "id", RowCount > 1', table)
    assert list(rows[0]) == ["id", "a", "b", "s", *ADDED]
    assert rows[0]["DataQualityRulesFail"] == ['IsComplete "a"']
    assert rows[0]["DataQualityRulesPass"] == ['IsComplete "id"']
    assert rows[0]["DataQualityRulesSkip"] == ["RowCount > 1"]


def test_values_keep_their_types(people, failed):
    (row,) = failed('ColumnValues "id" != 1', people)
    assert row["day"].isoformat() == "2026-01-01"
    assert (row["x"], row["ok"], row["w"]) == (1.0, True, "x")


def test_where_nothing_fails_the_file_has_columns_and_no_rows(table, failed, tmp_path):
    assert failed('IsComplete "id"', table) == []
    assert (tmp_path / "failed.parquet").exists()


def test_the_file_is_private_and_the_report_names_it(table, tmp_path):
    path = tmp_path / "failed.csv"
    report = check('Rules = [ IsComplete "a" ]', table, rows=FailedRows(path))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert report.notes == (f"2 rows that failed are in `{path}`",)
    rows = list(csv_files.DictReader(path.open()))
    assert [row["id"] for row in rows] == ["1", "3"]
    assert json.loads(rows[0]["DataQualityRulesFail"]) == ['IsComplete "a"']
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_values_of_redacted_columns_are_masked_in_rows_and_messages(table, tmp_path):
    path = tmp_path / "failed.csv"
    rules = 'Rules = [ ColumnValues "s" in ["p"], IsComplete "a" ]'
    report = check(rules, table, rows=FailedRows(path, redacted=("S", "id")))
    rows = list(csv_files.DictReader(path.open()))
    assert {row["id"] for row in rows} == {"***"}
    assert {row["s"] for row in rows} == {"***", ""}
    assert "`q`" not in report.outcomes[0].message


def test_no_more_rows_are_written_than_asked_for(table, tmp_path):
    path = tmp_path / "failed.csv"
    report = check('Rules = [ ColumnValues "id" > 9 ]', table, rows=FailedRows(path, most=2))
    assert len(list(csv_files.DictReader(path.open()))) == 2
    assert "of which no more were asked for" in report.notes[0]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (("failed.txt", ()), "its name does not say what to write"),
        (("none/failed.csv", ()), "there is no such folder"),
        (("failed.csv", ("ids",)), "no column `ids` to redact"),
    ],
)
def test_what_cannot_be_written_is_refused_before_anything_is_checked(
    wanted, message, table, tmp_path
):
    name, redacted = wanted
    with pytest.raises(RowsError, match=message):
        check('Rules = [ IsComplete "a" ]', table, rows=FailedRows(tmp_path / name, redacted))
    assert list(tmp_path.glob("**/failed*")) == []


def test_what_is_read_is_never_replaced(table):
    text = table.read_text()
    with pytest.raises(RowsError, match="it is what is checked"):
        check('Rules = [ IsComplete "a" ]', table, rows=FailedRows(table))
    assert table.read_text() == text


def test_a_folder_in_the_way_is_an_error(table, tmp_path):
    (tmp_path / "failed.csv").mkdir()
    with pytest.raises(RowsError, match="Could not write rows"):
        check('Rules = [ IsComplete "a" ]', table, rows=FailedRows(tmp_path / "failed.csv"))
    assert [one.name for one in tmp_path.iterdir() if one.name.startswith(".")] == []


def test_a_column_with_a_name_of_ours_is_refused(csv, tmp_path):
    data = csv("DataQualityRulesPass\n1\n")
    with pytest.raises(RowsError, match="has a name that results use"):
        check("Rules = [ RowCount > 0 ]", data, rows=FailedRows(tmp_path / "failed.csv"))


def test_names_that_are_odd_stay_what_they_are(csv, failed):
    (row,) = failed('IsComplete "rule 0"', csv('rule 0,"a""b"\n,2\n1,3\n'))
    assert (row["rule 0"], row['a"b']) == (None, 2)


COMPOSITES = [
    ('(IsComplete "a") or (IsComplete "b")', "FAIL", "1 of 4 rows do not meet the rule"),
    ('(IsComplete "a") or (ColumnValues "b" in ["x",NULL])', "PASS", ""),
    ('(IsComplete "id") and (RowCount > 1)', "PASS", ""),
    ('(IsComplete "a") or (RowCount > 9)', "FAIL", "2 of 4 rows"),
    ('(Completeness "a" > 0.1) or (IsComplete "b")', "ERROR", "Completeness cannot be evaluated"),
    ('(Uniqueness "a" > 0.1) or (IsComplete "b")', "ERROR", "Uniqueness cannot be evaluated"),
    (
        '(ColumnValues "a" > 5 with threshold > 0.1) or (IsComplete "b")',
        "ERROR",
        "ColumnValues with a threshold cannot be evaluated row by row",
    ),
    ('(IsComplete "zz") or (IsComplete "id")', "ERROR", "no column `zz`"),
]


@pytest.mark.parametrize(
    ("rule", "outcome", "message"), COMPOSITES, ids=[r for r, _, _ in COMPOSITES]
)
def test_a_composite_can_hold_row_by_row(rule, outcome, message, table):
    (found,) = check(f"Rules = [ {rule} ]", table, composite="row").outcomes
    assert (found.outcome, message in found.message) == (outcome, True), found.message


def test_a_composite_joins_verdicts_unless_it_is_asked_to_hold_row_by_row(table):
    rule = 'Rules = [ (IsComplete "a") or (ColumnValues "b" in ["x",NULL]) ]'
    assert check(rule, table).outcomes[0].outcome == "FAIL"


def test_row_by_row_no_composite_holds_without_rows(empty):
    rule = 'Rules = [ (IsComplete "id") or (IsComplete "s") ]'
    assert check(rule, empty, composite="row").outcomes[0].outcome == "FAIL"


# Recorded from Deequ, which says less of some rules than AWS documents, or other things.
ROWS_THAT_DIFFER = {
    "t244": "AWS documents rows of DataFreshness; Deequ skips the rule",
    "t246": "AWS documents rows of ReferentialIntegrity; Deequ skips the rule",
    "t260": "the statement cannot be evaluated, so nothing is said of rows; Deequ fails each",
    "t261": "the same",
    "t267": "the same",
    "t268": "the same",
}


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded verdicts are not here")
def test_rows_agree_with_those_recorded_but_for_the_listed_ones(tmp_path):
    agreeing, different = 0, set()
    path = tmp_path / "failed.parquet"
    for case in records(RECORDED / "eval_cases.jsonl"):
        recorded = case.get("row_level")
        if not recorded:
            continue
        primary = source(case["data"], tmp_path, {})
        others = {name: source(data, tmp_path, {}) for name, data in case["sources"].items()}
        options = {"datasets": others, "now": evaluated_at(case), "profile": "deequ"}
        check(case["ruleset"], primary, rows=FailedRows(path), **options)
        found = duckdb.connect().execute(f"SELECT * FROM '{path}'").fetchall()
        width = len(primary.columns)
        ours = sorted(_row(row, width) for row in found)
        theirs = sorted(_row(row, width) for row in recorded["rows"] if row[-1] == "Failed")
        if ours == theirs:
            agreeing += 1
        else:
            different.add(case["id"])
    assert different == set(ROWS_THAT_DIFFER)
    assert agreeing == 47


def _row(row, width):
    """A row in a form that can be compared, without the columns Deequ helps itself with."""
    *values, passed, failed, skipped, _ = row
    return [str(one) for one in values[:width]], sorted(passed), sorted(failed), sorted(skipped)
