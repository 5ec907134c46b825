"""Proposals about dates: where they start, that none lies ahead, and how fresh the newest is.

A rule about freshness fails by itself once a file is left lying, so it is proposed only where the
data is fresh now, and stands as a comment otherwise.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from math import ceil
from typing import TYPE_CHECKING

from ..language.printer import quote
from .wording import (
    ENOUGH_ROWS,
    OF_BOUNDS,
    Found,
    Hint,
    Setting,
    Suggestion,
    filled,
    is_personal,
    share_floor,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .profile import ColumnProfile

_EVENT_NAME = re.compile(
    r"(_at|_ts|_time|timestamp|datetime|_on)$|^(ts|time|date|day)$"
    r"|(event|ingest\w*|load\w*|creat\w*|updat\w*|modif\w*|order|record\w*|insert\w*|arriv\w*"
    r"|received|processed|logged)[_ ]?(at|on|date|time|timestamp|ts|day)?$",
    re.IGNORECASE,
)
_SNAPSHOT = timedelta(days=7)
_LEAST_SLACK = timedelta(days=2)
_GAPS = 10
_FIRST_YEAR = 1000


def moment_rules(column: ColumnProfile, setting: Setting) -> Iterator[Found]:
    """Bounds that stay true, and freshness."""
    low, high = _moment(column.low), _moment(column.high)
    if low is None or high is None or filled(column, setting.rows) < ENOUGH_ROWS:
        return
    if low.year < _FIRST_YEAR or is_personal(column):
        return
    yield from _bounds(column, setting, low, high)
    if _EVENT_NAME.search(column.name) and high <= setting.now + timedelta(days=1):
        yield _freshness(column, setting, low, high)


def _moment(value: object) -> datetime | None:
    if isinstance(value, datetime):
        return value.replace(tzinfo=None)
    return datetime.combine(value, time()) if isinstance(value, date) else None


def _bounds(
    column: ColumnProfile, setting: Setting, low: datetime, high: datetime
) -> Iterator[Found]:
    name = quote(column.name)
    share = f" with threshold >= {share_floor(column, setting)}" if column.nulls else ""
    needed = 200 if column.nulls else 1
    slack = max((high - low) / 2, timedelta(days=365)) * setting.slack(column.name, "first")
    year = max(low.year - ceil(slack.days / 365.25), _FIRST_YEAR)
    yield Suggestion(
        f'ColumnValues {name} >= "{year}-01-01"{share}',
        f"the earliest of `{column.name}` is of {low.year}; a date long before is a placeholder",
        column.name,
        kind="first",
        rank=OF_BOUNDS,
        rows_needed=needed,
    )
    if high <= setting.now:
        yield Suggestion(
            f"ColumnValues {name} <= (now() + 1 days){share}",
            f"no `{column.name}` lies in the future; a day is left for clocks and time zones",
            column.name,
            kind="last",
            rank=OF_BOUNDS,
            rows_needed=needed,
        )


def _freshness(
    column: ColumnProfile, setting: Setting, low: datetime, high: datetime
) -> Suggestion | Hint:
    name, span = quote(column.name), high - low
    gap = span / max(column.distinct - 1, 1)
    slack = max(_GAPS * gap, _LEAST_SLACK) * setting.slack(column.name, "fresh")
    age = max(setting.now - high, timedelta())
    snapshot = span <= _SNAPSHOT and not column.nulls
    if snapshot:
        days = ceil((age + span + slack) / timedelta(days=1))
        rule = f"DataFreshness {name} <= {days} days"
        every = f"all rows are of {_said(span)}"
    else:
        days = ceil((age + slack) / timedelta(days=1))
        rule = f"ColumnValues {name} > (now() - {days} days) with threshold > 0.0"
        every = f"a new moment comes about once in {_said(gap)}"
    if setting.static or age > slack:
        days = ceil(slack / timedelta(days=1)) + (ceil(span / timedelta(days=1)) if snapshot else 0)
        rule = re.sub(r"\d+ days", f"{days} days", rule)
        why = "this file stays as it is" if setting.static else "the newest is older than that now"
        return Hint(
            column.name,
            f"for data that is renewed: {rule}  ({every}; no rule, since {why})",
        )
    return Suggestion(
        rule,
        f"`{column.name}`: {every}, the newest is {_said(age)} old; {_said(slack)} are slack",
        column.name,
        kind="fresh",
        rank=OF_BOUNDS,
        rows_needed=None,
    )


def _said(length: timedelta) -> str:
    for name, seconds in (("day", 86400), ("hour", 3600)):
        count = f"{length.total_seconds() / seconds:.3g}"
        if length.total_seconds() >= seconds:
            return f"{count} {name}{'' if count == '1' else 's'}"
    return f"{length.total_seconds() / 60:.3g} minutes"
