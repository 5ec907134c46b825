"""ColumnLength as Deequ measures it: see NULL_LENGTH, LENGTH_ENDS and LENGTH_ZERO in `profiles`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..data.connection import identifier
from ..language import model
from ..language.printer import write_condition
from .measurement import Found, Measure, Single, Verdict, compliance, condition_of, filtered, whole
from .sql import numbers
from .values import meets, number

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..data.source import Column

_ENDS = {">": ("low",), ">=": ("low",), "<": ("high",), "<=": ("high",)}


def length_as_deequ(rule: Single, column: Column, where: str | None) -> Measure:
    """Compare the shortest and the longest text, or count where the condition is a list."""
    condition = condition_of(rule)
    listed = isinstance(condition, model.Membership)
    if listed or (isinstance(condition, model.Between) and condition.negated):
        return _counted(rule, column, where)
    length = f"length({identifier(column.name)})"
    needs = {
        "low": f"min({length}){filtered(where)}",
        "high": f"max({length}){filtered(where)}",
    }
    meeting = numbers(length, condition, whole=False) if condition else "true"
    row = f"({identifier(column.name)} IS NULL OR {meeting})"
    return Measure(needs, _compared(column, condition), row=row)


_NAMES = {"low": "MinimumLength", "high": "MaximumLength"}


def _compared(column: Column, condition: model.Condition | None) -> Callable[[Found], Verdict]:
    ends: tuple[str, ...] = ("low", "high")
    if isinstance(condition, model.Comparison):
        ends = _ENDS.get(condition.operator, ends)

    def finish(found: Found) -> Verdict:
        if found["low"] is None:
            return Verdict(False, f"`{column.name}` has no values, so it has no ColumnLength")
        metrics = _ends(column, found)
        if condition is None or all(meets(found[end], condition) for end in ends):
            return Verdict(True, metrics=metrics)
        lie = " and ".join(str(whole(found[end])) for end in ends)
        message = f"ColumnLength of `{column.name}` is {lie}, and should be "
        return Verdict(False, message + write_condition(condition), metrics)

    return finish


def _ends(column: Column, found: Found) -> dict[str, float]:
    return {
        f"Column.{column.name}.{metric}": float(found[end])
        for end, metric in _NAMES.items()
        if found[end] is not None
    }


def _counted(rule: Single, column: Column, where: str | None) -> Measure:
    condition = condition_of(rule)
    name = identifier(column.name)
    found, zero = "true", False
    if condition is not None:
        found = numbers(f"length({name})", condition, whole=False)
        zero = any(
            number(one) == 0 for one in condition.operands if not isinstance(one, model.Keyword)
        )
    negated = isinstance(condition, model.Between) or getattr(condition, "negated", False)
    if negated:
        text = "true" if zero else found
        null = "false" if zero else "true"
    else:
        text, null = found, "true" if zero else "false"
    meeting = f"CASE WHEN {name} IS NULL THEN {null} ELSE {text} END"

    def finish(found: Found) -> Verdict:
        share = whole(found["meeting"]) / whole(found["kept"])
        metrics = {f"Column.{column.name}.LengthCompliance": share, **_ends(column, found)}
        return compliance(rule, column, found, metrics, "")

    needs = {
        "meeting": f"count(*){filtered(where, meeting)}",
        "low": f"min(length({name})){filtered(where)}",
        "high": f"max(length({name})){filtered(where)}",
    }
    return Measure(needs, finish, row=meeting)
