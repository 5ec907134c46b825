"""Rules about the numbers of a column: one aggregate each, NULL left out, nothing sampled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

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
    held,
    judge,
    key_columns,
    whole,
)
from .values import CannotEvaluateError

if TYPE_CHECKING:
    from ..data.source import Column

_AGGREGATES = {
    "Mean": "avg",
    "Sum": "sum",
    "StandardDeviation": "stddev_pop",
    "Variance": "var_pop",
}

# Whole and decimal numbers are added as what they are, as Spark does: 0.10 + 0.20 is 0.3.
_EXACT = ("Mean", "Sum")


def aggregate(rule: Single, context: Context, where: str | None) -> Measure:
    """Measure a mean, a sum, a standard deviation or a variance.

    Raises:
        CannotEvaluateError: The column does not hold numbers.
    """
    column = context.column(rule.parameters[0].value)
    missing = f"`{column.name}` has no values, so it has no {rule.type}"
    key = f"Column.{column.name}.{rule.type}"
    what = f"{rule.type} of `{column.name}`"
    value = _double(rule, column)
    if rule.type in _EXACT:
        value = identifier(column.name)
    return Measure(
        {"value": f"CAST({_AGGREGATES[rule.type]}({value}){filtered(where)} AS DOUBLE)"},
        lambda found: judge(rule, what, key, _finite(found["value"], what), missing=missing),
    )


def correlation(rule: Single, context: Context, where: str | None) -> Measure:
    """Measure Pearson's correlation of two columns; a row without one of the values is left out.

    Raises:
        CannotEvaluateError: A column does not hold numbers.
    """
    first, second = (context.column(parameter.value) for parameter in rule.parameters)
    pair = f"{_double(rule, first)}, {_double(rule, second)}"
    key = f"Multicolumn.{first.name},{second.name}.ColumnCorrelation"
    what = f"ColumnCorrelation of `{first.name}` and `{second.name}`"

    def finish(found: Found) -> Verdict:
        if not whole(found["pairs"]):
            return Verdict(False, f"No row has a value of `{first.name}` and of `{second.name}`")
        if found["value"] is None or math.isnan(found["value"]):
            message = f"{what} does not exist: one of them is constant or NaN"
            return Verdict(False, message, {key: math.nan})
        return judge(rule, what, key, found["value"])

    needs = {
        "value": f"corr({pair}){filtered(where)}",
        "pairs": f"regr_count({pair}){filtered(where)}",
    }
    return Measure(needs, finish)


def entropy(rule: Single, context: Context, where: str | None) -> Measure:
    """Measure the entropy of a column's values in nats.

    Raises:
        CannotEvaluateError: There is no such column.
    """
    keys = key_columns(rule, context)

    def finish(found: Found) -> Verdict:
        rows = whole(found["keyed"])
        # -sum(n/rows * ln(n/rows)), from one sum over the groups.
        value = max(0.0, math.log(rows) - found["weighted"] / rows) if rows else None
        missing = f"`{keys[0]}` has no values, so it has no Entropy"
        key = f"Column.{keys[0]}.Entropy"
        return judge(rule, f"Entropy of `{keys[0]}`", key, value, missing=missing)

    return Measure({}, finish, Group(keys, where))


def zeros_count(rule: Single, context: Context, where: str | None) -> Measure:
    """Count the rows whose value is zero.

    Raises:
        CannotEvaluateError: The column does not hold numbers.
    """
    column = context.column(rule.parameters[0].value)
    key = f"Column.{column.name}.ZerosCount"
    return Measure(
        {"zeros": f"count(*){filtered(where, f'{_double(rule, column)} = 0')}"},
        lambda found: judge(rule, f"ZerosCount of `{column.name}`", key, whole(found["zeros"])),
    )


def spread(rule: Single, context: Context, where: str | None) -> Measure:
    """Measure the range, or the range of the middle half, of a column.

    Raises:
        CannotEvaluateError: The column does not hold numbers.
    """
    column = context.column(rule.parameters[0].value)
    value = _double(rule, column)
    if rule.type == "Range":
        # `+ 0`: see `as_read` in `sql`.
        needs = {
            "low": f"min({value} + 0){filtered(where)}",
            "high": f"max({value} + 0){filtered(where)}",
        }
    else:
        needs = {
            "low": f"quantile_cont({value}, 0.25){filtered(where)}",
            "high": f"quantile_cont({value}, 0.75){filtered(where)}",
        }
    missing = f"`{column.name}` has no values, so it has no {rule.type}"
    key = f"Column.{column.name}.{rule.type}"

    def finish(found: Found) -> Verdict:
        low, high = found["low"], found["high"]
        what = f"{rule.type} of `{column.name}`"
        value = None if low is None or high is None else _finite(high - low, what)
        return judge(rule, what, key, value, missing=missing)

    return Measure(needs, finish)


def shape_of_values(rule: Single, context: Context, where: str | None) -> Measure:
    """Measure the population skewness, or the population excess kurtosis.

    DuckDB's own are not used: its skewness is that of a sample, both stop at NaN, and both add
    powers of the values themselves, which loses digits where the mean is large.

    Raises:
        CannotEvaluateError: The column does not hold numbers.
    """
    column = context.column(rule.parameters[0].value)
    value = _double(rule, column)
    kept = f" WHERE {where}" if where else ""
    power = 3 if rule.type == "Skewness" else 4
    text = (
        f"SELECT avg(d * d) AS second, avg(d ** {power}) AS higher FROM "  # noqa: S608
        f"(SELECT {value} - (SELECT avg({value}) FROM data{kept}) AS d FROM data{kept})"
    )
    missing = f"`{column.name}` has no values, so it has no {rule.type}"
    key = f"Column.{column.name}.{rule.type}"

    def finish(found: Found) -> Verdict:
        second, higher = found["second"], found["higher"]
        value = None if second is None else _standardised(second, higher, power)
        return judge(rule, f"{rule.type} of `{column.name}`", key, value, missing=missing)

    return Measure({}, finish, Query(text, ("second", "higher")))


def _finite(value: float | None, what: str) -> float | None:
    """Let through what has a value; a sum of numbers that all have one may still overflow.

    Raises:
        CannotEvaluateError: It is infinite.
    """
    if value is not None and math.isinf(value):
        raise CannotEvaluateError(
            f"{what} is infinite: a value is, or they are too large to be added"
        )
    return value


def _standardised(second: float, higher: float, power: int) -> float:
    if second == 0:
        return 0.0
    deviation = math.sqrt(second)
    return higher / deviation**power - (3 if power == 4 else 0)


def _double(rule: Single, column: Column) -> str:
    if column.type not in ("integer", "number"):
        raise CannotEvaluateError(f"{rule.type} is about numbers, and {held(column)}")
    return f"CAST({identifier(column.name)} AS DOUBLE)"
