"""Proposes rules from a profile: each passes on the data it comes from, with slack for more."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING

from ..errors import DqdlErrors
from ..language.model import Rule
from ..language.parser import parse
from ..language.printer import quote
from .profile import FEW

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .profile import ColumnProfile, Profile

_ID_NAME = re.compile(r"(^|[_\W])(id|key|uuid|guid)$|Id$", re.IGNORECASE)
_ENOUGH_ROWS = 20
_ROWS_PER_VALUE = 10
_SLACK_OF_RANGE = 0.5
_SLACK_OF_SHARE = 0.05
_NUMBERS = ("integer", "number")


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A rule and why it is proposed."""

    rule: str
    reason: str


def suggest(
    profile: Profile, *, target: str | None = None, task: str | None = None
) -> tuple[Suggestion, ...]:
    """Propose rules.

    Args:
        profile: The data.
        target: The column that a model learns to predict.
        task: `classification` or `regression`, when there is a target.
    """
    found = [
        Suggestion(f"RowCount >= {max(1, profile.rows // 2)}", f"{profile.rows} rows were seen"),
        Suggestion(f"ColumnCount = {len(profile.columns)}", "A new or lost column is a new schema"),
    ]
    if not profile.rows:
        found = found[1:]
    for column in profile.columns:
        role = task if column.name == target else None
        found.extend(one for one in _column(column, profile.rows, role) if _stands(one.rule))
    return tuple(found)


def render(suggestions: Sequence[Suggestion]) -> str:
    """Write suggestions as a ruleset, each with its reason.

    The comments stand inside of the list: Airflow's Glue operator wants a text that begins with
    `Rules`.
    """
    lines = []
    for position, suggestion in enumerate(suggestions):
        comma = "," if position < len(suggestions) - 1 else ""
        reason = "".join(one if one.isprintable() else " " for one in suggestion.reason)
        lines.append(f"    # {reason}\n    {suggestion.rule}{comma}\n")
    return "Rules = [\n" + "".join(lines) + "]\n"


def _column(column: ColumnProfile, rows: int, role: str | None) -> Iterator[Suggestion]:
    name = quote(column.name)
    filled = rows - column.nulls
    if not filled:
        yield Suggestion(f"ColumnExists {name}", f"`{column.name}` has no values yet")
        return
    yield _completeness(column, rows)
    if _is_identifier(column, rows, role):
        yield Suggestion(f"IsUnique {name}", f"Each of the {filled} values occurs once")
    elif _is_category(column, filled, role):
        yield from _category(column, filled, role)
    elif column.type in _NUMBERS:
        yield from _range(column, rows, role)
    elif column.type == "text":
        longest = max(1, 2 * (column.longest or 0))
        yield Suggestion(
            f"ColumnLength {name} <= {longest}", f"The longest text has {column.longest} characters"
        )


def _completeness(column: ColumnProfile, rows: int) -> Suggestion:
    name = quote(column.name)
    if not column.nulls:
        return Suggestion(f"IsComplete {name}", f"`{column.name}` has a value in every row")
    return Suggestion(
        f"Completeness {name} >= {_share_floor(column, rows)}",
        f"`{column.name}` has no value in {column.nulls} of {rows} rows",
    )


def _share_floor(column: ColumnProfile, rows: int) -> str:
    share = (rows - column.nulls) / rows
    return _decimal(max(0.0, share - _SLACK_OF_SHARE), ROUND_FLOOR, places=2)


def _is_identifier(column: ColumnProfile, rows: int, role: str | None) -> bool:
    if role or column.nulls or rows < _ENOUGH_ROWS or column.distinct != rows:
        return False
    return column.type in ("integer", "text") and _ID_NAME.search(column.name) is not None


def _is_category(column: ColumnProfile, filled: int, role: str | None) -> bool:
    if not column.top or column.distinct > FEW or column.not_finite:
        return False
    if role == "classification":
        return column.type in ("text", "boolean", "integer")
    if role == "regression":
        return False
    few = filled >= _ROWS_PER_VALUE * column.distinct
    return column.type == "boolean" or (column.type == "text" and few)


def _category(column: ColumnProfile, filled: int, role: str | None) -> Iterator[Suggestion]:
    name = quote(column.name)
    values = sorted((value for value, _ in column.top), key=str)
    if column.type == "integer":
        values = sorted(values, key=lambda value: int(str(value)))
    items = [_item(value) for value in values] + (["NULL"] if column.nulls else [])
    if role != "classification" and column.type == "boolean":
        return
    yield Suggestion(
        f"ColumnValues {name} in [{', '.join(items)}]",
        f"`{column.name}` took these {len(values)} values in {filled} rows",
    )
    if role == "classification" and column.distinct > 1:
        yield Suggestion(
            f"DistinctValuesCount {name} >= 2", "A model learns nothing from one class"
        )


def _item(value: object) -> str:
    if isinstance(value, bool):
        return quote(str(value).lower())
    return quote(value) if isinstance(value, str) else str(value)


def _range(column: ColumnProfile, rows: int, role: str | None) -> Iterator[Suggestion]:
    if column.not_finite or column.low is None or column.deviation is None:
        return
    low, high = float(column.low), float(column.high)
    if not math.isfinite(high - low) or high == low:
        return
    yield from _bounds(column, rows, low, high)
    if column.type != "number" and role != "regression":
        return
    if rows - column.nulls >= _ENOUGH_ROWS and math.isfinite(column.deviation):
        yield _spread(column)


def _bounds(column: ColumnProfile, rows: int, low: float, high: float) -> Iterator[Suggestion]:
    name = quote(column.name)
    slack = (high - low) * _SLACK_OF_RANGE
    whole = column.type == "integer"
    share = f" with threshold >= {_share_floor(column, rows)}" if column.nulls else ""
    seen = f"`{column.name}` lay between {column.low} and {column.high}"
    top = _decimal(high + slack, ROUND_CEILING, whole=whole)
    if low >= 0 and low - slack <= 0:
        yield Suggestion(f"ColumnValues {name} >= 0{share}", f"`{column.name}` was never negative")
        yield Suggestion(f"ColumnValues {name} < {top}{share}", seen)
        return
    bottom = _decimal(low - slack, ROUND_FLOOR, whole=whole)
    yield Suggestion(f"ColumnValues {name} between {bottom} and {top}{share}", seen)


def _spread(column: ColumnProfile) -> Suggestion:
    deviation = column.deviation or 0.0
    low = _decimal(deviation / 2, ROUND_FLOOR)
    high = _decimal(deviation * 2, ROUND_CEILING)
    return Suggestion(
        f"StandardDeviation {quote(column.name)} between {low} and {high}",
        f"The standard deviation of `{column.name}` was {deviation:.4g}",
    )


def _decimal(value: float, rounding: str, *, places: int | None = None, whole: bool = False) -> str:
    """Write a number as DQDL does, rounded to three digits away from the data."""
    exact = Decimal(repr(value))
    exponent = -places if places is not None else exact.adjusted() - 2
    step = Decimal(1).scaleb(max(exponent, 0) if whole else exponent)
    scaled = (exact / step).to_integral_value(rounding=rounding) * step
    text = format(scaled, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _stands(rule: str) -> bool:
    """Can the rule be written? A column called `2026-01-01` cannot: DQDL reads a date."""
    try:
        found = parse(f"Rules = [ {rule} ]").rules
    except DqdlErrors:
        return False
    return len(found) == 1 and isinstance(found[0], Rule)
