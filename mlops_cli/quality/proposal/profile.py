"""Describes the columns of a source: one pass for all aggregates, and a sample for the shapes.

What needs every value sorted or taken apart (quantiles, patterns) is looked at on a bounded part of
the rows; what a rule would state of every row (bounds, NULLs, uniqueness) never is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..data.connection import identifier
from ..data.source import reading
from .part import POSITION, SEED, numbered
from .shapes import TextShape, text_shapes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

    from ..data.source import Column, Source

FEW = 20
NUMBERS = ("integer", "number")
MOMENTS = ("date", "timestamp")
_EXACT_CELLS = 20_000_000
_COUNTED_ANYWAY = 1_000
_NEARLY_UNIQUE = 0.85  # the estimate is good to a few percent
_SAMPLED_CELLS = 2_000_000
_MOST_SAMPLED, _FEWEST_SAMPLED = 200_000, 1_000
# Each aggregate of distinct values holds memory of its own, however few rows there are.
_TOGETHER = 40
_SAMPLE = "profile_sample"


@dataclass(frozen=True, slots=True)
class Spread:
    """Where the values of a number column lie, from a sample of the rows."""

    tail: float
    """The share of the values that lies beyond `bottom`, and beyond `top`."""
    low: float
    bottom: float
    quarter: float
    median: float
    three_quarters: float
    top: float
    high: float


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """One column, described. What does not apply to its type is None."""

    name: str
    type: str
    nulls: int
    distinct: int
    """Distinct values, NULL not counted."""
    low: Any = None
    high: Any = None
    mean: float | None = None
    deviation: float | None = None
    """Population standard deviation."""
    not_finite: int = 0
    """Values that are NaN or infinite; they are left out of the four above."""
    shortest: int | None = None
    longest: int | None = None
    top: tuple[tuple[object, int], ...] = ()
    """The most frequent values and how often each occurs; all of them when they are few."""
    note: str = ""
    estimated: bool = False
    """`distinct` is an estimate: the data is large, and the column is neither few nor unique."""
    spread: Spread | None = None
    shape: TextShape | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """A source, described."""

    uri: str
    rows: int
    columns: tuple[ColumnProfile, ...]

    def column(self, name: str) -> ColumnProfile | None:
        """Find a column."""
        return next((column for column in self.columns if column.name == name), None)


def profile(source: Source) -> Profile:
    """Describe a source.

    Raises:
        DataReadError: The file is broken inside.
    """
    connection = source.scan()
    try:
        with reading(source.uri):
            return describe(connection, source.columns, source.uri, source.rows)
    finally:
        connection.close()


def describe(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[Column], uri: str, rows: int
) -> Profile:
    """Describe the table `data` of a connection."""
    exact = rows * len(columns) <= _EXACT_CELLS
    found = [
        values
        for start in range(0, len(columns), _TOGETHER)
        for values in _aggregates(connection, columns[start : start + _TOGETHER], exact=exact)
    ]
    described = [
        _describe(connection, column, rows, values, exact=exact)
        for column, values in zip(columns, found, strict=True)
    ]
    described = _with_top(connection, described)
    return Profile(uri, rows, tuple(_sampled(connection, described, rows)))


def _aggregates(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[Column], *, exact: bool
) -> list[dict[str, Any]]:
    wanted = [_wanted(column, exact=exact) for column in columns]
    sql = ", ".join(one for each in wanted for one in each.values())
    row = iter(connection.execute(f"SELECT {sql} FROM data").fetchone() or ())  # noqa: S608
    return [{name: next(row) for name in each} for each in wanted]


def _wanted(column: Column, *, exact: bool) -> dict[str, str]:
    name = identifier(column.name)
    wanted = {"filled": f"count({name})"}
    if column.type != "other":
        counted = f"count(DISTINCT {name})" if exact else f"approx_count_distinct({name})"
        wanted["distinct"] = counted
    if column.type in NUMBERS:
        double = f"CAST({name} AS DOUBLE)"
        finite = f"FILTER (WHERE isfinite({double}))"
        wanted |= {
            "low": f"min({name}) {finite}",
            "high": f"max({name}) {finite}",
            "mean": f"avg({double}) {finite}",
            "deviation": f"stddev_pop({double}) {finite}",
            "not_finite": f"count(*) FILTER (WHERE NOT isfinite({double}))",
        }
    elif column.type in MOMENTS:
        wanted |= {"low": f"min({name})", "high": f"max({name})"}
    elif column.type == "text":
        wanted |= {"shortest": f"min(length({name}))", "longest": f"max(length({name}))"}
    return wanted


def _describe(
    connection: duckdb.DuckDBPyConnection,
    column: Column,
    rows: int,
    found: Mapping[str, Any],
    *,
    exact: bool,
) -> ColumnProfile:
    values = dict(found)
    filled = values.pop("filled")
    distinct = values.pop("distinct", 0)
    name = identifier(column.name)
    estimated = not exact
    if estimated and _worth_counting(column, distinct, filled):
        row = connection.execute(
            f"SELECT count(*) FROM (SELECT {name} FROM data WHERE {name} IS NOT NULL GROUP BY 1)"  # noqa: S608
        ).fetchone()
        distinct, estimated = (row or (0,))[0], False
    return ColumnProfile(
        column.name,
        column.type,
        nulls=rows - filled,
        distinct=min(distinct, filled),
        note=column.note,
        estimated=estimated,
        **values,
    )


def _with_top(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[ColumnProfile]
) -> list[ColumnProfile]:
    """Count each value of the columns that have few."""
    few = [one.name for one in columns if 0 < one.distinct <= FEW and one.type != "other"]
    found: dict[str, tuple[tuple[object, int], ...]] = {}
    for start in range(0, len(few), _TOGETHER):
        names = few[start : start + _TOGETHER]
        sql = ", ".join(f"histogram({identifier(name)})" for name in names)
        row = connection.execute(f"SELECT {sql} FROM data").fetchone() or ()  # noqa: S608
        for name, counts in zip(names, row, strict=True):
            # Stable, so that what is equally frequent stays in the order of the values.
            found[name] = tuple(sorted((counts or {}).items(), key=lambda one: -one[1]))
    return [replace(one, top=found.get(one.name, ())) for one in columns]


def _worth_counting(column: Column, distinct: int, filled: int) -> bool:
    """Few values are cheap to count; nearly as many as rows decide whether it is a key."""
    if column.type not in ("integer", "text"):
        return distinct <= _COUNTED_ANYWAY
    return distinct <= _COUNTED_ANYWAY or distinct >= _NEARLY_UNIQUE * filled


def _sampled(
    connection: duckdb.DuckDBPyConnection, columns: list[ColumnProfile], rows: int
) -> list[ColumnProfile]:
    """Add what is taken from a sample of the rows."""
    numbers = [one for one in columns if one.type in NUMBERS and one.low is not None]
    texts = [one for one in columns if one.type == "text" and is_varied(one, rows)]
    if not numbers and not texts:
        return columns
    chosen = [*numbers, *texts]
    most = max(_SAMPLED_CELLS // len(chosen), _FEWEST_SAMPLED)
    table = "data"
    if rows > min(most, _MOST_SAMPLED):
        table = _SAMPLE
        _take(connection, [one.name for one in chosen], min(most, _MOST_SAMPLED), rows)
    spreads: dict[str, Spread] = {}
    for start in range(0, len(numbers), _TOGETHER):
        together = numbers[start : start + _TOGETHER]
        spreads |= _spreads(connection, table, together, min(rows, most, _MOST_SAMPLED))
    shapes = text_shapes(connection, table, [one.name for one in texts])
    if table == _SAMPLE:
        connection.execute(f"DROP TABLE {_SAMPLE}")
    return [
        replace(one, spread=spreads.get(one.name), shape=shapes.get(one.name)) for one in columns
    ]


def is_varied(column: ColumnProfile, rows: int) -> bool:
    """Are the values of a text column too many to be listed?"""
    filled = rows - column.nulls
    return column.distinct > FEW or 0 < filled < 10 * column.distinct


def _take(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], most: int, rows: int
) -> None:
    columns = ", ".join(identifier(name) for name in names)
    share = round(most / rows * 2**32)
    connection.execute(
        f"CREATE TEMP TABLE {_SAMPLE} AS SELECT {columns} FROM {numbered(connection)} "  # noqa: S608
        f"WHERE hash({POSITION}, {SEED}) % 4294967296 < {share}"
    )


def _spreads(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[ColumnProfile], rows: int
) -> dict[str, Spread]:
    if not columns:
        return {}
    tail = min(max(0.01, 10 / rows), 0.25)
    shares = [0, tail, 0.25, 0.5, 0.75, 1 - tail, 1]
    sql = ", ".join(
        f"quantile_cont(CAST({name} AS DOUBLE), {shares}) "
        f"FILTER (WHERE isfinite(CAST({name} AS DOUBLE)))"
        for name in (identifier(one.name) for one in columns)
    )
    row = connection.execute(f"SELECT {sql} FROM {table}").fetchone() or ()  # noqa: S608
    return {
        column.name: Spread(tail, *found)
        for column, found in zip(columns, row, strict=True)
        if found is not None
    }
