"""DataFreshness: how old the moments of a column are, in hours, as Glue rounds them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

from ..data.connection import identifier, literal
from ..language import model
from ..language.printer import write_operand
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
    shown,
    whole,
)
from .sql import numbers
from .values import CannotEvaluateError

if TYPE_CHECKING:
    from ..data.source import Column

_HOURS = {"minutes": 1 / 60, "hours": 1.0, "days": 24.0}
_DAY = "[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
_CLOCK = r"[ T][0-9]{1,2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
_ZONE = " *(Z|UTC|GMT|[+-][0-9]{2}(:?[0-9]{2})?)"


def freshness(rule: Single, context: Context, where: str | None) -> Measure:
    """Compare the age of every moment of a column; a row without one fails.

    Raises:
        CannotEvaluateError: The column holds no moments, or the condition is about no duration.
    """
    column = context.column(rule.parameters[0].value)
    now = context.now.replace(tzinfo=UTC).timestamp()
    age = f"round(({now!r}::DOUBLE - {_seconds(column)}) / 3600, 2)"
    condition = condition_of(rule)
    meets = "true" if condition is None else numbers(age, _in_hours(condition), whole=False)
    needs = {
        "meeting": f"count(*){filtered(where, f'coalesce({meets}, false)')}",
        "newest": f"min({age}){filtered(where)}",
        "oldest": f"max({age}){filtered(where)}",
    }
    key = f"Column.{column.name}.DataFreshness"

    def finish(found: Found) -> Verdict:
        newest, oldest = found["newest"], found["oldest"]
        if condition is None:
            if newest is None:
                return Verdict(False, f"`{column.name}` holds no moment")
            return Verdict(
                True, metrics={f"{key}.MinimumHours": newest, f"{key}.MaximumHours": oldest}
            )
        lie = ""
        if newest is not None:
            lie = f"their ages lie from {shown(newest)} to {shown(oldest)} hours"
        metrics = {f"{key}.Compliance": whole(found["meeting"]) / whole(found["kept"])}
        return compliance(rule, column, found, metrics, lie)

    return Measure(needs, finish, row=f"coalesce({meets}, false)")


def _seconds(column: Column) -> str:
    """SQL for the seconds since 1970; what has no time zone is UTC."""
    name = identifier(column.name)
    if column.type in ("date", "timestamp"):
        return f"(epoch_us(CAST({name} AS TIMESTAMP)) / 1e6)"
    if column.type != "text":
        raise CannotEvaluateError(f"DataFreshness is about dates, and {held(column)}")
    text = f"trim({name}, ' ')"
    utc = f"regexp_replace({text}, {literal(' *(Z|UTC|GMT)$')}, '+00:00')"
    marked = rf"regexp_replace({utc}, ' +([+-])', '\1')"
    return (
        f"(CASE WHEN regexp_full_match({text}, {literal(f'{_DAY}({_CLOCK})?')}) "
        f"THEN epoch_us(TRY_CAST({text} AS TIMESTAMP)) "
        f"WHEN regexp_full_match({text}, {literal(f'{_DAY}{_CLOCK}{_ZONE}')}) "
        f"THEN epoch_us(TRY_CAST({marked} AS TIMESTAMPTZ)) END / 1e6)"
    )


def _in_hours(condition: model.Condition) -> model.Condition:
    if isinstance(condition, model.Comparison):
        return replace(condition, operand=_hours(condition.operand))
    if isinstance(condition, model.Between):
        return replace(condition, low=_hours(condition.low), high=_hours(condition.high))
    if isinstance(condition, model.Membership):
        return replace(condition, items=tuple(_hours(one) for one in condition.items))
    raise CannotEvaluateError("DataFreshness compares durations, such as `3 days`")


def _hours(operand: model.Operand) -> model.Number:
    if not isinstance(operand, model.Duration):
        raise CannotEvaluateError(f"`{write_operand(operand)}` is no duration, such as `3 days`")
    return model.Number(f"{int(operand.amount) * _HOURS[operand.unit]:.4f}")
