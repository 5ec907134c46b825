"""What rules say about data."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_cli.quality import RULE_TYPES, DqdlErrors, check, open_source, parse
from mlops_cli.quality.language.printer import quote

NOW = datetime(2026, 6, 15, 12, 30, 45, tzinfo=UTC)

OUTCOMES = [
    ("RowCount = 6", "PASS"),
    ("RowCount between 0 and 6", "FAIL"),  # both ends are excluded
    ("RowCount not between 6 and 9", "PASS"),  # and here both are included
    ("RowCount > 1 + 2 * 2", "FAIL"),  # (1 + 2) * 2: no precedence
    ("RowCount in [5, 6]", "PASS"),
    ('RowCount = 2 where "n = 2"', "PASS"),
    ("ColumnCount = 10", "PASS"),
    ('ColumnExists "id"', "PASS"),
    ('ColumnExists "ID"', "FAIL"),
    ('IsComplete "id"', "PASS"),
    ('IsComplete "n"', "FAIL"),
    ('IsComplete "ID"', "PASS"),  # names are found in another case too
    ('IsComplete "n" where "id < 4"', "PASS"),
    ('Completeness "n" > 0.83', "PASS"),
    ('Completeness "all_null" = 0', "PASS"),
    ('Uniqueness "n" = 0.6', "PASS"),
    ('UniqueValueRatio "n" = 0.75', "PASS"),
    ('DistinctValuesCount "n" = 5', "PASS"),  # NULL is one of them
    ('IsUnique "id"', "PASS"),
    ('IsUnique "n"', "FAIL"),
    ('IsUnique "id" "s"', "PASS"),
    ('IsUnique "all_null"', "FAIL"),
    ('IsPrimaryKey "id"', "PASS"),
    ('IsPrimaryKey "id" "n"', "FAIL"),  # n has a NULL
    ('Mean "n" = 2', "PASS"),
    ('Sum "x" = 12', "PASS"),
    ('StandardDeviation "n" between 1.67 and 1.68', "PASS"),  # population: sample is 1.87
    ('Mean "all_null" > 0', "FAIL"),
    ('Variance "n" between 2.79 and 2.81', "PASS"),  # population: sample is 3.5
    ('Variance "all_null" >= 0', "FAIL"),
    ('Entropy "n" between 1.332 and 1.333', "PASS"),  # in nats, without the NULL
    ('Entropy "ok" > 0 where "ok"', "FAIL"),
    ('Entropy "all_null" >= 0', "FAIL"),
    ('ColumnCorrelation "n" "x" > 0.9', "PASS"),
    ('ColumnCorrelation "n" "odd\\" name" > -2', "FAIL"),  # a constant correlates with nothing
    ('ColumnCorrelation "n" "all_null" > -2', "FAIL"),
    ('ColumnNamesMatchPattern "[a-z]"', "PASS"),  # found anywhere in the name
    ('ColumnNamesMatchPattern "^[a-z_]+$"', "FAIL"),
    ('ColumnLength "s" >= 0', "PASS"),
    ('ColumnLength "s" > 0', "FAIL"),  # NULL has length 0
    ('ColumnLength "s" in [0, 1, 3, 4]', "PASS"),
    ('ColumnValues "id" > 0', "PASS"),
    ('ColumnValues "n" >= 0', "FAIL"),  # the NULL
    ('ColumnValues "n" >= 0 with threshold > 0.8', "PASS"),
    ('ColumnValues "n" >= 0 with threshold > 0.9', "FAIL"),
    ('ColumnValues "n" not between 3 and 4', "FAIL"),
    ('ColumnValues "n" in [0, 1, 2, 5]', "FAIL"),
    ('ColumnValues "n" in [0, 1, 2, 5, NULL]', "PASS"),
    ('ColumnValues "n" not in [9]', "PASS"),  # NULL passes
    ('ColumnValues "n" not in [9, NULL]', "FAIL"),
    ('ColumnValues "n" != 9', "PASS"),
    ('ColumnValues "n" in ["0", "1", "2", "5", NULL]', "PASS"),
    ('ColumnValues "x" = NULL with threshold > 0.1', "PASS"),
    ('ColumnValues "x" != NULL', "FAIL"),
    ('ColumnValues "all_null" = NULL', "PASS"),
    ('ColumnValues "s" in ["a", "b", "c c", "it\'s", NULL]', "PASS"),
    ('ColumnValues "s" in ["A", "B", "C C", "IT\'S", NULL] with ignoreCase = "true"', "PASS"),
    ('ColumnValues "s" matches "[a-z \']+" where "s is not null"', "PASS"),
    ('ColumnValues "s" matches "a|b" with threshold >= 0.5', "PASS"),
    ('ColumnValues "s" not matches "zz"', "FAIL"),  # the NULL
    ('ColumnValues "w" != EMPTY', "FAIL"),
    ('ColumnValues "w" in [EMPTY, WHITESPACES_ONLY] with threshold between 0.3 and 0.4', "PASS"),
    ('ColumnValues "ok" in ["true", "false", NULL]', "PASS"),
    ('ColumnValues "day" >= "2025-12-31" where "day is not null"', "PASS"),
    ('ColumnValues "day" between "2025-12-30" and "2026-06-17" with threshold > 0.8', "PASS"),
    ('ColumnValues "day" <= now() with threshold = 0.5', "FAIL"),
    ('ColumnValues "at" > (now() - 3 hours) with threshold between 0.4 and 0.6', "PASS"),
    ('ColumnValues "at" = "2026-06-15" with threshold > 0.8', "PASS"),
    ('ColumnValues "at" in ["2026-06-15", NULL]', "PASS"),
    ('ColumnDataType "id" = "Integer"', "PASS"),
    ('ColumnDataType "n" = "INTEGER"', "FAIL"),  # the NULL
    ('ColumnDataType "n" = "integer" with threshold > 0.8', "PASS"),
    ('ColumnDataType "s" = "Integer"', "FAIL"),
    ('ColumnDataType "s" != "Integer"', "PASS"),  # of no row, the NULL included
    ('ColumnDataType "x" = "DECIMAL(2, 1)" where "x is not null"', "PASS"),
    ('ColumnDataType "x" = "DECIMAL(1,1)" where "x is not null"', "FAIL"),
    ('ColumnDataType "ok" = "Boolean" with threshold > 0.8', "PASS"),
    ('ColumnDataType "at" = "Date" with threshold > 0.8', "PASS"),
    ('ColumnDataType "day" = "Timestamp" where "day is not null"', "PASS"),
    ('CustomSql "select count(*) from primary" = 6', "PASS"),
    ('CustomSql "select n from primary"', "PASS"),
    ("FileSize between 100 B and 1 MB", "PASS"),
    ('FileFreshness > "2020-01-01"', "PASS"),
    ("FileUniqueness = 1", "PASS"),
    (f'FileMatch = "{"0" * 64}"', "FAIL"),
    ('DataFreshness "at" < 12 hours', "FAIL"),  # the NULL
    ('DataFreshness "at" < 12 hours where "id < 6"', "PASS"),
    ('DataFreshness "at" <= 690 minutes where "id < 6"', "FAIL"),  # 11.51 hours
    ('DataFreshness "at" between 30 minutes and 1 days where "id < 6"', "PASS"),
    ('DataFreshness "at" not between 2 hours and 3 days where "id = 5"', "PASS"),
    ('DataFreshness "day" > 3 days where "day < \'2026-06-01\'"', "PASS"),
    ('DataFreshness "day" in [12 hours, 1 days] where "id = 2"', "FAIL"),
    ('DataFreshness "s" > 0 days', "FAIL"),  # no moments
    ('AggregateMatch "sum(n)" "sum(id)" < 0.5', "PASS"),
    ('(IsUnique "n") or (IsUnique "id")', "PASS"),
    ('(IsUnique "n") and (IsUnique "id")', "FAIL"),
    ('Sum "odd\\" name" = 6', "PASS"),
]


@pytest.mark.parametrize(("rule", "expected"), OUTCOMES, ids=[rule for rule, _ in OUTCOMES])
def test_a_rule_has_its_outcome(rule, expected, people, outcome):
    found = outcome(rule, people)
    assert found.outcome == expected, found.message


CANNOT = [
    ('IsComplete "nope"', "The data has no column `nope`"),
    ('Mean "idd" > 1', "Did you mean `id`"),
    ('Mean "s" > 1', "Mean is about numbers, and column `s` holds text"),
    ('ColumnValues "s" > 1', "`> 1` is about numbers, and column `s` holds text"),
    ('ColumnValues "n" matches "1"', "is about text, and column `n` holds integer"),
    ('ColumnValues "n" > now()', "is about dates, and column `n` holds integer"),
    ('ColumnLength "n" > 1', "ColumnLength is about text"),
    ('ColumnValues "s" matches "(?=a"', "The pattern cannot be used"),
    ('ColumnValues "s" matches "(a"', "The pattern cannot be used"),
    ("RowCount > last(5)", "write `avg(last(5))`, or `last()` for the newest"),
    ("RowCount between 5 and 1", "the first number is not below the second"),
    ("RowCount not between 5 and 1", "the first number is not below the second"),
    ("RowCount > 1 / 0", "divides by zero"),
    ("RowCount > " + "9" * 400, "is too large"),
    ("RowCount > " + "9" * 200 + " * " + "9" * 200, "is too large"),
    ("RowCount = NULL", "`NULL` is not a number"),
    ('ColumnValues "day" between "2026-02-01" and "2026-01-01"', "not before the second"),
    ('ColumnValues "day" > (now() - 2000000000 days)', "is no date"),
    ('DetectAnomalies "RowCount"', "no history is kept"),
    ('Variance "s" > 1', "Variance is about numbers, and column `s` holds text"),
    ('ColumnCorrelation "n" "s" > 1', "is about numbers, and column `s` holds text"),
    ('ColumnDataType "s" = "String"', "`String` is no type of ColumnDataType"),
    ('ColumnDataType "n" = "Date"', "`n` holds integer, which nothing casts to Date"),
    ('ColumnDataType "s" = "DECIMAL(2,3)"', "There is no type `DECIMAL(2,3)`"),
    ('ColumnDataType "s" in ["Integer", "Date"]', "takes only `=` and `!=`"),
    ('ColumnDataType "s" = "Date" with format = "%Y"', "`%Y` is no format of dates"),
    ('DataFreshness "n" > 1 days', "DataFreshness is about dates, and column `n` holds integer"),
    ('ColumnNamesMatchPattern "(?=a"', "The pattern cannot be used"),
    ('RowCount > 0 where "nope > 1"', "The `where` cannot be used"),
    ('RowCount > 0 where "n +"', "The `where` is no Spark SQL"),
    ('RowCount > 0 where "n"', "The `where` gives INTEGER, not true or false"),
    ('RowCount > 0 where "count(*) > 1"', "The `where` cannot be used"),
    ('RowCount > 0 where "n > 1) union select (2"', "The `where` is no Spark SQL"),
    ('RowCount > 0 where "1 = 1), (2 = 2"', "The `where` is no Spark SQL"),
    ('RowCount > 0 where "1=1) from data where (1=1"', "The `where` is no Spark SQL"),
    ('RowCount > 0 where "n > 1; drop table data"', "The `where` holds more than one statement"),
    ('RowCount > 0 where "n in (select 1)"', "The `where` holds a subquery"),
    ('RowCount > 0 where "n = ?"', "The `where` holds a parameter"),
    ('RowCount > 0 where "row_number() over () = 1"', "The `where` holds a window function"),
    ('RowCount > 0 where "s > 1"', "The `where` cannot be used"),
]


@pytest.mark.parametrize(("rule", "reason"), CANNOT, ids=[rule[:60] for rule, _ in CANNOT])
def test_a_rule_that_cannot_be_evaluated_is_an_error(rule, reason, people, outcome):
    found = outcome(rule, people)
    assert found.outcome == "ERROR"
    assert reason in found.message
    assert set(found.metrics) <= {"Dataset.*.RowCount"}  # what an anomaly would be of


def test_one_bad_rule_touches_no_other(people):
    bad = [rule for rule, _ in CANNOT]
    good = OUTCOMES
    text = "Rules = [" + ",\n".join([*bad, *(rule for rule, _ in good)]) + "]"
    report = check(text, people, now=NOW)
    found = [one.outcome for one in report.outcomes]
    assert found[: len(bad)] == ["ERROR"] * len(bad)
    assert found[len(bad) :] == [expected for _, expected in good]


def test_an_error_inside_of_or_is_not_outvoted(people, outcome):
    assert outcome('(RowCount > 0) or (IsComplete "nope")', people).outcome == "ERROR"


@pytest.mark.parametrize(
    "rule",
    [
        'IsComplete "id"',
        'Completeness "id" >= 0',
        'IsUnique "id"',
        'IsPrimaryKey "id"',
        'Mean "id" > 0',
        'Variance "id" >= 0',
        'Entropy "id" >= 0',
        'ColumnCorrelation "id" "id" >= 0',
        'Sum "id" = 0',
        'DistinctValuesCount "id" >= 0',
        'ColumnLength "s" >= 0',
        'ColumnValues "id" not in [1]',
        'ColumnDataType "id" = "Integer"',
        'DataFreshness "s" >= 0 days',
        'ColumnValues "id" > 0 where "id > 1"',
        "RowCount > 0",
    ],
)
def test_nothing_passes_on_data_without_rows(rule, empty, outcome):
    assert outcome(rule, empty).outcome == "FAIL"


def test_a_where_that_keeps_no_row_of_some_passes_and_says_so(people, outcome):
    found = outcome('Mean "id" > 99 where "id > 100"', people)
    assert (found.outcome, found.message) == ("PASS", "No row meets the `where`")


MESSAGES = [
    ('Completeness "n" > 0.95', "Completeness of `n` is 0.8333333333, and should be > 0.95"),
    ('IsComplete "n"', "`n` has no value in 1 of 6 rows: its completeness is 0.8333333333"),
    ('IsUnique "n"', "2 of 5 values of `n` occur more than once: its uniqueness is 0.6"),
    (
        'ColumnValues "x" between 0 and 7',
        "3 of 6 rows of `x` do not meet `ColumnValues between 0 and 7`; values lie from -1 to 7.5",
    ),
    (
        'ColumnValues "s" in ["a"] with threshold > 0.5',
        (
            '4 of 6 rows of `s` do not meet `ColumnValues in ["a"]`; '
            "the share that does is 0.3333333333, and should be > 0.5; one has the value `b`"
        ),
    ),
]


@pytest.mark.parametrize(("rule", "message"), MESSAGES)
def test_a_failure_names_rule_column_and_value(rule, message, people, outcome):
    found = outcome(rule, people)
    assert (found.outcome, found.message) == ("FAIL", message)


def test_values_of_the_data_are_in_no_message(tmp_path):
    path = tmp_path / "data.parquet"
    columns = {"mail": ["ann@example.test", "bo@example.test"] * 9, "card": ["A 12345678"] * 18}
    pq.write_table(pa.table(columns), path)
    rules = [
        'ColumnValues "mail" in ["x"]',
        'ColumnValues "card" in ["x"]',
        'ColumnValues "mail" matches "x"',
        'IsUnique "mail"',
        'RowCount > 1 where "CAST(mail AS INTEGER) > 1"',
        'ColumnLength "mail" > 99',
    ]
    report = check("Rules = [" + ",".join(rules) + "]", path)
    told = json.dumps(report.to_dict())
    assert "example.test" not in told
    assert "12345678" not in told


def test_metrics_have_the_keys_of_glue(people):
    text = """Rules = [ RowCount > 0, Completeness "n" > 0, IsUnique "id" "n", ColumnValues "x" > 0,
        ColumnValues "s" matches "a", ColumnLength "s" > 0 ]
        Analyzers = [ Mean "n" ]"""
    report = check(text, people)
    keys = [sorted(one.metrics) for one in (*report.outcomes, *report.analyzers)]
    assert keys == [
        ["Dataset.*.RowCount"],
        ["Column.n.Completeness"],
        ["Multicolumn.id,n.Uniqueness"],
        ["Column.x.ColumnValues.Compliance", "Column.x.Maximum", "Column.x.Minimum"],
        ["Column.s.PatternMatch"],
        ["Column.s.MaximumLength", "Column.s.MinimumLength"],
        ["Column.n.Mean"],
    ]


def test_the_report_has_the_shape_of_glue(people):
    text = 'DefaultLabels=["team"="risk"] Rules = [ RowCount = 6, IsComplete "n" labels=["k"="v"] ]'
    result = json.loads(json.dumps(check(text, people).to_dict()))
    assert result["Score"] == 0.5
    assert result["RuleResults"][1] == {
        "Name": "Rule_2",
        "Description": 'IsComplete "n" labels=["k"="v"]',
        "EvaluationMessage": ("`n` has no value in 1 of 6 rows: its completeness is 0.8333333333"),
        "Result": "FAIL",
        "EvaluatedMetrics": {"Column.n.Completeness": pytest.approx(5 / 6)},
        "EvaluatedRule": 'IsComplete "n" labels=["k"="v"]',
        "Labels": {"team": "risk", "k": "v"},
    }
    assert result["AggregatedMetrics"]["TotalRowsProcessed"] == 6


def test_analyzers_alone_do_not_pass(people):
    report = check('Analyzers = [ Mean "n", FileSize ]', people)
    assert not report.passed
    assert [one.outcome for one in report.analyzers] == ["PASS", "ERROR"]


def test_a_bad_number_is_never_green(tmp_path, outcome):
    path = tmp_path / "nan.parquet"
    values = pa.array([1.0, float("nan"), 3.0, float("inf")])
    pq.write_table(pa.table({"x": values}), path)
    for rule in ('Mean "x" != 5', 'StandardDeviation "x" < 9', 'ColumnValues "x" < 100'):
        assert outcome(rule, path).outcome != "PASS"


SPARK_CASTS = {
    "Integer": ("1|-1|+5| 1 |\t7|1.5|1.|.5|.|-2147483648", "1e3|0x1A|2147483648|-||yes|1 2"),
    "Long": ("2147483648|9223372036854775807", "9223372036854775808"),
    "Double": ("1|1.0d|1f|1e400|.5|5.|inf|-Infinity|NaN|0x1p3", "1_0|.||x"),
    "Boolean": ("TRUE| t |yes|N|0", "2|off|"),
    "Date": ("2022|2022-1|2022-1-1|2022-01-01T|2022-01-01 x", "20220101|2022-02-30|22-01-01|x"),
    "Timestamp": (
        "2022-01-01|2022-01-01 10:00:00|2022-01-01T10:00:00Z|2022-1-1 1:2:3.4 Europe/Berlin|10:00",
        "2022-01-01 25:00:00|hello|10|2022-02-30 10:00:00",
    ),
    "DECIMAL(4,2)": ("1.25|99.99|1e1| 1 |1.255", "99.999|100|1d|x|"),
}


@pytest.mark.parametrize("name", SPARK_CASTS)
def test_text_is_of_a_type_when_spark_could_cast_it(name, tmp_path, outcome):
    path = tmp_path / "texts.parquet"
    for texts, sign in zip(SPARK_CASTS[name], ("=", "!="), strict=True):
        for text in texts.split("|"):
            pq.write_table(pa.table({"v": [text]}), path)
            assert outcome(f'ColumnDataType "v" {sign} "{name}"', path).outcome == "PASS", text


def test_dates_can_be_written_in_a_format(tmp_path, outcome):
    path = tmp_path / "texts.parquet"
    pq.write_table(pa.table({"v": ["31/12/2022", "1/2/2022", "30/02/2022", None]}), path)
    found = outcome('ColumnDataType "v" = "DATE" with format = "dd/MM/yyyy"', path)
    assert found.metrics == {"Column.v.ColumnDataType.Compliance": 0.25}


def test_moments_of_text_are_fresh_in_their_time_zone(tmp_path, outcome):
    path = tmp_path / "texts.parquet"
    texts = ["2026-06-15", "2026-06-15 12:00", "2026-06-15T12:00:00Z", "2026-06-15 14:00:00 +02:00"]
    pq.write_table(pa.table({"v": texts}), path)
    found = outcome('DataFreshness "v" <= 31 minutes', path)
    assert found.metrics == {"Column.v.DataFreshness.Compliance": 0.75}
    assert "their ages lie from 0.51 to 12.51 hours" in found.message


def test_analyzers_record_what_rules_compare(people):
    report = check('Analyzers = [ ColumnValues "n", DataFreshness "at" ]', people, now=NOW)
    assert [one.metrics for one in report.analyzers] == [
        {"Column.n.Minimum": 0.0, "Column.n.Maximum": 5.0},
        {
            "Column.at.DataFreshness.MinimumHours": 0.51,
            "Column.at.DataFreshness.MaximumHours": 11.51,
        },
    ]


def test_big_integers_are_compared_exactly(tmp_path, outcome):
    path = tmp_path / "big.parquet"
    pq.write_table(pa.table({"n": pa.array([9007199254740993], pa.int64())}), path)
    assert outcome('ColumnValues "n" = 9007199254740993', path).outcome == "PASS"
    assert outcome('ColumnValues "n" = 9007199254740992', path).outcome == "FAIL"


def test_the_rules_of_the_talk_hold_for_iris(tmp_path):
    from sklearn.datasets import load_iris

    iris = load_iris()
    lines = ["sepal_length,sepal_width,petal_length,petal_width,species"]
    for row, target in zip(iris.data, iris.target, strict=True):
        lines.append(",".join([*map(str, row), str(iris.target_names[target])]))
    path = tmp_path / "iris.csv"
    path.write_text("\n".join(lines) + "\n")
    report = check(
        """Rules = [
            RowCount >= 50,
            ColumnValues "species" in ["setosa", "versicolor", "virginica"],
            IsComplete "sepal_length",
            StandardDeviation "sepal_length" between 0.5 and 1.2
        ]""",
        path,
    )
    assert report.passed
    assert report.score == 1.0
    assert report.outcomes[3].metrics == {
        "Column.sepal_length.StandardDeviation": pytest.approx(0.8253012917851409)
    }


def test_every_type_said_to_be_evaluated_here_is_tested_here():
    tested = {leaf.type for rule, _ in OUTCOMES for leaf in parse(f"Rules = [ {rule} ]").leaves}
    wanted = [one for one in RULE_TYPES.values() if one.evaluated_here and not one.only_analyzer]
    assert tested == {one.name for one in wanted}


def test_the_connection_can_reach_no_file_and_change_no_setting(people):
    import duckdb

    connection = open_source(people).connect(["id"])
    for attack in (
        f"SELECT * FROM read_parquet('{people}')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM glob('/*')",
        "COPY data TO '/tmp/stolen.csv'",
        "ATTACH '/tmp/x.db'",
        "INSTALL httpfs",
        "SET enable_external_access = true",
        "SELECT * FROM people",
    ):
        with pytest.raises(duckdb.Error):
            connection.execute(attack)
    assert connection.execute("SELECT count(*) FROM data").fetchone() == (6,)


NAMES = st.text(min_size=1, max_size=20).filter(
    lambda name: name.strip() and "\0" not in name and name.isprintable()
)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(NAMES)
def test_no_name_of_a_column_is_taken_for_sql(tmp_path, name):
    path = tmp_path / "named.parquet"
    pq.write_table(pa.table({name: [1, 2, None]}), path)
    try:
        ruleset = parse(f"Rules = [ Completeness {quote(name)} < 0.7, Sum {quote(name)} = 3 ]")
    except DqdlErrors:
        return  # it reads as a date
    assert check(ruleset, path).passed


@pytest.mark.parametrize("name", ['id" IS NULL OR 1=1 --', 'a"); DROP TABLE data; --', "x' y", "*"])
def test_a_hostile_name_is_a_name(tmp_path, name, outcome):
    path = tmp_path / "hostile.parquet"
    pq.write_table(pa.table({name: [1, None], "id": [1, 2]}), path)
    assert outcome(f"IsComplete {quote(name)}", path).outcome == "FAIL"
    assert outcome(f"IsComplete {quote(name + 'x')}", path).outcome == "ERROR"
    assert outcome(f'ColumnValues "id" not in [{quote(name)}]', path).outcome == "PASS"


def test_the_lines_of_a_rule_that_stands_there_often_are_counted(people):
    report = check("Rules = [\n" + ",\n".join(["RowCount > 0"] * 20) + "]", str(people))
    (note,) = report.notes
    assert "20 times, on lines 2, 3, 4, 5, 6, 7 and 14 more:" in note
