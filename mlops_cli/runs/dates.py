"""The range of dates a backfill is asked for."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import UsageError
from mlops_cli.core.redact import printable

if TYPE_CHECKING:
    from mlops_cli.core.clock import Clock

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_LAST: Final = time(23, 59, 59)


def read_range(begin: str | None, end: str | None, *, clock: Clock) -> tuple[datetime, datetime]:
    """Both ends, in UTC; a date alone is a whole day.

    Raises:
        UsageError: One is missing or no date, lies in the future, or they stand the wrong way.
    """
    if begin is None or end is None:
        missing, given = ("--to", "--from") if end is None else ("--from", "--to")
        raise UsageError(
            f"Could not backfill: `{given}` needs `{missing}`",
            hint="Write for example `--from 2026-01-01 --to 2026-01-31`",
        )
    first, last = _read("--from", begin), _read("--to", end, at_end=True)
    if first > last:
        raise UsageError(f"Could not backfill: `--from {begin}` is after `--to {end}`")
    now = clock.now()
    if first > now:
        raise UsageError(f"Could not backfill: `--from {begin}` is in the future")
    # A whole day is asked for, and today's is not over: what there is of it is meant.
    return first, min(last, now) if _DATE.fullmatch(end) else _past(last, end, now)


def _past(last: datetime, end: str, now: datetime) -> datetime:
    if last > now:
        raise UsageError(f"Could not backfill: `--to {end}` is in the future")
    return last


def _read(option: str, text: str, *, at_end: bool = False) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"Could not read `{option} {printable(text[:40])}`: it is no date",
            hint=f"Write for example `{option} 2026-01-31` or `{option} 2026-01-31T06:00:00Z`",
        ) from error
    if at_end and _DATE.fullmatch(text):
        found = datetime.combine(found, _LAST)
    elif found.tzinfo is None and not _DATE.fullmatch(text):
        raise UsageError(
            f"Could not read `{option} {printable(text[:40])}`: it names no time zone",
            hint=f"Write for example `{option} {printable(text[:40])}Z`",
        )
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
