"""What operands are worth, and whether a number meets a condition."""

from __future__ import annotations

import math
import operator
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from ..language import model
from ..language.printer import write_condition, write_operand

if TYPE_CHECKING:
    from collections.abc import Callable

COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
_MOST_DIGITS = 308


class CannotEvaluateError(Exception):
    """This rule has no answer here, and its outcome is ERROR; others go on."""


def number(operand: model.Operand) -> float:
    """Work out a number; whole numbers stay exact until they are divided.

    Raises:
        CannotEvaluateError: It is none, or needs a history of results.
    """
    try:
        value = _number(operand)
    except (OverflowError, ZeroDivisionError) as error:
        reason = "divides by zero" if isinstance(error, ZeroDivisionError) else "is too large"
        raise CannotEvaluateError(f"`{write_operand(operand)[:60]}` {reason}") from error
    if isinstance(value, int) and abs(value) > 10**_MOST_DIGITS:
        raise CannotEvaluateError("A number of the condition is too large")
    return value


def _number(operand: model.Operand) -> float:
    if isinstance(operand, model.Number):
        return _literal(operand.text)
    if isinstance(operand, model.Negated):
        return -_number(operand.operand)
    if isinstance(operand, model.Grouped):
        return _number(operand.inner)
    if isinstance(operand, model.Arithmetic):
        return _arithmetic(operand)
    if isinstance(operand, model.Call):
        raise CannotEvaluateError(
            f"`{write_operand(operand)}` needs the results of earlier runs, which are not kept here"
        )
    raise CannotEvaluateError(f"`{write_operand(operand)}` is not a number")


def _arithmetic(operand: model.Arithmetic) -> float:
    """Left to right, without recursion: a long sum must not overflow the stack."""
    steps: list[tuple[str, float]] = []
    left: model.NumericOperand = operand
    while isinstance(left, model.Arithmetic):
        steps.append((left.operator, _number(left.right)))
        left = left.left
    value = _number(left)
    for sign, right in reversed(steps):
        value = _ARITHMETIC[sign](value, right)
        if isinstance(value, int) and abs(value) > 10**_MOST_DIGITS:
            raise OverflowError
    return value


def _literal(text: str) -> float:
    if len(text.partition(".")[0].lstrip("0")) > _MOST_DIGITS:
        raise OverflowError
    return float(text) if "." in text else int(text)


def check_bounds(condition: model.Condition | None, low: float, high: float) -> None:
    """Refuse a `between` that nothing can meet, or a `not between` that everything meets.

    Raises:
        CannotEvaluateError: The low end is not below the high one.
    """
    if low >= high:
        text = write_condition(condition) if condition else "between"
        raise CannotEvaluateError(f"In `{text}` the first number is not below the second")


def meets(value: float, condition: model.Condition) -> bool:
    """Tell whether a metric meets a numeric condition; NaN meets none.

    Raises:
        CannotEvaluateError: The condition cannot be worked out.
    """
    found = _meets(value, condition)
    return found and not math.isnan(value)


def _meets(value: float, condition: model.Condition) -> bool:
    if isinstance(condition, model.Comparison):
        return COMPARE[condition.operator](value, number(condition.operand))
    if isinstance(condition, model.Between):
        low, high = number(condition.low), number(condition.high)
        check_bounds(condition, low, high)
        inside = low < value < high
        return not inside if condition.negated else inside
    if isinstance(condition, model.Membership):
        found = value in [number(item) for item in condition.items]
        return not found if condition.negated else found
    raise CannotEvaluateError(f"`{write_condition(condition)}` does not compare numbers")


def moment(operand: model.Operand, now: datetime) -> datetime:
    """Work out a date: midnight for a day, today for a time; `now` has no time zone and is UTC.

    Raises:
        CannotEvaluateError: It is no date, or none that exists.
    """
    try:
        return _moment(operand, now)
    except (OverflowError, ValueError) as error:
        raise CannotEvaluateError(f"`{write_operand(operand)}` is no date") from error


def _moment(operand: model.Operand, now: datetime) -> datetime:
    if isinstance(operand, model.Date):
        return datetime.fromisoformat(operand.text)
    if isinstance(operand, model.Time):
        return datetime.combine(now.date(), _time(operand.text))
    if isinstance(operand, model.Now):
        minute = now.replace(second=0, microsecond=0)
        if not operand.sign:
            return minute
        offset = timedelta(**{operand.unit: int(operand.amount)})
        return minute + offset if operand.sign == "+" else minute - offset
    raise CannotEvaluateError(f"`{write_operand(operand)}` is not a date")


def _time(text: str) -> time:
    clock, _, half = text.partition(" ")
    hours, minutes = (int(part) for part in clock.split(":"))
    if half:
        hours = hours % 12 + (12 if half == "PM" else 0)
    return time(hours, minutes)
