"""What each rule type needs from the data, and what follows from it: one function for each.

A measure names the aggregates it needs; the engine runs those of all rules in one query, and one
grouping for each set of key columns.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from . import model
from .connection import identifier, literal
from .cursor import did_you_mean
from .measurement import (
    Context,
    Found,
    Group,
    Measure,
    Single,
    Verdict,
    condition_of,
    filtered,
    judge,
    shown,
)
from .printer import write_condition
from .sql import numbers, values_predicate
from .values import CannotEvaluateError, check_bounds, meets, number
from .where import first_line, where_sql

if TYPE_CHECKING:
    from collections.abc import Callable

    import duckdb

    from .source import Column

# What reads like the name of a category; addresses and numbers of people do not.
_LABEL = re.compile(r"[^\W\d][\w \-]{0,29}(?<!\d{4})")


def measure(rule: Single, context: Context) -> Measure:
    """Work out what a rule needs.

    Raises:
        CannotEvaluateError: It cannot be evaluated on this data.
    """
    if rule.type not in _MEASURES:
        raise CannotEvaluateError(f"Rules of the type `{rule.type}` cannot be evaluated here yet")
    text = getattr(rule, "where", None)
    where = where_sql(context.connection, text.value) if text is not None else None
    return replace(_MEASURES[rule.type](rule, context, where), where=where)


def _row_count(rule: Single, _context: Context, where: str | None) -> Measure:
    return Measure(
        {"rows": f"count(*){filtered(where)}"},
        lambda found: judge(rule, "RowCount", "Dataset.*.RowCount", _int(found["rows"])),
        needs_rows=False,
    )


def _column_count(rule: Single, context: Context, _where: str | None) -> Measure:
    count = len(context.columns)
    return Measure(
        {},
        lambda _found: judge(rule, "ColumnCount", "Dataset.*.ColumnCount", count),
        needs_rows=False,
    )


def _column_exists(rule: Single, context: Context, _where: str | None) -> Measure:
    name = rule.parameters[0].value
    names = [column.name for column in context.columns]
    metrics = {f"Dataset.{name}.ColumnExists": float(name in names)}
    hint = did_you_mean(name, names)
    message = f"The data has no column `{name}`" + (f". {hint}" if hint else "")
    verdict = Verdict(True, "", metrics) if name in names else Verdict(False, message, metrics)
    return Measure({}, lambda _found: verdict, needs_rows=False)


def _completeness(rule: Single, context: Context, where: str | None) -> Measure:
    column = context.column(rule.parameters[0].value)
    key = f"Column.{column.name}.Completeness"

    def finish(found: Found) -> Verdict:
        filled, rows = _int(found["filled"]), _int(found["kept"])
        share = filled / rows
        if rule.type != "IsComplete":
            return judge(rule, f"Completeness of `{column.name}`", key, share)
        message = (
            f"`{column.name}` has no value in {rows - filled} of {rows} rows: "
            f"its completeness is {shown(share)}"
        )
        complete = filled == rows
        return Verdict(complete, "" if complete else message, {key: share})

    return Measure({"filled": f"count({identifier(column.name)}){filtered(where)}"}, finish)


def _keys(rule: Single, context: Context) -> tuple[str, ...]:
    return tuple(context.column(parameter.value).name for parameter in rule.parameters)


def _metric_key(keys: tuple[str, ...], metric: str) -> str:
    scope = "Column" if len(keys) == 1 else "Multicolumn"
    return f"{scope}.{','.join(keys)}.{metric}"


def _uniqueness(rule: Single, context: Context, where: str | None) -> Measure:
    keys = _keys(rule, context)
    named = _named(keys)
    key = _metric_key(keys, "Uniqueness")

    def finish(found: Found) -> Verdict:
        keyed, singletons = _int(found["keyed"]), _int(found["singletons"])
        if not keyed:
            return Verdict(False, f"{named} has no values")
        share = singletons / keyed
        if rule.type == "Uniqueness":
            return judge(rule, f"Uniqueness of {named}", key, share)
        message = (
            f"{keyed - singletons} of {keyed} values of {named} occur more than once: "
            f"its uniqueness is {shown(share)}"
        )
        unique = singletons == keyed
        return Verdict(unique, "" if unique else message, {key: share})

    return Measure({}, finish, Group(keys, where))


def _primary_key(rule: Single, context: Context, where: str | None) -> Measure:
    keys = _keys(rule, context)
    unique = _uniqueness(rule, context, where)
    needs = {
        f"filled{position}": f"count({identifier(key)}){filtered(where)}"
        for position, key in enumerate(keys)
    }

    def finish(found: Found) -> Verdict:
        verdict = unique.finish(found)
        rows = _int(found["kept"])
        metrics = dict(verdict.metrics)
        messages = [verdict.message] if verdict.message else []
        for position, key in enumerate(keys):
            filled = _int(found[f"filled{position}"])
            metrics[f"Column.{key}.Completeness"] = filled / rows
            if filled < rows:
                messages.append(f"`{key}` has no value in {rows - filled} of {rows} rows")
        return Verdict(verdict.passed and not messages, "; ".join(messages), metrics)

    return Measure(needs, finish, unique.group)


def _unique_value_ratio(rule: Single, context: Context, where: str | None) -> Measure:
    keys = _keys(rule, context)
    key = f"Column.{keys[0]}.UniqueValueRatio"

    def finish(found: Found) -> Verdict:
        groups = _int(found["groups"])
        value = _int(found["singletons"]) / groups if groups else None
        missing = f"`{keys[0]}` has no values"
        return judge(rule, f"UniqueValueRatio of `{keys[0]}`", key, value, missing=missing)

    return Measure({}, finish, Group(keys, where))


def _distinct_values(rule: Single, context: Context, where: str | None) -> Measure:
    keys = _keys(rule, context)
    key = f"Column.{keys[0]}.DistinctValuesCount"

    def finish(found: Found) -> Verdict:
        nulls = _int(found["kept"]) > _int(found["keyed"])
        value = _int(found["groups"]) + nulls
        return judge(rule, f"DistinctValuesCount of `{keys[0]}`", key, value)

    return Measure({}, finish, Group(keys, where))


_AGGREGATES = {"Mean": "avg", "Sum": "sum", "StandardDeviation": "stddev_pop"}


def _aggregate(rule: Single, context: Context, where: str | None) -> Measure:
    column = context.column(rule.parameters[0].value)
    if column.type not in ("integer", "number"):
        note = f" ({column.note})" if column.note else ""
        raise CannotEvaluateError(
            f"{rule.type} is about numbers, and column `{column.name}` holds {column.type}{note}"
        )
    double = f"CAST({identifier(column.name)} AS DOUBLE)"
    missing = f"`{column.name}` has no values, so it has no {rule.type}"
    key = f"Column.{column.name}.{rule.type}"
    return Measure(
        {"value": f"{_AGGREGATES[rule.type]}({double}){filtered(where)}"},
        lambda found: judge(
            rule, f"{rule.type} of `{column.name}`", key, found["value"], missing=missing
        ),
    )


def _column_length(rule: Single, context: Context, where: str | None) -> Measure:
    column = context.column(rule.parameters[0].value)
    if column.type != "text":
        raise CannotEvaluateError(
            f"ColumnLength is about text, and column `{column.name}` holds {column.type}"
        )
    # AWS's documents: NULL has length 0.
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
            share = _int(found["meeting"]) / _int(found["kept"])
            metrics[f"Column.{column.name}.LengthCompliance"] = share
        lie = f"lengths lie from {shown(_int(found['low']))} to {shown(_int(found['high']))}"
        return _compliance(rule, column, found, metrics, lie)

    return Measure(needs, finish)


def _column_values(rule: Single, context: Context, where: str | None) -> Measure:
    column = context.column(rule.parameters[0].value)
    condition = condition_of(rule)
    if condition is None:
        raise CannotEvaluateError("The analyzer `ColumnValues` cannot be evaluated here yet")
    _check_pattern(context.connection, condition)
    meeting = values_predicate(column, condition, now=context.now, ignore_case=_ignores_case(rule))
    needs = {"meeting": f"count(*){filtered(where, meeting)}"}
    numeric = column.type in ("integer", "number")
    if numeric:
        name = identifier(column.name)
        needs["low"] = f"min({name}){filtered(where)}"
        needs["high"] = f"max({name}){filtered(where)}"
    elif isinstance(condition, model.Membership) and not condition.negated:
        # A rule that lists its column's values says that they are categories, fit to be shown.
        needs["odd"] = f"min({identifier(column.name)}){filtered(where, f'NOT ({meeting})')}"

    def finish(found: Found) -> Verdict:
        share = _int(found["meeting"]) / _int(found["kept"])
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
        return _compliance(rule, column, found, metrics, lie)

    return Measure(needs, finish)


def _compliance(
    rule: Single, column: Column, found: Found, metrics: dict[str, float], lie: str
) -> Verdict:
    """Every row must meet the condition, or the share that the threshold says."""
    rows, meeting = _int(found["kept"]), _int(found["meeting"])
    condition = condition_of(rule)
    threshold = rule.threshold if isinstance(rule, model.Rule) else None
    passed = meeting == rows if threshold is None else meets(meeting / rows, threshold)
    if passed or condition is None:
        return Verdict(True, metrics=metrics)
    message = (
        f"{rows - meeting} of {rows} rows of `{column.name}` do not meet "
        f"`{rule.type} {write_condition(condition)}`"
    )
    if threshold is not None:
        message += (
            f"; the share that does is {shown(meeting / rows)}, "
            f"and should be {write_condition(threshold)}"
        )
    return Verdict(False, f"{message}; {lie}" if lie else message, metrics)


def _check_pattern(connection: duckdb.DuckDBPyConnection, condition: model.Condition) -> None:
    """Try a pattern alone, so that a bad one spoils no other rule's query."""
    import duckdb

    if not isinstance(condition, model.Matches):
        return
    pattern = literal(condition.pattern.raw)
    try:
        connection.execute(f"SELECT regexp_full_match('', {pattern})")
    except duckdb.Error as error:
        raise CannotEvaluateError(
            f"The pattern cannot be used (look-around and back-references are not known): "
            f"{first_line(error)}"
        ) from error


