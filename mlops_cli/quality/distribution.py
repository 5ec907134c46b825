"""How the values of a column are spread, in bars: for reports that people look at."""

from __future__ import annotations

import re
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .data.connection import engine, identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from .data.source import Column, Source

_BARS = 24
# Each bar chart is a hash table in memory: a thousand of them at once are a gigabyte.
_AT_ONCE = 32
_CATEGORIES = 12
_ORDERED = ("integer", "number", "date", "timestamp")
# As in the messages of rules: what reads like a category may be shown, a person's data may not.
_LABEL = re.compile(r"[^\W\d][\w \-]{0,29}(?<!\d{4})|-?\d{1,3}")
_HIDDEN = "(not shown)"


@dataclass(frozen=True, slots=True)
class Distribution:
    """The spread of one column's values."""

    column: str
    kind: str
    """`numbers`, `moments` or `categories`."""
    counts: tuple[int, ...]
    """Rows in each bar, from the lowest values to the highest, or the most frequent first."""
    edges: tuple[float, ...] = ()
    """The ends of the bars, one more than there are bars; seconds since 1970 for moments.

    Whole numbers of a narrow range have a bar each: the ends are the numbers, the last one twice.
    """
    labels: tuple[str, ...] = ()
    """What the bars of categories are called."""
    empty: int = 0
    """Rows without a value."""
    others: int = 0
    """Rows that no bar counts: NaN and infinity, or less frequent categories."""


def distributions(
    source: Source, columns: Sequence[str], *, categories: Sequence[str] = ()
) -> dict[str, Distribution]:
    """Measure the spread of columns, in two passes for many and one for each of categories.

    What is too much for the memory has no picture: a report is no less right without it.

    Args:
        source: The data.
        columns: Which of its columns; those that have no order are left out.
        categories: Columns whose values may be shown: those that a rule lists.

    Returns:
        The spread of each column that has one, by its name in the data.
    """
    lower = {name.lower() for name in columns}
    named = [column for column in source.columns if column.name.lower() in lower]
    shown = {name.lower() for name in categories}
    listed = [one for one in named if one.name.lower() in shown and one.type != "other"]
    ordered = [one for one in named if one.type in _ORDERED and one not in listed]
    if not source.rows or not (ordered or listed):
        return {}
    connection = source.connect([column.name for column in (*ordered, *listed)])
    found: dict[str, Distribution] = {}
    with closing(connection), suppress(engine().OutOfMemoryException):
        for start in range(0, len(ordered), _AT_ONCE):
            found |= _ordered(connection, ordered[start : start + _AT_ONCE])
        for one in listed:
            found[one.name] = _listed(connection, one)
    return found


def _ordered(
    connection: duckdb.DuckDBPyConnection, columns: Sequence[Column]
) -> dict[str, Distribution]:
    values = {column.name: _value(column) for column in columns}
    asked = ", ".join(
        f"min({value}) FILTER (isfinite({value})), max({value}) FILTER (isfinite({value})), "
        f"count(*) - count({value})"
        for value in values.values()
    )
    row = connection.execute(f"SELECT {asked} FROM data").fetchone() or ()  # noqa: S608
    ends = {name: row[3 * at : 3 * at + 3] for at, name in enumerate(values)}
    filled = {name: (low, high) for name, (low, high, _) in ends.items() if low is not None}
    if not filled:
        return {}
    types = {column.name: column.type for column in columns}
    scales = {name: _scale(types[name], *ends) for name, ends in filled.items()}
    bars = ", ".join(
        f"histogram({_bar(values[name], low, scales[name])}) FILTER (isfinite({values[name]})), "
        f"count({values[name]}) FILTER (NOT isfinite({values[name]}))"
        for name, (low, _) in filled.items()
    )
    counted = connection.execute(f"SELECT {bars} FROM data").fetchone() or ()  # noqa: S608
    found = {}
    for at, (name, (low, high)) in enumerate(filled.items()):
        bins, odd = counted[2 * at : 2 * at + 2]
        width, number = scales[name]
        found[name] = Distribution(
            name,
            "moments" if types[name] in ("date", "timestamp") else "numbers",
            tuple(int((bins or {}).get(bar, 0)) for bar in range(number)),
            (*(low + width * bar for bar in range(number)), high),
            empty=ends[name][2],
            others=odd,
        )
    return found


def _value(column: Column) -> str:
    name = identifier(column.name)
    if column.type in ("date", "timestamp"):
        return f"(epoch_us(CAST({name} AS TIMESTAMP)) / 1e6)"
    return f"CAST({name} AS DOUBLE)"


def _scale(type_name: str, low: float, high: float) -> tuple[float, int]:
    """The width of a bar, and how many there are."""
    if low == high:
        return 0.0, 1
    if type_name == "integer" and high - low < 2 * _BARS:
        return 1.0, int(high - low) + 1
    return (high / _BARS - low / _BARS), _BARS


def _bar(value: str, low: float, scale: tuple[float, int]) -> str:
    """SQL for the number of a value's bar; the highest value is in the last one."""
    width, number = scale
    if not width:
        return "0"
    finite = f"CASE WHEN isfinite({value}) THEN {value} ELSE 0 END"
    # Divided first: the difference of two very large numbers is infinite.
    bar = f"floor({finite} / {width!r} - ({low!r}) / {width!r})"
    return f"CAST(least(greatest({bar}, 0), {number - 1}) AS INTEGER)"


def _listed(connection: duckdb.DuckDBPyConnection, column: Column) -> Distribution:
    name = identifier(column.name)
    rows = connection.execute(
        f"SELECT CAST({name} AS VARCHAR), count(*) AS n FROM data "  # noqa: S608
        f"WHERE {name} IS NOT NULL GROUP BY ALL ORDER BY n DESC, 1 LIMIT {_CATEGORIES}"
    ).fetchall()
    row = connection.execute(f"SELECT count({name}), count(*) FROM data").fetchone()  # noqa: S608
    filled, total = row or (0, 0)
    return Distribution(
        column.name,
        "categories",
        tuple(count for _, count in rows),
        labels=tuple(label if _LABEL.fullmatch(label) else _HIDDEN for label, _ in rows),
        empty=total - filled,
        others=filled - sum(count for _, count in rows),
    )
