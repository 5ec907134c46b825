"""Tables in memory: pandas, polars and pyarrow, read as strictly as files."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from mlops_cli.quality import DataReadError, check, open_source

RULES = """Rules = [
    RowCount = 3, IsUnique "id", Completeness "x" between 0.6 and 0.7, IsComplete "s",
    ColumnValues "s" in ["a", "b"], Mean "x" = 1.5, Completeness "x" = 1.0 where "id > 1",
    CustomSql "select sum(id) from primary" = 6, DataFreshness "at" <= 1 hours
]"""
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
VALUES = {"id": [1, 2, 3], "x": [None, 1.0, 2.0], "s": ["a", "b", "a"], "at": [datetime(2026, 6, 15, 12)] * 3}  # noqa: DTZ001, E501  # fmt: skip
TYPES = ["integer", "number", "text", "timestamp"]


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame(VALUES),
        pd.DataFrame(VALUES).astype({"s": "object"}),
        pl.DataFrame(VALUES),
        pa.table(VALUES),
        pa.RecordBatch.from_pydict(VALUES),
    ],
    ids=["pandas", "pandas objects", "polars", "arrow", "arrow batch"],
)
def test_a_table_is_checked_like_a_file(table):
    source = open_source(table)
    assert [column.type for column in source.columns] == TYPES
    report = check(RULES, source, now=NOW)
    assert [one.outcome for one in report.outcomes] == ["PASS"] * 9, report.outcomes
    assert check(RULES, table, now=NOW).passed


def test_a_table_can_be_what_data_is_compared_with():
    rules = 'Rules = [ ReferentialIntegrity "s" "codes.s" = 1.0, DatasetMatch "codes" "s" = 1.0 ]'
    report = check(
        rules, pa.table({"s": ["a", "b"]}), datasets={"codes": pl.DataFrame({"s": ["a", "b"]})}
    )
    assert report.passed, report.outcomes


REFUSED = [
    ("several types", pd.DataFrame({"a": pd.Series([1, "x"], dtype=object)}), "several types"),
    ("text and bytes", pd.DataFrame({"a": pd.Series(["x", b"x"], dtype=object)}), "several types"),
    ("a name twice", pd.DataFrame([[1, 2]], columns=["a", "a"]), "two columns are called `a`"),
    ("a name twice in Arrow", pa.table([[1], [2]], names=["a", "a"]), "two columns are called"),
    ("names alike", pl.DataFrame({"a": [1], "A": [2]}), "differ only in case"),
    ("a number as name", pd.DataFrame({1: [1]}), "is no text"),
    ("several levels", pd.DataFrame([[1]], columns=[["a"], ["b"]]), "several levels"),
    ("no columns", pd.DataFrame(), "it has no columns"),
    ("a dictionary", {"a": [1]}, "Could not read a `dict`"),
    ("a lazy frame", pl.LazyFrame({"a": [1]}), "Could not read a `LazyFrame`"),
]


@pytest.mark.parametrize(
    ("table", "reason"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED]
)
def test_a_table_that_would_need_guessing_is_refused(table, reason):
    with pytest.raises(DataReadError) as caught:
        open_source(table)
    assert reason in str(caught.value)


def test_given_types_are_compared_with_those_of_a_table():
    assert open_source(pl.DataFrame({"a": [1]}), types={"a": "number"}).rows == 1
    with pytest.raises(DataReadError, match="as text: it is stored as integer"):
        open_source(pl.DataFrame({"a": [1]}), types={"a": "text"})
