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
_CLASSES = {"A": "[A-Z]", "a": "[a-z]", "9": "[0-9]"}
_LITERALS = " -_/:@#"
_RUNS = re.compile(r"A+|a+|9+|[^Aa9]")
_MOST_SHAPES = 1_000
_FIRST_TEXTS = 500
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
    return {name: _shape(connection, table, name) for name in columns}


def _shape(connection: duckdb.DuckDBPyConnection, table: str, column: str) -> TextShape:
    name = identifier(column)
    tests = {f"format {one}": _is(name, pattern) for one, pattern in FORMATS.items()}
    typed = Column(column, "text")
    tests |= {f"type {one}": castable(typed, name, one) for one in _CASTS}
    # Most columns fail on their first texts already; only what is left is worth every text.
    passing = list(tests)
    values = 0
    for rows in (200, None):
        limit = "" if rows is None else f" LIMIT {rows}"
        asked = "".join(f", bool_and(coalesce({tests[one]}, false))" for one in passing)
        row = connection.execute(
            f"SELECT count(*){asked} FROM (SELECT {name} FROM {table} "  # noqa: S608
            f"WHERE {name} IS NOT NULL{limit})"
        ).fetchone() or (0,)
        values, answers = row[0], row[1:]
        passing = [one for one, yes in zip(passing, answers, strict=True) if yes]
    found = {one.split(" ", 1)[0]: one.split(" ", 1)[1] for one in reversed(passing)}
    pattern = "" if "format" in found else _pattern(connection, table, name)
    return TextShape(values, found.get("format", ""), found.get("type", ""), pattern)


def _is(name: str, pattern: str) -> str:
    return f"regexp_full_match({name}, {literal(pattern)})"


def _pattern(connection: duckdb.DuckDBPyConnection, table: str, name: str) -> str:
    """The pattern that all texts share; nothing when they are made in several ways."""
    letters = string.ascii_uppercase + string.ascii_lowercase + string.digits
    classes = "A" * 26 + "a" * 26 + "9" * 10
    # A text that is cut at 64 has a shape all the same, and the rule is tried on all of it.
    shape = f"translate(left({name}, 64), '{letters}', '{classes}')"
    # Taking texts apart is slow and trying a pattern is not, so the first texts make it.
    for limit in (f" LIMIT {_FIRST_TEXTS}", ""):
        found = connection.execute(
            f"SELECT DISTINCT {shape} FROM (SELECT {name} FROM {table} "  # noqa: S608
            f"WHERE {name} IS NOT NULL{limit}) LIMIT {_MOST_SHAPES}"
        ).fetchall()
        pattern = _generalised([text for (text,) in found])
        if not pattern or len(found) == _MOST_SHAPES:
            return ""
        row = connection.execute(
            f"SELECT bool_and({_is(name, pattern)}) FROM {table}"  # noqa: S608
        ).fetchone()
        if row and row[0]:
            return pattern
    return ""


def _generalised(shapes: Sequence[str]) -> str:
    runs = [_RUNS.findall(shape) for shape in shapes]
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
