"""Proposals about numbers: bounds with slack that fits the tails, and how they spread."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..language.printer import quote
from .wording import (
    DOWN,
    ENOUGH_ROWS,
    OF_BOUNDS,
    OF_SPREAD,
    UP,
    Found,
    Hint,
    Setting,
    Suggestion,
    decimal,
    filled,
    is_id_name,
    is_personal,
    percent,
    share_floor,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .profile import ColumnProfile, Spread

_NEVER_NEGATIVE = re.compile(
    r"(^|[_\W])(age|price|cost|fee|amount|count|number|qty|quantity|income|salary|revenue|duration"
    r"|seconds|minutes|hours|days|months|years|tenure|distance|weight|height|width|length|size|area"
    r"|volume|score|speed|total|visits|clicks|calls|usage|bytes)($|[_\W])",
    re.IGNORECASE,
)
_SHARE_NAME = re.compile(
    r"(^|[_\W])(pct|percent|percentage|rate|ratio|share|prob|probability|fraction|score)($|[_\W])",
    re.IGNORECASE,
)
_SHORT_TAIL = 0.35
_ROWS_FOR_TAILS = 100
_LONGER_THAN_EXPONENTIAL = 1.2
_MEAN_SLACK = 0.5
_SPREAD_SLACK = 2.0


@dataclass(frozen=True, slots=True)
class _Tails:
    """How far the outermost values lie, measured by the middle of the others."""

    lower: float
    upper: float
    longest: float
    """What an exponential distribution has with so many rows; longer ones have no safe end."""


@dataclass(frozen=True, slots=True)
class _Ends:
    """What is at the ends of a column: zero by nature, or a long tail."""

    natural: bool
    long_low: bool
    long_high: bool


def number_rules(column: ColumnProfile, setting: Setting, role: str | None) -> Iterator[Found]:
    """Bounds, mean and standard deviation."""
    if is_id_name(column.name) and column.type == "integer":
        return
    if column.not_finite:
        yield Hint(
            column.name,
            f"`{column.name}` is NaN or infinite in {column.not_finite} rows, which no bound meets",
        )
        return
    spread = column.spread
    if column.low is None or column.deviation is None or spread is None:
        return
    low, high = float(column.low), float(column.high)
    if not math.isfinite(high - low) or high == low:
        return
    if filled(column, setting.rows) < ENOUGH_ROWS:
        return
    tails = _tails(spread, filled(column, setting.rows))
    yield from _bounds(column, setting, spread, tails)
    yield from _moments(column, setting, tails, role)


def _tails(spread: Spread, rows: int) -> _Tails:
    def reach(outermost: float, inner: float) -> float:
        gap, middle = abs(outermost - inner), abs(inner - spread.median)
        if gap == 0:
            return 0.0
        return gap / middle if middle else math.inf

    if rows < _ROWS_FOR_TAILS:
        return _Tails(1.0, 1.0, math.inf)
    sampled = min(rows, 200_000)
    expected = (math.log(sampled) - math.log(1 / spread.tail)) / (
        math.log(1 / spread.tail) - math.log(2)
    )
    longest = _LONGER_THAN_EXPONENTIAL * expected + 0.2
    return _Tails(
        reach(spread.low, spread.bottom), reach(spread.high, spread.top), max(longest, 1.0)
    )


def _bounds(
    column: ColumnProfile, setting: Setting, spread: Spread, tails: _Tails
) -> Iterator[Found]:
    low, high = float(column.low), float(column.high)
    wider = setting.slack(column.name, "bounds")
    slack = _slack(low, high, spread, tails, filled(column, setting.rows)) * wider
    if not math.isfinite(high + slack) or not math.isfinite(low - slack):
        return
    natural = _never_negative(column, low, slack, tails)
    if natural:
        yield Suggestion(
            f"ColumnValues {quote(column.name)} >= 0{_threshold(column, setting, 1.0)}",
            f"`{column.name}` was never negative in {filled(column, setting.rows)} rows",
            column.name,
            kind="never negative",
            rank=OF_BOUNDS,
        )
        if (end := _natural_end(column, high)) is not None:
            yield Suggestion(
                f"ColumnValues {quote(column.name)} <= {end}{_threshold(column, setting, 1.0)}",
                f"`{column.name}` reads like a share: it lay between 0 and {end}",
                column.name,
                kind="natural end",
                rank=OF_BOUNDS,
            )
            return
    ends = _Ends(natural, tails.lower > tails.longest and not natural, tails.upper > tails.longest)
    if ends.long_low or ends.long_high:
        yield from _long(column, setting, slack, ends)
        return
    bottom, top = _written(column, low - slack, high + slack)
    condition = f"< {top}" if natural else f"between {bottom} and {top}"
    yield _bound(column, setting, condition, 1.0, _seen(column, slack))


def _slack(low: float, high: float, spread: Spread, tails: _Tails, rows: int) -> float:
    """Half of the range; less where it ends sharply, more for few rows and for a long way out."""
    share = 0.5
    if rows < _ROWS_FOR_TAILS:
        share = 1.0
    elif tails.lower <= _SHORT_TAIL and tails.upper <= _SHORT_TAIL:
        share = 0.25
    outermost = max(spread.bottom - low, high - spread.top) if rows >= _ROWS_FOR_TAILS else 0.0
    return max(share * (high - low), 2.5 * outermost)


def _never_negative(column: ColumnProfile, low: float, slack: float, tails: _Tails) -> bool:
    """Is zero the end by nature, not by luck: by its name, or because the values crowd there?"""
    if low < 0 or low - slack > 0:
        return False
    named = _NEVER_NEGATIVE.search(column.name) or _SHARE_NAME.search(column.name)
    return named is not None or tails.lower <= _SHORT_TAIL


def _natural_end(column: ColumnProfile, high: float) -> int | None:
    if not _SHARE_NAME.search(column.name):
        return None
    if column.type == "number" and high <= 1:
        return 1
    percent_name = re.search(r"pct|percent", column.name, re.IGNORECASE)
    return 100 if percent_name and 1 < high <= 100 else None


def _long(column: ColumnProfile, setting: Setting, slack: float, ends: _Ends) -> Iterator[Found]:
    """A bound that nearly all rows meet: the next file may well have a farther one."""
    spread = column.spread
    if spread is None or spread.bottom == spread.top:
        return
    wider = setting.slack(column.name, "bounds")
    below = spread.bottom - wider * (spread.median - spread.bottom)
    above = spread.top + wider * (spread.top - spread.median)
    bottom, top = _written(
        column,
        below if ends.long_low else float(column.low) - slack,
        above if ends.long_high else float(column.high) + slack,
    )
    if float(bottom) >= float(top):
        return
    condition = f"< {top}" if ends.natural else f"between {bottom} and {top}"
    reason = (
        f"the tail of `{column.name}` is long: {percent(1 - spread.tail)} lie "
        f"{_inside(column, spread, ends)}, the outermost much farther out; "
        f"{percent(2 * spread.tail)} of the rows may lie beyond the bound"
    )
    yield _bound(column, setting, condition, 1 - 2 * spread.tail, reason)


def _inside(column: ColumnProfile, spread: Spread, ends: _Ends) -> str:
    if is_personal(column):
        return "near each other"
    if ends.long_low and ends.long_high:
        return f"between {spread.bottom:.4g} and {spread.top:.4g}"
    return f"below {spread.top:.4g}" if ends.long_high else f"above {spread.bottom:.4g}"


def _bound(
    column: ColumnProfile, setting: Setting, condition: str, share: float, reason: str
) -> Suggestion:
    return Suggestion(
        f"ColumnValues {quote(column.name)} {condition}{_threshold(column, setting, share)}",
        reason,
        column.name,
        kind="bounds",
        rank=OF_BOUNDS,
        rows_needed=1 if share == 1.0 and not column.nulls else 200,
    )


def _written(column: ColumnProfile, low: float, high: float) -> tuple[str, str]:
    whole = column.type == "integer"
    return decimal(low, DOWN, whole=whole), decimal(high, UP, whole=whole)


def _threshold(column: ColumnProfile, setting: Setting, share: float) -> str:
    """A row without a value meets no bound, so as many may fail as have none."""
    if column.nulls:
        share *= float(share_floor(column, setting))
    return "" if share == 1.0 else f" with threshold >= {decimal(share, DOWN, places=2)}"


def _seen(column: ColumnProfile, slack: float) -> str:
    if is_personal(column):
        return f"`{column.name}`: its bounds are its range and slack of {slack:.3g}"
    low, high = float(column.low), float(column.high)
    return (
        f"`{column.name}` lay between {_short(column.low)} and {_short(column.high)}; "
        f"slack of {slack:.3g} ({percent(min(slack / (high - low), 9.99))} of the range)"
    )


def _short(value: object) -> str:
    return str(value) if isinstance(value, int) else f"{float(str(value)):.4g}"


def _moments(
    column: ColumnProfile, setting: Setting, tails: _Tails, role: str | None
) -> Iterator[Found]:
    """Where the mass lies: a change of unit, or of the source, moves it."""
    deviation, mean = column.deviation or 0.0, column.mean or 0.0
    rows = filled(column, setting.rows)
    if column.type != "number" and role != "regression":
        return
    if rows < _ROWS_FOR_TAILS and role != "regression":
        return
    steady = max(tails.lower, tails.upper) <= tails.longest
    if not steady or not math.isfinite(deviation) or deviation <= 0:
        return
    factor = _SPREAD_SLACK * setting.slack(column.name, "deviation")
    low, high = decimal(deviation / factor, DOWN), decimal(deviation * factor, UP)
    yield Suggestion(
        f"StandardDeviation {quote(column.name)} between {low} and {high}",
        f"the standard deviation of `{column.name}` was {deviation:.4g}; "
        f"{factor:.3g} times less or more is slack",
        column.name,
        kind="deviation",
        rank=OF_SPREAD,
        rows_needed=100,
    )
    if rows < _ROWS_FOR_TAILS:
        return
    band = _MEAN_SLACK * deviation * setting.slack(column.name, "mean")
    low, high = decimal(mean - band, DOWN), decimal(mean + band, UP)
    yield Suggestion(
        f"Mean {quote(column.name)} between {low} and {high}",
        f"the mean of `{column.name}` was {mean:.4g}; "
        f"{band / deviation:.2g} standard deviations to each side are slack",
        column.name,
        kind="mean",
        rank=OF_SPREAD,
        rows_needed=100,
    )
