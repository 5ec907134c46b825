"""Rules about how often values occur: one grouping for each set of key columns."""

from __future__ import annotations

from ..data.connection import identifier
from .measurement import (
    Context,
    Found,
    Group,
    Measure,
    Query,
    Single,
    Verdict,
    filtered,
    judge,
    key_columns,
    metric_key,
    named,
    shown,
    whole,
)
from .profiles import DISTINCT_TEXT, KEY_COLUMNS


def uniqueness(rule: Single, context: Context, where: str | None) -> Measure:
    """Measure the share of keyed rows whose key occurs exactly once.

    Raises:
        CannotEvaluateError: There is no such column.
    """
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

    return Measure({}, finish, Group(keys, where), row=_only_once(keys, where))


def _only_once(keys: tuple[str, ...], where: str | None) -> str:
    """SQL for whether no other row has the key; a row whose keys are all NULL has none."""
    names = [identifier(key) for key in keys]
    filled = " OR ".join(f"{name} IS NOT NULL" for name in names)
    count = f"count(*){filtered(where)} OVER (PARTITION BY {', '.join(names)})"
    return f"(NOT ({filled}) OR {count} = 1)"


def primary_key(rule: Single, context: Context, where: str | None) -> Measure:
    """Measure uniqueness, and that no column of the key lacks a value.

    Raises:
        CannotEvaluateError: There is no such column.
    """
    keys = key_columns(rule, context)
    unique = uniqueness(rule, context, where)
    if len(keys) > 1 and KEY_COLUMNS.applies(context):
        return unique
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

    filled_in = " AND ".join(f"{identifier(key)} IS NOT NULL" for key in keys)
    return Measure(needs, finish, unique.query, row=f"({filled_in} AND {unique.row})")


def unique_value_ratio(rule: Single, context: Context, where: str | None) -> Measure:
    """Measure the share of distinct values that occur exactly once.

    Raises:
        CannotEvaluateError: There is no such column.
    """
    keys = key_columns(rule, context)
    key = f"Column.{keys[0]}.UniqueValueRatio"

    def finish(found: Found) -> Verdict:
        groups = whole(found["groups"])
        value = whole(found["singletons"]) / groups if groups else None
        missing = f"`{keys[0]}` has no values"
        return judge(rule, f"UniqueValueRatio of `{keys[0]}`", key, value, missing=missing)

    return Measure({}, finish, Group(keys, where))


def distinct_values(rule: Single, context: Context, where: str | None) -> Measure:
    """Count the distinct values; NULL is one of them.

    Raises:
        CannotEvaluateError: There is no such column.
    """
    keys = key_columns(rule, context)
    key = f"Column.{keys[0]}.DistinctValuesCount"
    if DISTINCT_TEXT.applies(context):
        return _distinct_texts(rule, keys[0], key, where)

    def finish(found: Found) -> Verdict:
        nulls = whole(found["kept"]) > whole(found["keyed"])
        value = whole(found["groups"]) + nulls
        return judge(rule, f"DistinctValuesCount of `{keys[0]}`", key, value)

    return Measure({}, finish, Group(keys, where))


def _distinct_texts(rule: Single, column: str, key: str, where: str | None) -> Measure:
    kept = f" WHERE {where}" if where else ""
    text = (
        f"SELECT count(DISTINCT coalesce(CAST({identifier(column)} AS VARCHAR), 'NullValue')) "  # noqa: S608
        f"AS texts FROM data{kept}"
    )

    def finish(found: Found) -> Verdict:
        return judge(rule, f"DistinctValuesCount of `{column}`", key, whole(found["texts"]))

    return Measure({}, finish, Query(text, ("texts",)))


def duplicate_rows(rule: Single, context: Context, where: str | None) -> Measure:
    """Count the rows that occur more than once; NULL is equal to NULL.

    Raises:
        CannotEvaluateError: There is no such column.
    """
    keys = key_columns(rule, context) or tuple(column.name for column in context.columns)
    names = ", ".join(identifier(key) for key in keys)
    kept = f" WHERE {where}" if where else ""
    text = (
        "SELECT coalesce(sum(n), 0)::BIGINT AS repeated FROM "  # noqa: S608
        f"(SELECT count(*) AS n FROM data{kept} GROUP BY {names} HAVING count(*) > 1)"
    )

    def finish(found: Found) -> Verdict:
        key = "Dataset.*.DuplicateRowCount"
        return judge(rule, "DuplicateRowCount", key, whole(found["repeated"]))

    return Measure({}, finish, Query(text, ("repeated",)), needs_rows=False)
