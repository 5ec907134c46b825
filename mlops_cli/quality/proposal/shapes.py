"""What the texts of a column look like, without any of them: formats, types, patterns, in SQL."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..data.connection import identifier, literal
from ..data.source import Column
from ..engine.casts import castable

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

# Without groups and alternatives, which Glue reads in its own way, and without backslashes.
FORMATS: dict[str, str] = {
    "UUIDs": "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}",
    "e-mail addresses": "[^@ ]+@[^@ ]+[.][^@. ]+",
    "web addresses": "https?://[^ ]+",
}
_CASTS = ("Integer", "Long", "Double", "Date", "Timestamp")
_WHOLE = ("Integer", "Long")
_CLASSES = {"A": "[A-Z]", "a": "[a-z]", "9": "[0-9]"}
_LITERALS = " -_/:@#"
_RUNS = re.compile(r"A+|a+|9+|[^Aa9]")
_FIRST = 1_000
_TOGETHER = 20
_LONGEST_TEXT = 64
_AS_CLASSES = str.maketrans(
    string.ascii_uppercase + string.ascii_lowercase + string.digits, "A" * 26 + "a" * 26 + "9" * 10
)
_LONGEST_PATTERN = 12


@dataclass(frozen=True, slots=True)
class TextShape:
    """What is common to all texts of a column that were looked at."""

    values: int
    """How many were looked at; NULL is none."""
    format: str = ""
    """A key of `FORMATS`."""
    type: str = ""
    """The narrowest type of ColumnDataType that all can be read as."""
    pattern: str = ""
    """A regular expression made of what is at each place in all of them."""


def text_shapes(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]
) -> dict[str, TextShape]:
    """Look at the texts of columns."""
    found: dict[str, TextShape] = {}
    for start in range(0, len(columns), _TOGETHER):
        found |= _shapes(connection, table, columns[start : start + _TOGETHER])
    return found


def _shapes(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str]
) -> dict[str, TextShape]:
    """Ask of the first texts what could be, and of all texts what of it is."""
    names = [identifier(column) for column in columns]
    rows = connection.execute(f"SELECT {', '.join(names)} FROM {table} LIMIT {_FIRST}").fetchall()  # noqa: S608
    tests: dict[tuple[str, str], str] = {}
    for position, (column, name) in enumerate(zip(columns, names, strict=True)):
        kinds = [_shape_of(row[position]) for row in rows if row[position] is not None]
        if pattern := _generalised(kinds):
            tests[column, f"pattern {pattern}"] = _is(name, pattern)
        tests |= {(column, f"format {one}"): _is(name, FORMATS[one]) for one in FORMATS}
        typed = Column(column, "text")
        tests |= {(column, f"type {one}"): _reads_as(typed, name, one) for one in _CASTS}
    first = f"(SELECT {', '.join(names)} FROM {table} LIMIT {_FIRST})"  # noqa: S608
    tests = _holding(connection, first, tests)
    tests = _holding(connection, table, tests)
    counts = ", ".join(f"count({name})" for name in names)
    values = connection.execute(f"SELECT {counts} FROM {table}").fetchone() or ()  # noqa: S608
    return {
        column: _shape(count, [what for one, what in tests if one == column])
        for column, count in zip(columns, values, strict=True)
    }


def _holding(
    connection: duckdb.DuckDBPyConnection, table: str, tests: dict[tuple[str, str], str]
) -> dict[tuple[str, str], str]:
    """Keep the tests that every text passes; one about no text holds."""
    if not tests:
        return {}
    asked = ", ".join(
        f"coalesce(bool_and({identifier(column)} IS NULL OR coalesce({test}, false)), true)"
        for (column, _), test in tests.items()
    )
    row = connection.execute(f"SELECT {asked} FROM {table}").fetchone() or ()  # noqa: S608
    return {key: tests[key] for key, yes in zip(tests, row, strict=True) if yes}


def _shape(values: int, holding: Sequence[str]) -> TextShape:
    # The first of each kind is the narrowest.
    found = dict(what.split(" ", 1) for what in reversed(holding))
    pattern = "" if "format" in found else found.get("pattern", "")
    return TextShape(values, found.get("format", ""), found.get("type", ""), pattern)


def _reads_as(column: Column, name: str, kind: str) -> str:
    """Whether a text can be cast, and is not cut: Spark reads `1.9` as the integer 1."""
    fits = castable(column, name, kind)
    return f"({fits} AND NOT contains({name}, '.'))" if kind in _WHOLE else fits


def _is(name: str, pattern: str) -> str:
    return f"regexp_full_match({name}, {literal(pattern)})"


def _shape_of(text: str) -> str:
    return text[:_LONGEST_TEXT].translate(_AS_CLASSES)


def _generalised(shapes: Sequence[str]) -> str:
    runs = [_RUNS.findall(shape) for shape in set(shapes)]
    kinds = {tuple(run[0] for run in one) for one in runs}
    if len(kinds) != 1:
        return ""
    (kind,) = kinds
    if not 0 < len(kind) <= _LONGEST_PATTERN:
        return ""
    if any(one not in _CLASSES and one not in _LITERALS + "." for one in kind):
        return ""
    parts = []
    for position, one in enumerate(kind):
        lengths = {len(each[position]) for each in runs}
        parts.append(_run(one, min(lengths), max(lengths)))
    return "".join(parts)


def _run(kind: str, shortest: int, longest: int) -> str:
    if kind not in _CLASSES:
        return "[.]" if kind == "." else kind
    if shortest != longest:
        return f"{_CLASSES[kind]}+"
    return _CLASSES[kind] if shortest == 1 else f"{_CLASSES[kind]}{{{shortest}}}"
