"""What each rule type needs from the data, and what follows from it: one function for each.

A measure names the aggregates it needs; the engine runs those of all rules in one query, and one
grouping for each set of key columns.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from . import model
from .casts import castable
from .connection import identifier
from .cursor import did_you_mean
from .custom_sql import custom_sql
from .freshness import freshness
from .measurement import (
    Context,
    Found,
    Group,
    Measure,
    Single,
    Verdict,
    compliance,
    condition_of,
    filtered,
    judge,
    key_columns,
    metric_key,
    named,
    shown,
    whole,
)
from .numeric import aggregate, correlation, entropy
from .patterns import check_pattern, column_names_match
from .references import (
    aggregate_match,
    dataset_match,
    referential_integrity,
    row_count_match,
    schema_match,
)
from .sql import numbers, values_predicate
from .values import CannotEvaluateError, check_bounds, number
from .where import where_sql

if TYPE_CHECKING:
    from collections.abc import Callable

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
        lambda found: judge(rule, "RowCount", "Dataset.*.RowCount", whole(found["rows"])),
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

    return Measure({"filled": f"count({identifier(column.name)}){filtered(where)}"}, finish)


def _uniqueness(rule: Single, context: Context, where: str | None) -> Measure:
    keys = key_columns(rule, context)
    shown_keys = named(keys)
    key = metric_key(keys, "Uniqueness")

    def finish(found: Found) -> Verdict:
        keyed, singletons = whole(found["keyed"]), whole(found["singletons"])
        if not keyed:
            return Verdict(False, f"{shown_keys} has no values")
        share = singletons / keyed
        if rule.type == "Uniqueness":
            return judge(rule, f"Uniqueness of {shown_keys}", key, share)
        message = (
            f"{keyed - singletons} of {keyed} values of {shown_keys} occur more than once: "
            f"its uniqueness is {shown(share)}"
        )
        unique = singletons == keyed
        return Verdict(unique, "" if unique else message, {key: share})

    return Measure({}, finish, Group(keys, where))


def _primary_key(rule: Single, context: Context, where: str | None) -> Measure:
    keys = key_columns(rule, context)
    unique = _uniqueness(rule, context, where)
    needs = {
        f"filled{position}": f"count({identifier(key)}){filtered(where)}"
        for position, key in enumerate(keys)
    }

    def finish(found: Found) -> Verdict:
        verdict = unique.finish(found)
        rows = whole(found["kept"])
        metrics = dict(verdict.metrics)
        messages = [verdict.message] if verdict.message else []
        for position, key in enumerate(keys):
            filled = whole(found[f"filled{position}"])
            metrics[f"Column.{key}.Completeness"] = filled / rows
            if filled < rows:
                messages.append(f"`{key}` has no value in {rows - filled} of {rows} rows")
        return Verdict(verdict.passed and not messages, "; ".join(messages), metrics)

    return Measure(needs, finish, unique.query)


def _unique_value_ratio(rule: Single, context: Context, where: str | None) -> Measure:
    keys = key_columns(rule, context)
    key = f"Column.{keys[0]}.UniqueValueRatio"

    def finish(found: Found) -> Verdict:
        groups = whole(found["groups"])
        value = whole(found["singletons"]) / groups if groups else None
        missing = f"`{keys[0]}` has no values"
        return judge(rule, f"UniqueValueRatio of `{keys[0]}`", key, value, missing=missing)

    return Measure({}, finish, Group(keys, where))


def _distinct_values(rule: Single, context: Context, where: str | None) -> Measure:
    keys = key_columns(rule, context)
    key = f"Column.{keys[0]}.DistinctValuesCount"

    def finish(found: Found) -> Verdict:
        nulls = whole(found["kept"]) > whole(found["keyed"])
        value = whole(found["groups"]) + nulls
        return judge(rule, f"DistinctValuesCount of `{keys[0]}`", key, value)

    return Measure({}, finish, Group(keys, where))


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
            share = whole(found["meeting"]) / whole(found["kept"])
            metrics[f"Column.{column.name}.LengthCompliance"] = share
        lie = f"lengths lie from {shown(whole(found['low']))} to {shown(whole(found['high']))}"
        return compliance(rule, column, found, metrics, lie)

    return Measure(needs, finish)


def _column_values(rule: Single, context: Context, where: str | None) -> Measure:
    column = context.column(rule.parameters[0].value)
    condition = condition_of(rule)
    if condition is None:
        return _extremes(rule, column, where)
    check_pattern(context.connection, condition)
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

    return Measure(needs, finish)


def _extremes(rule: Single, column: Column, where: str | None) -> Measure:
    """What the analyzer `ColumnValues` records."""
    if column.type not in ("integer", "number"):
        raise CannotEvaluateError(
            f"The analyzer {rule.type} is about numbers, "
            f"and column `{column.name}` holds {column.type}"
        )
    name = identifier(column.name)
    needs = {"low": f"min({name}){filtered(where)}", "high": f"max({name}){filtered(where)}"}

    def finish(found: Found) -> Verdict:
        if found["low"] is None:
            return Verdict(False, f"`{column.name}` has no values")
        keys = {"low": f"Column.{column.name}.Minimum", "high": f"Column.{column.name}.Maximum"}
        return Verdict(True, metrics={key: float(found[one]) for one, key in keys.items()})

    return Measure(needs, finish)


def _column_data_type(rule: Single, context: Context, where: str | None) -> Measure:
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

    return Measure({"meeting": f"count(*){filtered(where, meeting)}"}, finish)


def _ignores_case(rule: Single) -> bool:
    return _tag(rule, "ignoreCase") == "true"


def _tag(rule: Single, name: str) -> str | None:
    tags = rule.tags if isinstance(rule, model.Rule) else ()
    for tag in tags:
        if tag.name == name and isinstance(tag.value, model.Text):
            return tag.value.raw
    return None


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
    "Mean": aggregate,
    "Sum": aggregate,
    "StandardDeviation": aggregate,
    "Variance": aggregate,
    "Entropy": entropy,
    "ColumnCorrelation": correlation,
    "ColumnNamesMatchPattern": column_names_match,
    "ColumnLength": _column_length,
    "ColumnValues": _column_values,
    "ColumnDataType": _column_data_type,
    "DataFreshness": freshness,
    "CustomSql": custom_sql,
    "RowCountMatch": row_count_match,
    "SchemaMatch": schema_match,
    "ReferentialIntegrity": referential_integrity,
    "AggregateMatch": aggregate_match,
    "DatasetMatch": dataset_match,
}
