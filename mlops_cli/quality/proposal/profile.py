"""Describes the columns of a source: one query for all aggregates, one for each with few values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..data.connection import identifier
from ..data.source import reading

if TYPE_CHECKING:
    import duckdb

    from ..data.source import Column, Source

FEW = 20
_NUMBERS = ("integer", "number")


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
    connection = source.connect()
    try:
        with reading(source.uri):
            described = _aggregates(connection, source)
            return Profile(
                source.uri,
                source.rows,
                tuple(
                    _describe(connection, column, source.rows, found)
                    for column, found in zip(source.columns, described, strict=True)
                ),
            )
    finally:
        connection.close()


def _aggregates(connection: duckdb.DuckDBPyConnection, source: Source) -> list[dict[str, Any]]:
    wanted = [_wanted(column) for column in source.columns]
    sql = ", ".join(one for each in wanted for one in each.values())
    row = iter(connection.execute(f"SELECT {sql} FROM data").fetchone() or ())  # noqa: S608
    return [{name: next(row) for name in each} for each in wanted]


def _wanted(column: Column) -> dict[str, str]:
    name = identifier(column.name)
    wanted = {"filled": f"count({name})"}
    if column.type != "other":
        wanted["distinct"] = f"count(DISTINCT {name})"
    if column.type in _NUMBERS:
        double = f"CAST({name} AS DOUBLE)"
        finite = f"FILTER (WHERE isfinite({double}))"
        wanted |= {
            "low": f"min({name}) {finite}",
            "high": f"max({name}) {finite}",
            "mean": f"avg({double}) {finite}",
            "deviation": f"stddev_pop({double}) {finite}",
            "not_finite": f"count(*) FILTER (WHERE NOT isfinite({double}))",
        }
    elif column.type in ("date", "timestamp"):
        wanted |= {"low": f"min({name})", "high": f"max({name})"}
    elif column.type == "text":
        wanted |= {"shortest": f"min(length({name}))", "longest": f"max(length({name}))"}
    return wanted


def _describe(
    connection: duckdb.DuckDBPyConnection, column: Column, rows: int, found: dict[str, Any]
) -> ColumnProfile:
    filled = found.pop("filled")
    distinct = found.pop("distinct", 0)
    top: tuple[tuple[object, int], ...] = ()
    if 0 < distinct <= FEW:
        name = identifier(column.name)
        top = tuple(
            connection.execute(
                f"SELECT {name}, count(*) AS n FROM data WHERE {name} IS NOT NULL "  # noqa: S608
                f"GROUP BY {name} ORDER BY n DESC, {name} LIMIT {FEW}"
            ).fetchall()
        )
    return ColumnProfile(
        column.name,
        column.type,
        nulls=rows - filled,
        distinct=distinct,
        top=top,
        note=column.note,
        **found,
    )
