"""Rules proposed from data."""

from __future__ import annotations

import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_cli.quality import check, open_source, parse, profile, render, suggest


def own_rules(path, **options):
    source = open_source(path)
    return render(suggest(profile(source), **options)), source


def table(tmp_path, rows: int, seed: int = 0):
    chance = random.Random(seed)
    path = tmp_path / f"customers-{seed}.parquet"
    columns = {
        "customer_id": [f"c{seed}-{number}" for number in range(rows)],
        "age": [chance.choice([None, *range(18, 90)]) for _ in range(rows)],
        "balance": [chance.gauss(0, 1000) for _ in range(rows)],
        "plan": [chance.choice(["basic", "plus", 'a "quoted" \\ one']) for _ in range(rows)],
        "notes": [chance.choice([None, "x" * chance.randint(1, 40)]) for _ in range(rows)],
        "active": [chance.random() < 0.5 for _ in range(rows)],
        "nothing": pa.array([None] * rows, pa.int64()),
        "constant": [1.5] * rows,
        "2026-01-01": list(range(rows)),
        "churned": [chance.randint(0, 1) for _ in range(rows)],
    }
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("task", [None, "classification", "regression"])
@pytest.mark.parametrize("rows", [1, 2, 30, 500])
def test_every_proposed_rule_passes_on_its_own_data(tmp_path, rows, task):
    text, source = own_rules(table(tmp_path, rows), target="churned", task=task)
    report = check(text, source)
    assert report.passed, [one.message for one in report.outcomes if one.outcome != "PASS"]


def test_the_rules_pass_on_more_data_of_the_same_kind(tmp_path):
    text, _ = own_rules(table(tmp_path, 500), target="churned", task="classification")
    for seed in range(1, 6):
        report = check(text, table(tmp_path, 500, seed))
        assert report.passed, [one.message for one in report.outcomes if one.outcome != "PASS"]


def test_the_rules_say_what_was_seen_and_why(tmp_path):
    text, _ = own_rules(table(tmp_path, 500), target="churned", task="classification")
    assert text.startswith("Rules = [\n    # 500 rows were seen\n    RowCount >= 250,\n")
    for line in (
        '    IsUnique "customer_id",',
        '    ColumnValues "plan" in ["a \\"quoted\\" \\\\ one", "basic", "plus"],',
        '    ColumnExists "nothing",',
        '    ColumnValues "churned" in [0, 1],',
        '    DistinctValuesCount "churned" >= 2',
        "    # A model learns nothing from one class",
    ):
        assert line in text.splitlines()
    assert "2026-01-01" not in text


@pytest.mark.parametrize(
    ("column", "broken"),
    [
        ("plan", ["gold"] * 500),
        ("balance", [1e9] * 500),
        ("churned", [0] * 500),
        ("customer_id", ["same"] * 500),
        ("age", pa.array([None] * 500, pa.int64())),
    ],
)
def test_the_rules_bite(tmp_path, column, broken):
    path = table(tmp_path, 500)
    text, _ = own_rules(path, target="churned", task="classification")
    data = pq.read_table(path)
    position = data.column_names.index(column)
    worse = tmp_path / "worse.parquet"
    pq.write_table(data.set_column(position, column, pa.array(broken)), worse)
    report = check(text, worse)
    assert not report.passed
    assert all(f'"{column}"' in one.rule for one in report.outcomes if one.outcome != "PASS")


def test_data_without_rows_gets_rules_about_its_columns(empty):
    text, _ = own_rules(empty)
    assert [rule.type for rule in parse(text).rules] == [
        "ColumnCount",
        "ColumnExists",
        "ColumnExists",
    ]


def test_a_profile_describes_columns(people):
    found = profile(open_source(people))
    n = found.column("n")
    assert (found.rows, n.nulls, n.distinct, n.low, n.high, n.mean) == (6, 1, 4, 0, 5, 2.0)
    assert n.deviation == pytest.approx(1.6733200530681511)
    assert n.top[0] == (2, 2)
    assert (found.column("s").shortest, found.column("s").longest) == (1, 4)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats()),
            st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)),
            st.one_of(st.none(), st.text(max_size=8).filter(lambda one: "\0" not in one)),
        ),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([None, "f", "i", "t"]),
    st.sampled_from(["classification", "regression"]),
)
def test_rules_from_any_table_pass_on_it(tmp_path, rows, target, task):
    path = tmp_path / "any.parquet"
    floats, integers, texts = zip(*rows, strict=True)
    columns = {
        "f": pa.array(floats, pa.float64()),
        "i": pa.array(integers, pa.int64()),
        "t": pa.array(texts, pa.string()),
    }
    pq.write_table(pa.table(columns), path)
    text, source = own_rules(path, target=target, task=task)
    report = check(text, source)
    assert report.passed, [one.message for one in report.outcomes if one.outcome != "PASS"]
