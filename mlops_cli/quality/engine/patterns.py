"""Patterns, tried alone first, so that a bad one spoils no other rule's query."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..data.connection import literal
from ..language import model
from .measurement import Context, Measure, Single, Verdict, named
from .values import CannotEvaluateError
from .where import first_line

if TYPE_CHECKING:
    import duckdb

_SHOWN = 5


def check_pattern(connection: duckdb.DuckDBPyConnection, condition: model.Condition) -> None:
    """Try the pattern of a `matches`.

    Raises:
        CannotEvaluateError: It is none that can be searched for in bounded time.
    """
    if isinstance(condition, model.Matches):
        _found(connection, condition.pattern.raw, [""])


def column_names_match(rule: Single, context: Context, _where: str | None) -> Measure:
    """Look for a pattern in the name of every column.

    Raises:
        CannotEvaluateError: It cannot be searched for.
    """
    names = [column.name for column in context.columns]
    pattern = rule.parameters[0].raw
    found = _found(context.connection, pattern, names)
    other = tuple(name for name, yes in zip(names, found, strict=True) if not yes)
    metrics = {"Dataset.*.ColumnNamesPatternMatchRatio": (len(names) - len(other)) / len(names)}
    verdict = Verdict(True, "", metrics)
    if other:
        more = f" and {len(other) - _SHOWN} more" if len(other) > _SHOWN else ""
        message = f"The pattern is not found in the column names {named(other[:_SHOWN])}{more}"
        verdict = Verdict(False, message, metrics)
    return Measure({}, lambda _found: verdict, needs_rows=False)


def _found(connection: duckdb.DuckDBPyConnection, pattern: str, texts: list[str]) -> list[bool]:
    """Search each text; DuckDB's patterns know no step that can take for ever."""
    import duckdb

    try:
        rows = connection.execute(
            f"SELECT regexp_matches(text, {literal(pattern)}) FROM "  # noqa: S608
            f"(VALUES {', '.join(f'({literal(text)})' for text in texts)}) AS texts(text)"
        ).fetchall()
    except duckdb.Error as error:
        raise CannotEvaluateError(
            f"The pattern cannot be used (look-around and back-references are not known): "
            f"{first_line(error)}"
        ) from error
    return [found for (found,) in rows]
