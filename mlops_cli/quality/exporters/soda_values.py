"""Rules about every value of a column, as checks of a Soda contract."""

from __future__ import annotations

from typing import Any, Final

from ..language import model
from .loss import Translated
from .soda_check import (
    ROWS,
    Dataset,
    Made,
    SodaCheck,
    column_of,
    filter_of,
    kept,
    measured,
    missing,
    without_rows,
)
from .sql_text import ANSI, CLOCK, moves, numbers_sql, predicate
from .terms import (
    CannotExportError,
    needed,
    null_meets,
    range_of,
    share_at_least,
    shown,
    tag,
    values_of,
    worth,
)

_TYPES: Final = {
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "integer": "INTEGER",
    "long": "BIGINT",
    "double": "DOUBLE PRECISION",
    "float": "REAL",
}


_UNITS: Final = {"minutes": "MINUTE", "hours": "HOUR", "days": "DAY"}


def length(rule: model.Rule, _dataset: Dataset) -> Made:
    """Translate `ColumnLength`."""
    value = f"coalesce(length({ANSI.name(column_of(rule))}), 0)"
    return Translated((_failed(rule, numbers_sql(value, needed(rule.condition))), ROWS))


def _failed(rule: model.Rule, meets: str) -> SodaCheck:
    failing = f"NOT ({meets})"
    if rule.where is not None:
        failing = f"({rule.where.value}) AND {failing}"
    return SodaCheck("failed_rows", {"expression": failing})


def _share(rule: model.Rule, meets: str, threshold: model.Condition) -> Made:
    met = f"CASE WHEN {meets} THEN 1.0 ELSE 0.0 END"
    found = measured(threshold, expression=f"avg({kept(rule, met)})")
    return Translated((found, ROWS), without_rows(rule))


def values(rule: model.Rule, _dataset: Dataset) -> Made:
    """Translate `ColumnValues`.

    Raises:
        CannotExportError: SQL cannot say its condition.
    """
    condition = needed(rule.condition)
    if isinstance(condition, model.Matches):
        return _pattern(rule, condition)
    meets = predicate(rule, condition, ANSI)
    clock = (CLOCK,) if moves(condition) else ()
    if rule.threshold is not None:
        made = _share(rule, meets, rule.threshold)
        return Translated(made.parts, (*clock, *made.differences))
    body = _validity(rule, condition)
    if body is None:
        return Translated((_failed(rule, meets), ROWS), clock)
    filled = () if null_meets(condition) else (missing(rule),)
    valid = SodaCheck("invalid", body | filter_of(rule), column_of(rule))
    return Translated((valid, *filled, ROWS))


def _validity(rule: model.Rule, condition: model.Condition) -> dict[str, Any] | None:
    """The condition in Soda's own words, where it has such."""
    kind, listed = model.condition_kind(condition), values_of(condition)
    if kind == "number" and listed is None:
        found = range_of(condition)
        if found is None or found.low_open or found.high_open:
            return None
        return {"valid_min": found.low} if found.low is not None else {"valid_max": found.high}
    if listed is None or not listed[0] or kind not in ("number", "text"):
        return None
    key = "invalid_values" if listed[1] else "valid_values"
    if kind == "number":
        return {key: [worth(one) for one in listed[0]]}
    plain = all(isinstance(one, model.Text) for one in listed[0])
    sql = "CAST" in predicate(rule, condition, ANSI) or tag(rule, "ignoreCase") is not None
    if sql or not plain:
        return None
    return {key: [one.value for one in listed[0] if isinstance(one, model.Text)]}


def _pattern(rule: model.Rule, condition: model.Matches) -> Made:
    key = "invalid_format" if condition.negated else "valid_format"
    pattern = {"regex": f"^(?:{condition.pattern.raw})$", "name": shown(condition)}
    body: dict[str, Any] = {key: pattern}
    dialect = "patterns are read by the data source"
    least = share_at_least(rule.threshold)
    if least is None:
        valid = SodaCheck("invalid", body | filter_of(rule), column_of(rule))
        return Translated((valid, missing(rule), ROWS), (dialect,))
    if rule.threshold is not None and range_of(rule.threshold) is not None:
        most = {"metric": "percent", "must_be_less_than_or_equal": round((1 - least) * 100, 9)}
        body["threshold"] = most
    valid = SodaCheck("invalid", body | filter_of(rule), column_of(rule))
    return Translated((valid, ROWS), (dialect, "a row without a value counts as meeting it"))


def data_type(rule: model.Rule, _dataset: Dataset) -> Made:
    """Translate `ColumnDataType`.

    Raises:
        CannotExportError: SQL has no such type, or it asks for a format.
    """
    condition = needed(rule.condition)
    operand = condition.operands[0]
    wanted = operand.value.lower() if isinstance(operand, model.Text) else ""
    kind = _TYPES.get(wanted) or (wanted.upper() if wanted.startswith("decimal(") else None)
    if kind is None or not isinstance(condition, model.Comparison) or tag(rule, "format"):
        raise CannotExportError("it names no type, or a format, that SQL can cast to")
    name = ANSI.name(column_of(rule))
    fits = f"{name} IS NOT NULL AND TRY_CAST({name} AS {kind}) IS NOT NULL"
    meets = f"NOT ({fits})" if condition.operator == "!=" else f"({fits})"
    cast = "values are cast as the data source does (`TRY_CAST`), and not as Spark does"
    if rule.threshold is not None:
        made = _share(rule, meets, rule.threshold)
        return Translated(made.parts, (cast, *made.differences))
    return Translated((_failed(rule, meets), ROWS), (cast,))


def freshness(rule: model.Rule, _dataset: Dataset) -> Made:
    """Translate `DataFreshness`.

    Raises:
        CannotExportError: Its condition is no range of ages.
    """
    condition = needed(rule.condition)
    name = ANSI.name(column_of(rule))
    if isinstance(condition, model.Between) and not condition.negated:
        younger, older = _ago(condition.low), _ago(condition.high)
        meets = f"{name} < {younger} AND {name} > {older}"
    elif isinstance(condition, model.Comparison) and condition.operator not in ("=", "!="):
        operator = condition.operator.translate(str.maketrans("<>", "><"))
        meets = f"{name} {operator} {_ago(condition.operand)}"
    else:
        raise CannotExportError(f"an age cannot be compared so: `{shown(condition)}`")
    clock = "ages are not rounded, and the clock and time zone are those of the data source"
    failed = _failed(rule, f"CASE WHEN {name} IS NULL THEN FALSE ELSE {meets} END")
    return Translated((failed, ROWS), (clock,))


def _ago(operand: model.Operand) -> str:
    if not isinstance(operand, model.Duration):
        raise CannotExportError("it is no duration")
    return f"CURRENT_TIMESTAMP - INTERVAL '{operand.amount}' {_UNITS[operand.unit]}"
