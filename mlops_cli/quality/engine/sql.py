"""Writes conditions as SQL that is true or false for each row, never NULL.

Names are always quoted. Numbers are worked out before; text is written as a literal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..data.connection import identifier, literal
from ..language import model
from ..language.printer import write_condition
from .measurement import held
from .patterns import matching
from .profiles import DATE_RANGE, DOUBLES, KEYWORD_NULL
from .values import CannotEvaluateError, check_bounds, moment, number

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ..data.source import Column
    from .measurement import Context

_NUMBERS = ("integer", "number")
_LARGEST = 2**63


def values_predicate(
    column: Column, condition: model.Condition, context: Context, *, ignore_case: bool = False
) -> str:
    """SQL for `ColumnValues`: does this row's value meet the condition?

    Raises:
        CannotEvaluateError: The column is of a type that the condition cannot be about.
    """
    kind = model.condition_kind(condition)
    name = identifier(column.name)
    if kind == "null":
        found = _on_values(condition, lambda _operand: "false")
    elif isinstance(condition, model.Matches):
        _need(column, ("text",), condition)
        found = matching(context, column, condition)
    elif kind == "number":
        _need(column, _NUMBERS, condition)
        exact = column.type == "integer" and not DOUBLES.applies(context)
        found = numbers(name, condition, whole=exact)
    elif kind == "date":
        found = _dates(column, condition, context.now)
    else:
        found = _texts(column, condition, ignore_case=ignore_case)
    null = "true" if null_passes(condition, context) else "false"
    return f"CASE WHEN {name} IS NULL THEN {null} ELSE coalesce({found}, false) END"


def null_passes(condition: model.Condition, context: Context) -> bool:
    """Tell whether a row without a value meets the condition.

    It does where the condition says NULL, or says only what the value must not be.
    """
    if isinstance(condition, model.Between) and condition.negated and DATE_RANGE.applies(context):
        return model.condition_kind(condition) == "date"
    if isinstance(condition, model.Between | model.Matches):
        return False
    listed = model.Keyword("NULL") in condition.operands
    if isinstance(condition, model.Membership):
        keywords = any(isinstance(one, model.Keyword) for one in condition.operands)
        if condition.negated and keywords and KEYWORD_NULL.applies(context):
            return False
        return listed != condition.negated
    if condition.operator == "=":
        return listed
    return condition.operator == "!=" and not isinstance(condition.operand, model.Keyword)


def as_read(column: Column) -> str:
    """SQL for a number that is looked at, one by one, for its smallest and largest value.

    The statistics in a Parquet file leave NaN out, and DuckDB answers `min` and `max` from them
    when nothing else is asked; a sum is not in them.
    """
    name = identifier(column.name)
    return f"({name} + 0)" if column.type == "number" else name


def numbers(expression: str, condition: model.Condition, *, whole: bool) -> str:
    """SQL for a numeric condition about an expression that is not NULL."""

    def equal(operand: model.Operand) -> str:
        return _compare(expression, "=", number(operand), whole=whole)

    if isinstance(condition, model.Between):
        low, high = number(condition.low), number(condition.high)
        check_bounds(condition, low, high)
        if condition.negated:
            return (
                f"({_compare(expression, '<=', low, whole=whole)} "
                f"OR {_compare(expression, '>=', high, whole=whole)})"
            )
        return (
            f"({_compare(expression, '>', low, whole=whole)} "
            f"AND {_compare(expression, '<', high, whole=whole)})"
        )
    if isinstance(condition, model.Comparison) and condition.operator not in ("=", "!="):
        return _compare(expression, condition.operator, number(condition.operand), whole=whole)
    return _on_values(condition, equal)


def _compare(expression: str, sign: str, value: float, *, whole: bool) -> str:
    """Compare as whole numbers where both sides are, and as doubles where one is not."""
    symbol = "<>" if sign == "!=" else sign
    if whole and isinstance(value, int) and abs(value) < _LARGEST:
        return f"{expression} {symbol} {value}"
    return f"CAST({expression} AS DOUBLE) {symbol} CAST('{float(value)!r}' AS DOUBLE)"


def _on_values(condition: model.Condition, equal: Callable[[model.Operand], str]) -> str:
    """SQL for `=`, `!=`, `in` and `not in`, from SQL for being equal to one operand.

    NULL is not looked at here: the caller answers for rows without a value.
    """
    operands = [one for one in condition.operands if one != model.Keyword("NULL")]
    joined = " OR ".join(equal(one) for one in operands) or "false"
    if isinstance(condition, model.Membership):
        negated = condition.negated
    else:
        negated = isinstance(condition, model.Comparison) and condition.operator == "!="
    return f"NOT ({joined})" if negated else f"({joined})"


def _texts(column: Column, condition: model.Condition, *, ignore_case: bool) -> str:
    name = identifier(column.name)
    text = name if column.type == "text" else f"CAST({name} AS VARCHAR)"
    if column.type == "other":
        _need(column, ("text",), condition)

    def equal(operand: model.Operand) -> str:
        if operand == model.Keyword("EMPTY"):
            return f"{text} = ''"
        if operand == model.Keyword("WHITESPACES_ONLY"):
            return f"({text} <> '' AND trim({text}, ' ') = '')"
        value = operand.value if isinstance(operand, model.Text) else ""
        if ignore_case:
            return f"lower({text}) = lower({literal(value)})"
        return f"{text} = {literal(value)}"

    return _on_values(condition, equal)


def _dates(column: Column, condition: model.Condition, now: datetime) -> str:
    """Days are compared with days; only `now()` and a timestamp are compared to the minute."""
    _need(column, ("date", "timestamp", "text"), condition)
    name = identifier(column.name)
    exact = column.type == "timestamp" and any(
        isinstance(one, model.Now | model.Time) for one in condition.operands
    )
    expression = name if exact else f"CAST({name} AS DATE)"
    if column.type == "text":
        day = f"TRY_CAST(left({name}, 10) AS DATE)"
        expression = (
            # What follows a day must be a time, as for Spark: `2024-01-02x` is none.
            f"CASE WHEN {name} SIMILAR TO '[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}([ T].*)?' "
            f"THEN {day} END"
        )

    def sql(operand: model.Operand) -> str:
        value = moment(operand, now)
        if exact:
            return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
        return f"DATE '{value.date().isoformat()}'"

    if isinstance(condition, model.Between):
        _check_dates(condition, now)
        low, high = sql(condition.low), sql(condition.high)
        if condition.negated:
            return f"({expression} <= {low} OR {expression} >= {high})"
        return f"({expression} > {low} AND {expression} < {high})"
    if isinstance(condition, model.Comparison) and condition.operator not in ("=", "!="):
        return f"{expression} {condition.operator} {sql(condition.operand)}"
    return _on_values(condition, lambda one: f"{expression} = {sql(one)}")


def _check_dates(condition: model.Between, now: datetime) -> None:
    low, high = moment(condition.low, now), moment(condition.high, now)
    if low >= high:
        text = write_condition(condition)
        raise CannotEvaluateError(f"In `{text}` the first date is not before the second")


def _need(column: Column, types: tuple[str, ...], condition: model.Condition) -> None:
    if column.type in types:
        return
    raise CannotEvaluateError(
        f"`{write_condition(condition)}` is about {_nouns(types)}, and {held(column)}"
    )


def _nouns(types: tuple[str, ...]) -> str:
    if types == _NUMBERS:
        return "numbers"
    return "dates" if "date" in types else "text"
