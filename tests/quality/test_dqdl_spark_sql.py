"""`where` and CustomSql are Spark SQL: what DuckDB is made to do as Spark does, what is refused."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_cli.quality import check
from mlops_cli.quality.engine.spark_sql import predicate, statement
from mlops_cli.quality.engine.values import CannotEvaluateError
from mlops_cli.quality.language.printer import quote

NOW = datetime(2026, 6, 15, 12, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    path = tmp_path_factory.mktemp("spark") / "rows.parquet"
    columns = {
        "id": [1, 2, 3, 4],
        "n": pa.array([-7, 5, None, 0], pa.int32()),
        "x": pa.array([1.7, -1.7, None, float("nan")]),
        "s": pa.array(["a_b", "axb", None, "\t"]),
        "t": pa.array(["1.5", "1e3", "abc", " 7 "]),
        "j": ['{"a": "x"}', '{"a": "y"}', "{}", None],
        "day": pa.array([date(2026, 6, 14), date(2026, 6, 15), None, date(2026, 1, 31)]),
        "at": [datetime(2026, 6, 15, hour) for hour in (1, 12, 13)] + [None],  # noqa: DTZ001
        "some name": [1, 1, 2, 2],
    }
    pq.write_table(pa.table(columns), path)
    return path


# The ids of the rows that Spark keeps (3.5, not ANSI, in UTC), from its documents.
KEPT = [
    ("`some name` = 1", {1, 2}),
    ('s = "a_b"', {1}),
    ("s == 'a_b' or s != 'a_b'", {1, 2, 4}),
    ("s <=> null", {3}),
    ("not (n <=> 5)", {1, 3, 4}),
    ("s rlike '^a.b$'", {1, 2}),
    ("s like 'a_b'", {1, 2}),
    (r"s like 'a\_b'", {1}),
    ("n / 2 = 2.5", {2}),
    ("n div 2 = -3", {1}),
    ("n % 2 = -1", {1}),
    ("pmod(n, 2) = 1", {1, 2}),
    ("1 / n is null", {3, 4}),
    ("1 % n is null and 1 div n is null", {3, 4}),
    ("x div 1 = 1", {1}),
    ("ln(n) > 0", {2}),
    ("ln(n) is null", {1, 3, 4}),
    ("log(2, id) = 2", {4}),
    ("log10(n) is null", {1, 3, 4}),
    ("left(s, -1) = ''", {1, 2, 4}),
    ("regexp_replace(s, '(a)', '$1') = s", "regexp_replace"),
    ("int(x) = 1", {1}),
    ("cast(x as int) = -1", {2}),
    ("cast(t as int) = 1", {1}),
    ("cast(t as int) is null", {2, 3}),
    ("cast(t as double) = 1000", {2}),
    ("bigint(t) = 7", {4}),
    ("isnan(x)", {4}),
    ("not isnan(x)", {1, 2, 3}),
    ("isnull(n)", {3}),
    ("isnull(id = 3 and n = 5)", {3}),
    ("isnotnull(n)", {1, 2, 4}),
    ("nvl(n, 9) = 9", {3}),
    ("if(n > 0, true, false)", {2}),
    ("substring(s, 0, 1) = 'a'", {1, 2}),
    ("substr(s, 2) = 'xb'", {2}),
    ("trim(s) = ''", set()),
    ("concat(s, 'z') is null", {3}),
    ("get_json_object(j, '$.a') = 'x'", {1}),
    ("size(split(t, ',')) = 1", "array_size"),
    ("day = current_date()", {2}),
    ("day >= date_sub(current_date(), 1)", {1, 2}),
    ("day = date '2026-06-14'", {1}),
    ("datediff(current_date(), day) = 1", {1}),
    ("dayofweek(day) = 1", {1}),
    ("month(day) = 1 and year(day) = 2026", {4}),
    ("at > now()", {3}),
    ("at < timestamp '2026-06-15 12:00:00'", {1}),
    ("at <= current_timestamp() and at > current_timestamp() - interval 1 hour", {2}),
    ("id in (1, 2) and id between 2 and 3", {2}),
    ("case when id = 1 then true else false end", {1}),
    ("id = 1 -- the first", {1}),
    ("upper(s) = 'A_B' and length(s) = 3 and lower(s) = s", {1}),
    ("exists(array(1), x -> x > 1)", "exists"),
    ("rand() > 2", "rand"),
    ("weekday(day) = 0", "weekday"),
    ("soundex(s) = 'A'", "calls `soundex`"),
    ("hash(s) = 1", "hash"),
    ("getenv('HOME') = 'x'", "getenv"),
    ("isnan(getenv('HOME'))", "getenv"),
    ("int(getenv('HOME')) = 1", "getenv"),
    ("isnull(typeof(s))", "typeof"),
    ("java_method('a', 'b') = 'x'", "java_method"),
    ("n in (select 1)", "a subquery"),
    ("exists (select 1)", "a subquery"),
    ("n = ?", "a parameter"),
    ("n = :x", "a parameter"),
    ("row_number() over (order by id) = 1", "a window function"),
    ("id = 1; drop table data", "more than one statement"),
    ("drop table data", "no condition"),
    ("id = 1 as x", "no condition"),
    ("id", "gives BIGINT, not true or false"),
    (" -- nothing", "no statement"),
    ("id = ", "no Spark SQL"),
    ("(" * 5000 + "id = 1" + ")" * 5000, "no Spark SQL: it is nested too deeply"),
    ("id = 1 or " * 8000 + "id = 1", "longer than 65,536 characters"),
]


@pytest.mark.parametrize(("where", "kept"), KEPT, ids=[where[:60] for where, _ in KEPT])
def test_a_where_keeps_the_rows_that_spark_keeps(where, kept, rows):
    number = len(kept) if isinstance(kept, set) else 0
    listed = ", ".join(str(one) for one in sorted(kept)) if isinstance(kept, set) else ""
    text = f"Rules = [ RowCount = {number} where {quote(where)}"
    if listed:
        text += f', ColumnValues "id" in [{listed}] where {quote(where)}'
    report = check(text + " ]", rows, now=NOW)
    if isinstance(kept, str):
        assert report.outcomes[0].outcome == "ERROR"
        assert kept in report.outcomes[0].message
    else:
        assert [one.message for one in report.outcomes if one.outcome != "PASS"] == []


VALUES = [
    ("select count(distinct n, s) from primary", 3),
    ("select percentile(id, 0.5) from primary", 2.5),
    ("select kurtosis(id) from primary", -1.36),
    ("select stddev(id) * stddev(id) * 3 / 5 from primary", 1),
    ("select mean(id) from primary", 2.5),
    ("select sum(id) from (select id from primary order by n limit 2)", 4),
    ("with a as (select id from primary) select count(*) from a", 4),
    ("select sum(case when every(id > 0) then 1 else 0 end) over () from primary limit 1", None),
    ("select count(*) from primary p join primary q on p.id = q.n", 0),
    ("select count_if(id > 2) from primary", 2),
]


@pytest.mark.parametrize(("sql", "value"), VALUES, ids=[sql[:60] for sql, _ in VALUES])
def test_a_statement_has_the_value_that_spark_gives(sql, value, rows):
    low, high = (value - 1e-9, value + 1e-9) if value is not None else (0.5, 1.5)
    rule = f"CustomSql {quote(sql)} between {low:.12f} and {high:.12f}"
    (found,) = check(f"Rules = [ {rule} ]", rows, now=NOW).outcomes
    assert found.outcome == "PASS", found.message


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("insert into data values (1)", "is not one SELECT"),
        ("select skewness(id) from primary", "skewness"),
        ("select approx_count_distinct(id) from primary", "approx_distinct"),
        ("select percentile_approx(id, 0.5) from primary", "approx_quantile"),
        ("select * from primary tablesample (10 percent)", "a sample"),
        ("select first(id) from primary", "first"),
        ("select * from memory.main.data", "data sets have a simple name"),
        ("select * from csv.`/etc/passwd`", "data sets have a simple name"),
        ("select * from read_csv('/etc/passwd')", "read_csv"),
        ("select transform(array(1), x -> x)", "transform"),
        ("values (1)", "is not one SELECT"),
        ("set x = 1", "is not one SELECT"),
        ("call x()", "is not one SELECT"),
    ],
)
def test_a_statement_that_duckdb_would_take_otherwise_is_refused(sql, reason, caplog, capfd):
    with pytest.raises(CannotEvaluateError, match=reason):
        statement(sql, NOW)
    assert capfd.readouterr().err == ""


TEXT = """select from where a b ( ) ( ) , . + - / = < <=> 's' "t" `u` 1 0 2.5 1.5BD null and or
not in between like rlike is as case when then else end cast int date interval day count * sum
distinct over order by group limit join with lateral view explode exists map struct [ ] : ; --
/* */ @ ? $x ! primary substring trim kurtosis isnan percentile size regexp_extract values
tablesample pivot set drop union except \\ ' " ` é r'a' -> ::"""
WORDS = TEXT.split()


