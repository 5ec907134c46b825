"""Where rules run: our own SQL on the files, conditions on locked rows, statements in a process."""

from __future__ import annotations

import os
import re
import signal
import tempfile
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_cli.quality import DataReadError, check, open_source, parse
from mlops_cli.quality.data.connection import literal
from mlops_cli.quality.engine.apart import Apart, Job
from mlops_cli.quality.engine.connections import Connections, needed_columns
from mlops_cli.quality.engine.evaluation import Evaluation
from mlops_cli.quality.engine.measurement import Context
from mlops_cli.quality.engine.measures import measure
from mlops_cli.quality.engine.spark_sql import named_columns
from mlops_cli.quality.engine.values import CannotEvaluateError
from mlops_cli.quality.language.printer import quote

NOW = datetime(2026, 6, 15, 12, 30, tzinfo=UTC)

STATEMENT = 'CustomSql "select count(*) from primary" = 6'


def rule(text: str):
    return parse(f"Rules = [ {text} ]").leaves[0]


@pytest.fixture
def process(people):
    """A process for statements about the people, started with its first rule."""
    source = open_source(people)
    with closing(source.scan()) as connection:
        context = Context(connection, source.columns, NOW.replace(tzinfo=None), seconds=0.5)
        with closing(Apart(Job(source, {}, context, [STATEMENT.split('"')[1]]))) as apart:
            yield apart
    source.close()


def child_of(process: Apart) -> int:
    assert process._child is not None
    return process._child.pid


def test_one_process_answers_all_statements(process):
    assert process.answer(rule(STATEMENT)).passed
    first = child_of(process)
    assert not process.answer(rule('CustomSql "select 1" > 2')).passed
    assert child_of(process) == first


def test_a_process_that_is_killed_costs_one_rule(process):
    process.answer(rule(STATEMENT))
    os.kill(child_of(process), signal.SIGKILL)
    with pytest.raises(CannotEvaluateError, match=r"ended its process: signal 9"):
        process.answer(rule(STATEMENT))
    assert process.answer(rule(STATEMENT)).passed


