"""Rules about every value of a column."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from ..data.connection import identifier
from ..language import model
from .casts import castable
from .lengths import length_as_deequ
from .measurement import (
    Context,
    Found,
    Measure,
    Single,
    Verdict,
    compliance,
    condition_of,
    filtered,
    held,
    judge,
    shown,
    whole,
)
from .profiles import IGNORE_CASE, NULL_LENGTH, THRESHOLD
from .sql import as_read, numbers, values_predicate
from .values import CannotEvaluateError

if TYPE_CHECKING:
    from ..data.source import Column

# What reads like the name of a category; addresses and numbers of people do not.
_LABEL = re.compile(r"[^\W\d][\w \-]{0,29}(?<!\d{4})")


def completeness(rule: Single, context: Context, where: str | None) -> Measure:
    """Count the rows with a value.

    Raises:
        CannotEvaluateError: There is no such column.
    """
    column = context.column(rule.parameters[0].value)
    key = f"Column.{column.name}.Completeness"

    def finish(found: Found) -> Verdict:
        filled, rows = whole(found["filled"]), whole(found["kept"])
        share = filled / rows
        if rule.type != "IsComplete":
            return judge(rule, f"Completeness of `{column.name}`", key, share)
        message = (
            f"`{column.name}` has no value in {rows - filled} of {rows} rows: "
            f"its completeness is {shown(share)}"
        )
        complete = filled == rows
        return Verdict(complete, "" if complete else message, {key: share})

    needs = {"filled": f"count({identifier(column.name)}){filtered(where)}"}
    return Measure(needs, finish, row=f"{identifier(column.name)} IS NOT NULL")


def column_length(rule: Single, context: Context, where: str | None) -> Measure:
    """Measure the length of every text in characters.

    Raises:
        CannotEvaluateError: The column holds no text.
    """
    column = context.column(rule.parameters[0].value)
    if column.type != "text":
        raise CannotEvaluateError(f"ColumnLength is about text, and {held(column)}")
    if NULL_LENGTH.applies(context):
        return length_as_deequ(rule, column, where)
    length = f"coalesce(length({identifier(column.name)}), 0)"
    condition = condition_of(rule)
    meeting = numbers(length, condition, whole=True) if condition else "true"
    needs = {
        "meeting": f"count(*){filtered(where, meeting)}",
        "low": f"min({length}){filtered(where)}",
        "high": f"max({length}){filtered(where)}",
    }
    keys = {
        "low": f"Column.{column.name}.MinimumLength",
        "high": f"Column.{column.name}.MaximumLength",
    }

    def finish(found: Found) -> Verdict:
        metrics = {key: float(found[name] or 0) for name, key in keys.items()}
        if condition is None or isinstance(condition, model.Membership):
            share = whole(found["meeting"]) / whole(found["kept"])
            metrics[f"Column.{column.name}.LengthCompliance"] = share
        lie = f"lengths lie from {shown(whole(found['low']))} to {shown(whole(found['high']))}"
        return compliance(rule, column, found, metrics, lie)

    return Measure(needs, finish, row=meeting)


def column_values(rule: Single, context: Context, where: str | None) -> Measure:
    """Count the rows whose value meets the condition; without one, give the extremes.

    Raises:
        CannotEvaluateError: The column is of a type that the condition cannot be about.
    """
    column = context.column(rule.parameters[0].value)
    condition = condition_of(rule)
    if condition is None:
        return _extremes(rule, column, where)
    if THRESHOLD.applies(context) and model.condition_kind(condition) != "date":
        rule = _without_threshold(rule)
    ignore_case = _ignores_case(rule) and not IGNORE_CASE.applies(context)
    meeting = values_predicate(column, condition, context, ignore_case=ignore_case)
    needs = {"meeting": f"count(*){filtered(where, meeting)}"}
    numeric = column.type in ("integer", "number")
    if numeric:
        needs["low"] = f"min({as_read(column)}){filtered(where)}"
        needs["high"] = f"max({as_read(column)}){filtered(where)}"
    elif (
        isinstance(condition, model.Membership)
        and not condition.negated
        and column.name.lower() not in context.redacted
    ):
        # A rule that lists its column's values says that they are categories, fit to be shown.
        needs["odd"] = f"min({identifier(column.name)}){filtered(where, f'NOT ({meeting})')}"

    def finish(found: Found) -> Verdict:
        share = whole(found["meeting"]) / whole(found["kept"])
        kind = "PatternMatch" if isinstance(condition, model.Matches) else "ColumnValues.Compliance"
        metrics = {f"Column.{column.name}.{kind}": share}
        lie = ""
        low, high = found.get("low"), found.get("high")
        if low is not None and high is not None:
            metrics[f"Column.{column.name}.Minimum"] = float(low)
            metrics[f"Column.{column.name}.Maximum"] = float(high)
            lie = f"values lie from {shown(low)} to {shown(high)}"
        elif (odd := found.get("odd")) is not None:
            lie = f"one has the value `{odd}`" if _LABEL.fullmatch(str(odd)) else ""
        return compliance(rule, column, found, metrics, lie)

    return Measure(needs, finish, row=meeting)


def _extremes(rule: Single, column: Column, where: str | None) -> Measure:
    """What the analyzer `ColumnValues` records."""
    if column.type not in ("integer", "number"):
        raise CannotEvaluateError(f"The analyzer {rule.type} is about numbers, and {held(column)}")
    needs = {
        "low": f"min({as_read(column)}){filtered(where)}",
        "high": f"max({as_read(column)}){filtered(where)}",
    }

    def finish(found: Found) -> Verdict:
        if found["low"] is None:
            return Verdict(False, f"`{column.name}` has no values")
        keys = {"low": f"Column.{column.name}.Minimum", "high": f"Column.{column.name}.Maximum"}
        return Verdict(True, metrics={key: float(found[one]) for one, key in keys.items()})

    return Measure(needs, finish)


def column_data_type(rule: Single, context: Context, where: str | None) -> Measure:
    """Count the rows whose value Spark could cast to a type.

    Raises:
        CannotEvaluateError: The condition names no type that Spark knows.
    """
    column = context.column(rule.parameters[0].value)
    condition = condition_of(rule)
    if condition is None:
        raise CannotEvaluateError("The analyzer `ColumnDataType` has no type to compare with")
    if not isinstance(condition, model.Comparison) or not isinstance(condition.operand, model.Text):
        raise CannotEvaluateError("ColumnDataType takes only `=` and `!=`, and one type")
    name = identifier(column.name)
    fits = castable(column, name, condition.operand.value, _tag(rule, "format"))
    meeting = f"({name} IS NOT NULL AND {fits})"
    if condition.operator == "!=":
        meeting = f"NOT {meeting}"

    def finish(found: Found) -> Verdict:
        share = whole(found["meeting"]) / whole(found["kept"])
        metrics = {f"Column.{column.name}.ColumnDataType.Compliance": share}
        return compliance(rule, column, found, metrics, "")

    needs = {"meeting": f"count(*){filtered(where, meeting)}"}
    return Measure(needs, finish, row=meeting)


def _without_threshold(rule: Single) -> Single:
    return replace(rule, threshold=None) if isinstance(rule, model.Rule) else rule


def _ignores_case(rule: Single) -> bool:
    return _tag(rule, "ignoreCase") == "true"


def _tag(rule: Single, name: str) -> str | None:
    tags = rule.tags if isinstance(rule, model.Rule) else ()
    for tag in tags:
        if tag.name == name and isinstance(tag.value, model.Text):
            return tag.value.raw
    return None