@given(st.lists(st.sampled_from(WORDS), min_size=1, max_size=14))
@settings(max_examples=1000, deadline=None)
def test_no_text_makes_anything_but_sql_or_a_reason(words):
    text = " ".join(words)
    for read, given_text in ((predicate, text), (statement, f"select {text}")):
        with suppress(CannotEvaluateError):
            assert read(given_text, NOW)


@pytest.mark.parametrize(
    "text",
    ["select percentile (", "map ( coalesce values", "select . 1.5BD having map", "struct ( ="],
)
def test_what_sqlglot_stumbles_over_is_no_spark_sql(text):
    with pytest.raises(CannotEvaluateError):
        predicate(text)


def test_without_sqlglot_nothing_is_guessed(rows):
    """In a process of its own, where the import fails."""
    code = (
        "import sys; sys.modules['sqlglot'] = None\n"
        "from mlops_cli.quality import check\n"
        "for rule in ('RowCount = 1 where \"id = 1\"', 'RowCount = 4'):\n"
        f"    found = check(f'Rules = [ {{rule}} ]', {str(rows)!r}).outcomes[0]\n"
        "    print(found.outcome, found.message)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ERROR The `where` is Spark SQL, which `sqlglot` reads")
    assert lines[-1].startswith("PASS")


def test_sqlglot_is_imported_for_spark_sql_alone(rows):
    code = (
        "import sys\nfrom mlops_cli.quality import check\n"
        f"check('Rules = [ RowCount = 4 ]', {str(rows)!r})\n"
        "print('sqlglot' in sys.modules)\n"
        f"check('Rules = [ RowCount = 1 where \"id = 1\" ]', {str(rows)!r})\n"
        "print('sqlglot' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


def test_what_was_written_says_what_it_was_made_of():
    assert predicate("a <=> b and s rlike 'x'") == (
        "a IS NOT DISTINCT FROM b AND REGEXP_MATCHES(s, 'x')"
    )
