"""CustomSql: what it says, and what it can never do."""

from __future__ import annotations

import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_cli.quality import check
from mlops_cli.quality.engine.custom_sql import from_spark
from mlops_cli.quality.language.printer import quote

OUTCOMES = [
    ('"select count(*) from primary where n > 1" = 3', "PASS"),
    ('"SELECT avg(x) FROM PRIMARY" between 2.3 and 2.5', "PASS"),
    ("\"select count(*) from primary where s = 'it\\\\'s'\" = 1", "PASS"),  # Spark's escape
    ('"select count(*) from primary where `odd\\" name` = 1" = 6', "PASS"),
    ('"select count(*) from primary where s <=> null" = 1', "PASS"),
    ('"select count(*) from primary p join other o on p.id = o.id" = 2', "PASS"),
    ('"with big as (select * from primary where n > 1) select count(*) from big" > 2', "PASS"),
    ('"select n from primary" > 0', "FAIL"),  # six values
    ('"select 1, 2" > 0', "FAIL"),
    ('"select max(all_null) from primary" >= 0', "FAIL"),  # NULL
    ('"select id from primary where id > 1"', "FAIL"),
    ('"select id from primary where id > 1" with threshold > 0.8', "PASS"),
    ('"select id, n from primary"', "PASS"),  # NULL is found by NULL
    ('"select ID from primary -- all of them"', "PASS"),
    ('"select id from other" with threshold between 0.3 and 0.4', "PASS"),
]


@pytest.fixture
def other(tmp_path):
    path = tmp_path / "other.parquet"
    pq.write_table(pa.table({"id": [1, 2]}), path)
    return path


@pytest.mark.parametrize(("rule", "expected"), OUTCOMES, ids=[rule for rule, _ in OUTCOMES])
def test_a_statement_has_its_outcome(rule, expected, people, other):
    report = check(f"Rules = [ CustomSql {rule} ]", people, datasets={"other": other})
    assert report.outcomes[0].outcome == expected, report.outcomes[0].message


ATTACKS = [
    "INSERT INTO data VALUES (1)",
    "DROP TABLE data",
    "CREATE TABLE t AS SELECT 1",
    "UPDATE data SET id = 9",
    "SET threads = 1",
    "PRAGMA database_list",
    "ATTACH '/tmp/x.db'",
    "INSTALL httpfs",
    "LOAD httpfs",
    "COPY data TO '/tmp/stolen.csv'",
    "EXPORT DATABASE '/tmp/stolen'",
    "CALL enable_logging()",
    "select 1; drop table data",
    "select 1) as x, (select 1",
    "WITH gone AS (DELETE FROM memory.main.data RETURNING id) SELECT count(*) FROM gone",
    "WITH new AS (INSERT INTO memory.main.data (id) VALUES (9) RETURNING id) SELECT 1 FROM new",
    "select * from query('delete from data')",
    "select count(*) from read_text('/etc/passwd')",
    "select count(*) from read_csv('/etc/passwd')",
    "select count(*) from read_parquet('https://127.0.0.1/x.parquet')",
    "select count(*) from glob('/*')",
    "select count(*) from '/etc/passwd'",
    "select count(*) from sniff_csv('/etc/passwd')",
    "select getenv('HOME')",
    "select size from read_blob('/etc/passwd')",
    "select count(*) from people",
    "select nope from primary",
    "",
    "not sql",
    "select ?",
    "select $x",
]


@pytest.mark.parametrize("sql", ATTACKS)
def test_a_statement_reads_the_data_sets_and_nothing_else(sql, people):
    text = f"Rules = [ CustomSql {quote(sql)} > 0, CustomSql {quote(sql)}, RowCount = 6 ]"
    report = check(text, people)
    assert [one.outcome for one in report.outcomes] == ["ERROR", "ERROR", "PASS"]


def test_a_statement_that_takes_too_long_is_stopped_and_touches_no_other(people):
    sql = "select count(*) from range(100000000000) a, range(1000) b where a.range + b.range = 1"
    start = time.monotonic()
    text = f'Rules = [ CustomSql "{sql}" > 0, RowCount = 6, CustomSql "select 1" = 1 ]'
    report = check(text, people, sql_seconds=0.5)
    assert [one.outcome for one in report.outcomes] == ["ERROR", "PASS", "PASS"]
    assert report.outcomes[0].message == "The statement took longer than 0.5 seconds"
    assert time.monotonic() - start < 20


def test_a_data_set_may_have_the_name_of_a_table_of_ours(people, other):
    text = 'Rules = [ CustomSql "select count(*) from data" = 2, RowCount = 6, IsComplete "id" ]'
    assert check(text, people, datasets={"data": other, "reference_0": other}).passed


def test_rows_that_pass_are_none_without_rows(empty):
    rows, value = '"select id from primary"', '"select count(*) from primary" = 0'
    report = check(f"Rules = [ CustomSql {rows}, CustomSql {value} ]", empty)
    assert [one.outcome for one in report.outcomes] == ["FAIL", "PASS"]


@pytest.mark.parametrize(
    ("spark", "duckdb"),
    [
        ("select `a``b` from primary", 'SELECT "a`b" FROM "primary"'),
        ('select "it\'s"', "SELECT 'it''s'"),
        (r"select '\n\\d\''", "SELECT '\n\\d'''"),
        ("select 'primary' -- primary\n", "SELECT 'primary'"),
        ("/* `x` primary */ select primary_key", "SELECT primary_key"),
    ],
)
def test_quotes_of_spark_are_rewritten(spark, duckdb):
    assert from_spark(spark) == duckdb
