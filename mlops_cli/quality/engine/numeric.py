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
    Single,
    Verdict,
    filtered,
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


def aggregate(rule: Single, context: Context, where: str | None) -> Measure:
    """Measure a mean, a sum, a standard deviation or a variance.

    Raises:
        CannotEvaluateError: The column does not hold numbers.
    """
    column = context.column(rule.parameters[0].value)
    missing = f"`{column.name}` has no values, so it has no {rule.type}"
    key = f"Column.{column.name}.{rule.type}"
    return Measure(
        {"value": f"{_AGGREGATES[rule.type]}({_double(rule, column)}){filtered(where)}"},
        lambda found: judge(
            rule, f"{rule.type} of `{column.name}`", key, found["value"], missing=missing
        ),
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
            return Verdict(False, f"{what} does not exist: one of them is constant or NaN")
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


def _double(rule: Single, column: Column) -> str:
    if column.type not in ("integer", "number"):
        note = f" ({column.note})" if column.note else ""
        raise CannotEvaluateError(
            f"{rule.type} is about numbers, and column `{column.name}` holds {column.type}{note}"
        )
    return f"CAST({identifier(column.name)} AS DOUBLE)"
