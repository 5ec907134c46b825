"""Patterns: Java's, which DuckDB knows but for look-around, possessive signs and back-references.

DuckDB searches in bounded time. What it does not know is tried by Python on each distinct value,
in a process of its own that is stopped after a while, for Python's search may take for ever.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..data.connection import engine, identifier, literal
from .look_around import search_each
from .measurement import Context, Measure, Single, Verdict, named
from .profiles import PATTERN_EMPTY, PATTERN_GROUP, PATTERN_NEGATED
from .values import CannotEvaluateError
from .where import first_line

if TYPE_CHECKING:
    from ..data.source import Column
    from ..language import model

_SHOWN = 5
_MOST_VALUES = 10_000
_MOST_CHARACTERS = 2_000_000


def matching(context: Context, column: Column, condition: model.Matches) -> str:
    """SQL for whether a text meets a `matches`, or a `not matches`.

    Raises:
        CannotEvaluateError: It is no pattern, or none that can be searched for in bounded time.
    """
    pattern = condition.pattern.raw
    _check_classes(pattern)
    name = identifier(column.name)
    if PATTERN_NEGATED.applies(context) and condition.negated:
        # `^(?!\\bp\\b).*$`, found and not empty: DuckDB knows no `(?!`, but can negate.
        found = _searched(context, column, rf"^(?:\b{pattern}\b)")
        return f"({name} <> '' AND regexp_full_match({name}, '.*') AND NOT {found})"
    if PATTERN_GROUP.applies(context):
        searched = _searched(context, column, f"^{pattern}$", filled=PATTERN_EMPTY.applies(context))
    else:
        searched = _searched(context, column, rf"^(?:{pattern})$")
    return f"NOT {searched}" if condition.negated else searched


def _searched(context: Context, column: Column, pattern: str, *, filled: bool = False) -> str:
    """SQL for whether a pattern is found; when `filled`, not only as an empty text."""
    name = identifier(column.name)
    reason = _refusal(context, pattern)
    if reason is not None:
        return _among(context, column, pattern, reason, filled=filled)
    if filled:
        return f"regexp_extract({name}, {literal(pattern)}, 0) <> ''"
    return f"regexp_matches({name}, {literal(pattern)})"


def _refusal(context: Context, pattern: str) -> str | None:
    """What DuckDB has against a pattern, tried alone: a bad one must spoil no other rule."""
    try:
        context.connection.execute(f"SELECT regexp_matches('', {literal(pattern)})")
    except engine().Error as error:
        return first_line(error)
    return None


def _among(context: Context, column: Column, pattern: str, reason: str, *, filled: bool) -> str:
    """SQL for being one of the values that Python finds the pattern in."""
    name = identifier(column.name)
    rows = context.connection.execute(
        f"SELECT DISTINCT {name} FROM data WHERE {name} IS NOT NULL LIMIT {_MOST_VALUES + 1}"  # noqa: S608
    ).fetchall()
    values = [value for (value,) in rows]
    if len(values) > _MOST_VALUES or sum(map(len, values)) > _MOST_CHARACTERS:
        raise CannotEvaluateError(
            f"The pattern is none of DuckDB's ({reason}), so each value is tried by itself, "
            f"and `{column.name}` has too many: more than {_MOST_VALUES:,} distinct ones, or "
            f"more than {_MOST_CHARACTERS:,} characters in all"
        )
    found = search_each(pattern, values, reason, filled=filled)
    listed = ", ".join(literal(value) for value, yes in zip(values, found, strict=True) if yes)
    return f"{name} IN ({listed})" if listed else "false"


def _check_classes(pattern: str) -> None:
    """Refuse what Java and the others read differently without a word: a class in a class.

    Raises:
        CannotEvaluateError: There is one.
    """
    inside = escaped = False
    for position, sign in enumerate(pattern):
        if escaped:
            escaped = False
        elif sign == "\\":
            escaped = True
        elif inside and (sign == "[" or pattern.startswith("&&", position)):
            raise CannotEvaluateError(
                "The pattern holds a class in a class, or `&&`, which only Java knows"
            )
        elif sign in "[]":
            inside = sign == "["


def column_names_match(rule: Single, context: Context, _where: str | None) -> Measure:
    """Look for a pattern in the name of every column.

    Raises:
        CannotEvaluateError: It cannot be searched for.
    """
    names = [column.name for column in context.columns]
    pattern = rule.parameters[0].raw
    _check_classes(pattern)
    found = _in_names(context, pattern, names)
    other = tuple(name for name, yes in zip(names, found, strict=True) if not yes)
    metrics = {"Dataset.*.ColumnNamesPatternMatchRatio": (len(names) - len(other)) / len(names)}
    verdict = Verdict(True, "", metrics)
    if other:
        more = f" and {len(other) - _SHOWN} more" if len(other) > _SHOWN else ""
        message = f"The pattern is not found in the column names {named(other[:_SHOWN])}{more}"
        verdict = Verdict(False, message, metrics)
    return Measure({}, lambda _found: verdict, needs_rows=False)


def _in_names(context: Context, pattern: str, names: list[str]) -> list[bool]:
    reason = _refusal(context, pattern)
    if reason is not None:
        return search_each(pattern, names, reason)
    rows = context.connection.execute(
        f"SELECT regexp_matches(name, {literal(pattern)}) FROM "  # noqa: S608
        f"(VALUES {', '.join(f'({literal(name)})' for name in names)}) AS names(name)"
    ).fetchall()
    return [found for (found,) in rows]