def _ignores_case(rule: Single) -> bool:
    tags = rule.tags if isinstance(rule, model.Rule) else ()
    return any(
        tag.name == "ignoreCase" and isinstance(tag.value, model.Text) and tag.value.raw == "true"
        for tag in tags
    )


def check_numbers(rule: Single) -> None:
    """Work out a rule's numbers before any data is read.

    Raises:
        CannotEvaluateError: One of them has no value, or the ends of a `between` are swapped.
    """
    for condition in (condition_of(rule), getattr(rule, "threshold", None)):
        if condition is None or model.condition_kind(condition) != "number":
            continue
        worth = [number(one) for one in condition.operands if not isinstance(one, model.Keyword)]
        if isinstance(condition, model.Between):
            check_bounds(condition, *worth)


def _named(keys: tuple[str, ...]) -> str:
    return ", ".join(f"`{key}`" for key in keys)


def _int(value: float | None) -> int:
    return int(value or 0)


_MEASURES: dict[str, Callable[[Single, Context, str | None], Measure]] = {
    "RowCount": _row_count,
    "ColumnCount": _column_count,
    "ColumnExists": _column_exists,
    "Completeness": _completeness,
    "IsComplete": _completeness,
    "Uniqueness": _uniqueness,
    "IsUnique": _uniqueness,
    "IsPrimaryKey": _primary_key,
    "UniqueValueRatio": _unique_value_ratio,
    "DistinctValuesCount": _distinct_values,
    "Mean": _aggregate,
    "Sum": _aggregate,
    "StandardDeviation": _aggregate,
    "ColumnLength": _column_length,
    "ColumnValues": _column_values,
}