def test_a_process_that_hangs_is_killed_in_time(process, monkeypatch):
    monkeypatch.setattr("mlops_cli.quality.engine.apart._GRACE_SECONDS", 0.2)
    process.answer(rule(STATEMENT))
    os.kill(child_of(process), signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(CannotEvaluateError, match=r"took longer than 0.5 seconds"):
        process.answer(rule(STATEMENT))
    assert time.monotonic() - began < 10


def test_a_process_has_no_environment_and_little_else(process, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    process.answer(rule(STATEMENT))
    about = Path(f"/proc/{child_of(process)}")
    if not about.exists():
        pytest.skip("needs /proc")
    assert b"secret" not in (about / "environ").read_bytes()
    limits = (about / "limits").read_text()
    assert re.search(r"Max core file size\s+0\s+0", limits)
    assert not re.search(r"Max address space\s+unlimited", limits)
    assert not re.search(r"Max cpu time\s+unlimited", limits)


def test_a_statement_that_eats_memory_is_an_error(people):
    sql = "select length(string_agg(repeat('x', 100000000), '')) from primary, range(1000)"
    report = check(f'Rules = [ CustomSql "{sql}" > 0, {STATEMENT} ]', people)
    assert [one.outcome for one in report.outcomes] == ["ERROR", "PASS"]


def test_nothing_is_left_of_a_process(people, tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    assert check(f"Rules = [ {STATEMENT} ]", people).passed
    table = pl.DataFrame({"a": [1] * 6})
    assert check(f"Rules = [ {STATEMENT} ]", table, datasets={"b": table}).passed
    assert list(folder.iterdir()) == []


def test_only_a_ruleset_with_a_statement_starts_a_process(people, monkeypatch):
    def never(*_):
        raise AssertionError("a process was started")

    monkeypatch.setattr(Apart, "start", never)
    assert check('Rules = [ IsUnique "id", RowCount = 5 where "id > 1" ]', people).passed


def test_a_condition_runs_on_rows_that_are_locked_in(people, monkeypatch):
    rules = parse('Rules = [ RowCount = 6, RowCount = 5 where "id > 1" ]')
    source = open_source(people)
    with closing(Connections(source, {}, rules.leaves)) as connections:
        assert not connections.are_one
        read = f"SELECT count(*) FROM read_parquet({literal(str(people))})"
        assert connections.ours.execute(read).fetchone() == (6,)
        with pytest.raises(Exception, match="disabled by configuration"):
            connections.locked.execute(read)
        described = connections.locked.execute("DESCRIBE data").fetchall()
        assert [name for name, *_ in described] == ["id", 'odd" name']
    source.close()


QUOTED = re.compile(r"""'(?:[^']|'')*'|"(?:[^"]|"")*\"""")
COLUMN = """x" OR read_text('/etc/passwd') IS NOT NULL --"""
VALUE = "x' OR read_text('/etc/passwd') IS NOT NULL --"


def test_no_text_of_a_ruleset_reaches_our_sql_but_quoted(tmp_path):
    """Every string of a rule stands in it inside of quotes that it cannot end, or not at all."""
    path = tmp_path / "hostile.parquet"
    pq.write_table(pa.table({COLUMN: ["a"], "n": [1]}), path)
    column, value = quote(COLUMN), quote(VALUE)
    rules = [
        f"ColumnValues {column} in [{value}, 'b']".replace("'b'", '"b"'),
        f"ColumnValues {column} = {value}",
        f"ColumnValues {column} not matches {value}",
        f"ColumnLength {column} > 0",
        f"Completeness {column} > 0",
        f"IsUnique {column}",
        f'Uniqueness {column} "n" > 0',
        f"Entropy {column} > 0",
        f'ColumnDataType {column} = "date" with format = {value}',
        f"ColumnDataType {column} = {value}",
        f"ColumnNamesMatchPattern {value}",
        f"ReferentialIntegrity {column} {value} = 1.0",
        f"DetectAnomalies {value}",
        f"DataFreshness {column} < 3 days",
    ]
    seen = 0
    source = open_source(path)
    for text in rules:
        with closing(source.scan()) as connection:
            context = Context(connection, source.columns, NOW.replace(tzinfo=None))
            try:
                measured = measure(rule(text), context)
            except CannotEvaluateError:
                continue
            queries = [*measured.needs.values()]
            if measured.query is not None:
                queries.append(measured.query.sql())
            for sql in queries:
                rest = QUOTED.sub("", sql)
                assert "passwd" not in rest, sql
                seen += "passwd" in sql
    assert seen > 5
    source.close()


def test_the_columns_a_condition_names_are_loaded(people):
    source = open_source(people)
    found = needed_columns([rule("RowCount > 1 where \"S = 'a' AND `all_null` IS NULL\"")], source)
    # One-letter names are in many texts, and a name with a quote can be written in several ways.
    assert {"s", "all_null", 'odd" name'} <= set(found)
    assert "day" not in found
    assert needed_columns([rule('DatasetMatch "b" "id" = 1.0')], source) == [
        column.name for column in source.columns
    ]
    source.close()


def test_a_file_that_changes_while_it_is_read_is_an_error(people, monkeypatch):
    evaluate = Evaluation.evaluate

    def replaced(self, rules):
        found = evaluate(self, rules)
        os.utime(people, ns=(1, 1))
        return found

    monkeypatch.setattr(Evaluation, "evaluate", replaced)
    with pytest.raises(DataReadError, match="it changed while it was read"):
        check('Rules = [ IsUnique "id" ]', people)


def test_a_query_that_takes_too_long_is_an_error_of_its_rule_alone(tmp_path):
    path = tmp_path / "wide.parquet"
    pq.write_table(pa.table({"a": [str(one) for one in range(300_000)]}), path)
    slow = 'RowCount > 1 where "list_sum(list_transform(range(2000), x -> x * length(a))) > 0"'
    source = open_source(path)
    began = time.monotonic()
    report = check(f"Rules = [ {slow}, RowCount > 1 ]", source, rule_seconds=0.3)
    assert time.monotonic() - began < 30
    assert [one.outcome for one in report.outcomes] == ["ERROR", "PASS"]
    source.close()


@pytest.mark.parametrize(
    ("values", "metric"),
    [
        ([1, 2, 3, None], 1.0),
        ([1, 2, 2, 3], 0.5),
        ([5, 5], 0.0),
        ([-(2**63), 2**63 - 1], 1.0),
        ([0, 2**40, 2**40], 1 / 3),
        ([-3, -2, -1], 1.0),
        ([7], 1.0),
    ],
)
@pytest.mark.parametrize("where", ["", ' where "n IS NOT NULL"'])
def test_unique_whole_numbers_are_counted_whatever_they_are(values, metric, where, tmp_path):
    path = tmp_path / "n.parquet"
    pq.write_table(pa.table({"n": pa.array(values, pa.int64())}), path)
    report = check(f'Rules = [ Uniqueness "n" >= 0{where} ]', path)
    assert report.outcomes[0].metrics == {"Column.n.Uniqueness": pytest.approx(metric)}


@pytest.mark.parametrize("kind", [pa.int8(), pa.uint8(), pa.int16(), pa.uint64()], ids=str)
def test_the_whole_range_of_a_small_type_is_unique(kind, tmp_path):
    low, high = {"int8": (-128, 127), "uint8": (0, 255)}.get(str(kind), (0, 255))
    path = tmp_path / "n.parquet"
    pq.write_table(pa.table({"n": pa.array(range(low, high + 1), kind)}), path)
    assert check('Rules = [ IsUnique "n", IsPrimaryKey "n" ]', path).passed


def test_rules_can_be_checked_in_several_threads(people):
    found = []

    def run():
        found.append(check(f'Rules = [ IsUnique "id", {STATEMENT} ]', people).passed)

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 3


NAMES = ["id", "Age", "a b", "x`y"]


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("select count(*) from primary", []),
        ("select count(*) from primary where age > 1", ["Age"]),
        ("select `a b`, `x``y` from primary", ["a b", "x`y"]),
        ("select 'id' from primary where Id in (select age from primary)", ["id", "Age"]),
        ("select a.id from primary a join b using (age)", ["id", "Age"]),
        ("drop table primary", []),
        ("select * from primary", None),
        ("select p.* from primary p", None),
        ("select count(distinct *) from primary", None),
        ("select count(primary.*) from primary", None),
        ("select count(distinct primary) from primary", None),
        ("select count(distinct p.p) from primary p", None),
        ("select count(q) from (select id from primary) q", None),
        ("select id from primary natural join b", None),
    ],
)
def test_a_statement_needs_the_columns_that_it_can_name(statement, named):
    assert named_columns(statement, NAMES) == named


def test_statements_have_the_answers_that_all_columns_would_give(people):
    report = check(
        """Rules = [
            CustomSql "select count(*) from primary" = 6,
            CustomSql "select S from primary where id > 0",
            CustomSql "select count(distinct nothing) from primary" = 0
        ]""",
        str(people),
    )
    assert [one.outcome for one in report.outcomes] == ["PASS", "PASS", "ERROR"]
    assert "Error:" not in report.outcomes[2].message
