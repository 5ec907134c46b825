"""Conditions in the few forms that other tools know: a range, a set of values, or neither."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from ..engine.values import CannotEvaluateError, number
from ..language import model
from ..language.printer import write_condition, write_operand

if TYPE_CHECKING:
    from collections.abc import Iterable

DAY: Final = timedelta(days=1)


class CannotExportError(Exception):
    """The tool cannot express this rule; the message says why."""


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`; an open end is itself not in it."""

    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False

    def whole(self) -> Range:
        """The same for whole numbers, with both ends in it.

        Raises:
            CannotExportError: There is no whole number in it.
        """
        low = high = None
        if self.low is not None:
            low = math.floor(self.low) + 1 if self.low_open else math.ceil(self.low)
        if self.high is not None:
            high = math.ceil(self.high) - 1 if self.high_open else math.floor(self.high)
        if low is not None and high is not None and low > high:
            raise CannotExportError("no whole number can meet its condition")
        return Range(low, high)

    def holds(self, value: float) -> bool:
        """Is the value in it?"""
        above = self.low is None or (value > self.low if self.low_open else value >= self.low)
        below = self.high is None or (value < self.high if self.high_open else value <= self.high)
        return above and below


def worth(operand: model.Operand) -> float:
    """Work out a number of a condition.

    Raises:
        CannotExportError: It depends on earlier results, or has no value.
    """
    if isinstance(operand, model.Keyword):
        raise CannotExportError(f"`{operand.name}` is no number")
    if model.is_dynamic(operand):
        raise CannotExportError(f"`{write_operand(operand)}` needs the results of earlier runs")
    try:
        return number(operand)
    except CannotEvaluateError as error:
        raise CannotExportError(_clause(str(error))) from error


def _clause(text: str) -> str:
    return text[:1].lower() + text[1:]


def needed(condition: model.Condition | None) -> model.Condition:
    """Give the condition of a rule that has one.

    Raises:
        CannotExportError: It has none.
    """
    if condition is None:
        raise CannotExportError("it has no condition")
    return condition


def range_of(condition: model.Condition) -> Range | None:
    """The range that a condition is, or None when it is no single one.

    Raises:
        CannotExportError: A number has no value.
    """
    if isinstance(condition, model.Between):
        low, high = ends(condition)
        return None if condition.negated else Range(low, high, low_open=True, high_open=True)
    if isinstance(condition, model.Comparison):
        value = worth(condition.operand)
        return {
            "=": Range(value, value),
            ">": Range(low=value, low_open=True),
            ">=": Range(low=value),
            "<": Range(high=value, high_open=True),
            "<=": Range(high=value),
        }.get(condition.operator)
    if isinstance(condition, model.Membership) and not condition.negated:
        values = {worth(item) for item in condition.items}
        if len(values) == 1:
            (value,) = values
            return Range(value, value)
    return None


def ends(condition: model.Between) -> tuple[float, float]:
    """The two numbers of a `between`.

    Raises:
        CannotExportError: The first is not below the second.
    """
    low, high = worth(condition.low), worth(condition.high)
    if low >= high:
        raise CannotExportError(
            f"in `{write_condition(condition)}` the first number is not below the second"
        )
    return low, high


def values_of(condition: model.Condition) -> tuple[tuple[model.Operand, ...], bool] | None:
    """What `=`, `!=`, `in` and `not in` compare with, without NULL, and whether they exclude it."""
    if isinstance(condition, model.Membership):
        negated = condition.negated
    elif isinstance(condition, model.Comparison) and condition.operator in ("=", "!="):
        negated = condition.operator == "!="
    else:
        return None
    return tuple(one for one in condition.operands if one != model.Keyword("NULL")), negated


def null_meets(condition: model.Condition) -> bool:
    """Does a row without a value meet a `ColumnValues` condition, as AWS's documents have it?"""
    listed = values_of(condition)
    if listed is None:
        return False
    named = model.Keyword("NULL") in condition.operands
    if isinstance(condition, model.Membership):
        return named != listed[1]
    keyword = isinstance(condition.operands[0], model.Keyword)
    return not keyword if listed[1] else named


def count_range(condition: model.Condition) -> Range:
    """The range of whole numbers from 0 that a condition about a count is.

    Raises:
        CannotExportError: It is none.
    """
    found = range_of(condition)
    if found is not None:
        return found.whole()
    listed = values_of(condition)
    if listed is not None:
        numbers = sorted({worth(one) for one in listed[0]})
        if listed[1] and numbers == [0]:
            return Range(low=1)
        if not listed[1] and numbers == list(range(int(numbers[0]), int(numbers[-1]) + 1)):
            return Range(numbers[0], numbers[-1])
    raise CannotExportError(f"it compares with one range, which `{shown(condition)}` is not")


def share_at_least(threshold: model.Condition | None) -> float | None:
    """The share from which a threshold is met; None without one.

    Raises:
        CannotExportError: It has an upper end too, or is no range.
    """
    if threshold is None:
        return None
    found = range_of(threshold)
    open_above = found is not None and (found.high is None or found.high == found.low == 1)
    if found is None or found.low is None or not open_above or not 0 <= found.low <= 1:
        raise CannotExportError(f"it knows no share other than a least one: `{shown(threshold)}`")
    # The next number above is the first that is more.
    return math.nextafter(found.low, math.inf) if found.low_open else found.low


def days_of(operands: Iterable[model.Operand]) -> list[date]:
    """The days that a condition names, in order.

    Raises:
        CannotExportError: One is a moment that moves with the clock.
    """
    days = set()
    for one in operands:
        if not isinstance(one, model.Date):
            raise CannotExportError(
                f"`{write_operand(one)}` moves with the clock, and an export is fixed"
            )
        try:
            days.add(date.fromisoformat(one.text))
        except ValueError as error:
            raise CannotExportError(f"`{one.text}` is no date") from error
    return sorted(days)


def shown(condition: model.Condition) -> str:
    """A condition for a reason."""
    return write_condition(condition)[:80]


def tag(rule: model.Rule, name: str) -> str | None:
    """The text of a tag."""
    for one in rule.tags:
        if one.name == name and isinstance(one.value, model.Text):
            return one.value.value
    return None


def looks_typed(operands: Iterable[model.Operand]) -> bool:
    """Could one of these texts be meant for a column of numbers, days or truths?"""
    return any(isinstance(one, model.Text) and _is_typed(one.value) for one in operands)


def _is_typed(text: str) -> bool:
    if text.lower() in ("true", "false"):
        return True
    try:
        float(text)
    except ValueError:
        return False
    return True
