"""Rules that compare the data with a second data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_cli.quality import RULE_TYPES, DataReadError, check, open_source, parse

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def orders(tmp_path: Path) -> Path:
    """Four orders, one of an unknown customer and one of none."""
    path = tmp_path / "orders.parquet"
    columns = {
        "id": pa.array([1, 2, 3, 4], pa.int64()),
        "customer": pa.array(["ann", "bo", "zed", None]),
        "country": pa.array(["AT", "BE", "AT", "AT"]),
        "amount": pa.array([10.0, 20.0, 30.0, None]),
    }
    pq.write_table(pa.table(columns), path)
    return path


@pytest.fixture
def others(tmp_path: Path, csv) -> dict[str, Path]:
    """What the orders are compared with; one of each format."""
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"id": 1, "amount": 10.0}\n{"id": 2, "amount": 99}\n{"id": 3}\n')
    same = tmp_path / "same.parquet"
    columns = {
        "id": pa.array([1, 2, 4, 5], pa.int32()),
        "customer": pa.array(["ann", "BO", None, "x"]),
        "country": pa.array(["AT", "BE", "AT", "AT"]),
        "amount": pa.array([10.0, 20.0, None, None]),
    }
    pq.write_table(pa.table(columns), same)
    none = tmp_path / "none.parquet"
    pq.write_table(pa.table({"id": pa.array([], pa.int64())}), none)
    return {
        "customers": csv("name,land,since\nann,AT,2026-01-01\nbo,BE,2026-01-02\nbo,AT,\n"),
        "lines": lines,
        "same": same,
        "none": none,
    }


OUTCOMES = [
    ('RowCountMatch "same" = 1.0', "PASS"),
    ('RowCountMatch "customers" between 1.33 and 1.34', "PASS"),  # four for three
    ('RowCountMatch "customers" <= 1', "FAIL"),
    ('SchemaMatch "same" = 0.75', "PASS"),  # id is of another width
    ('SchemaMatch "same" = 1.0', "FAIL"),
    ('SchemaMatch "lines" = 0', "PASS"),  # fewer columns: nothing in common
    ('ReferentialIntegrity "customer" "customers.name" = 0.5', "PASS"),  # NULL is not found
    ('ReferentialIntegrity "customer" "customers.{name}" > 0.9', "FAIL"),
    ('ReferentialIntegrity "customer,country" "customers.{name,land}" = 0.5', "PASS"),
    ('ReferentialIntegrity "id" "none.id" = 0', "PASS"),
    ('AggregateMatch "sum(amount)" "sum(same.amount)" = 2.0', "PASS"),
    ('AggregateMatch "avg(amount)" "avg(primary.amount)" = 1.0', "PASS"),
    ('AggregateMatch "SUM( amount )" "sum(amount)" = 1.0', "PASS"),
    ('AggregateMatch "sum(id)" "sum(none.id)" = 0', "PASS"),
    ('DatasetMatch "same" "id" = 0.5', "PASS"),  # NULL equals NULL, `BO` is not `bo`
    ('DatasetMatch "same" "id" "country->country" = 0.75', "PASS"),
    ('DatasetMatch "lines" "id" "amount" = 0.25', "PASS"),
    ('DatasetMatch "customers" "customer->name" "country->land" > 0', "FAIL"),  # `bo` twice
    ('DatasetMatch "same" "country" "id" > 0', "FAIL"),
]


@pytest.mark.parametrize(("rule", "expected"), OUTCOMES, ids=[rule for rule, _ in OUTCOMES])
def test_a_rule_about_two_data_sets_has_its_outcome(rule, expected, orders, others):
    (found,) = check(f"Rules = [ {rule} ]", orders, datasets=others).outcomes
    assert found.outcome == expected, found.message


CANNOT = [
    ('RowCountMatch "sam" > 0', "No data set `sam` was given. Did you mean `same`?"),
    ('RowCountMatch "none" > 0', "The data set `none` has no rows to compare with"),
    ('SchemaMatch "nope" > 0', "No data set `nope` was given"),
    ('ReferentialIntegrity "customer" "nope.name" > 0', "No data set `nope` was given"),
    ('ReferentialIntegrity "custom" "customers.name" > 0', "The data has no column `custom`"),
    ('ReferentialIntegrity "customer" "customers.nam" > 0', "`customers` has no column `nam`"),
    ('ReferentialIntegrity "customer,id" "customers.name" > 0', "compares 2 columns with 1"),
    ('ReferentialIntegrity "customer," "customers.name" > 0', "`customer,` is no list of columns"),
    ('ReferentialIntegrity "customer" "lines.id" > 0', "The values could not be compared"),
    ('AggregateMatch "max(id)" "sum(id)" > 0', "`max(id)` is no `sum(column)` or `avg(column)`"),
    ('AggregateMatch "sum(id)" "sum(nope.id)" > 0', "No data set `nope` was given"),
    ('AggregateMatch "sum(id)" "sum(customers.name)" > 0', "column `name` holds text"),
    ('DatasetMatch "lines" "id" > 0', "The data set `lines` has no column `customer`"),
    ('DatasetMatch "same" "idd" > 0', "The data has no column `idd`"),
]


@pytest.mark.parametrize(("rule", "reason"), CANNOT, ids=[rule for rule, _ in CANNOT])
def test_a_comparison_that_cannot_be_made_is_an_error(rule, reason, orders, others):
    (found,) = check(f"Rules = [ {rule} ]", orders, datasets=others).outcomes
    assert found.outcome == "ERROR"
    assert reason in found.message


def test_one_bad_comparison_touches_no_other(orders, others):
    text = "Rules = [" + ", ".join(rule for rule, _ in [*CANNOT, *OUTCOMES]) + "]"
    outcomes = [one.outcome for one in check(text, orders, datasets=others).outcomes]
    assert outcomes == ["ERROR"] * len(CANNOT) + [expected for _, expected in OUTCOMES]


def test_data_without_rows_passes_no_comparison(others):
    rules = [
        'ReferentialIntegrity "id" "same.id" >= 0',
        'AggregateMatch "sum(id)" "sum(same.id)" >= 0',
        'DatasetMatch "same" "id" "id" >= 0',
    ]
    report = check(f"Rules = [ {', '.join(rules)} ]", others["none"], datasets=others)
    assert {one.outcome for one in report.outcomes} == {"FAIL"}


def test_the_primary_data_set_can_be_called_by_the_name_the_ruleset_gives_it(orders):
    text = """DataSources = { "Primary": "shop.orders" }
        Rules = [ AggregateMatch "sum(id)" "sum(shop.orders.id)" = 1.0 ]"""
    assert check(text, orders).passed


def test_any_format_can_be_compared_with_any(orders, others):
    for name in ("customers", "lines", "same"):
        report = check(
            'Rules = [ RowCountMatch "orders" > 0.5 ]',
            others[name],
            datasets={"orders": open_source(orders)},
        )
        assert report.passed


def test_a_second_data_set_is_read_as_strictly_as_the_first(orders, csv):
    with pytest.raises(DataReadError, match="record 2 has 3 fields"):
        check("Rules = [ RowCount > 0 ]", orders, datasets={"other": csv("a,b\n1,2,3\n")})


def test_metrics_of_comparisons_have_the_keys_of_glue(orders, others):
    rules = [rule for rule, _ in OUTCOMES]
    report = check(f"Rules = [ {', '.join(rules)} ]", orders, datasets=others)
    assert {key for one in report.outcomes for key in one.metrics} == {
        "Dataset.same.RowCountMatch",
        "Dataset.customers.RowCountMatch",
        "Dataset.same.SchemaMatch",
        "Dataset.lines.SchemaMatch",
        "Column.customers.ReferentialIntegrity",
        "Column.none.ReferentialIntegrity",
        "Column.amount.AggregateMatch",
        "Column.id.AggregateMatch",
        "Dataset.same.DatasetMatch",
        "Dataset.lines.DatasetMatch",
    }


def test_analyzers_record_comparisons(orders, others):
    text = 'Analyzers = [ RowCountMatch "same", DatasetMatch "same" "id" ]'
    report = check(text, orders, datasets=others)
    assert [one.metrics for one in report.analyzers] == [
        {"Dataset.same.RowCountMatch": 1.0},
        {"Dataset.same.DatasetMatch": 0.5},
    ]


def test_every_type_about_two_data_sets_is_tested_here():
    tested = {leaf.type for rule, _ in OUTCOMES for leaf in parse(f"Rules = [ {rule} ]").leaves}
    assert tested == {name for name, one in RULE_TYPES.items() if one.with_datasets}
