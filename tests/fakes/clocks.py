"""A clock that does not wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Time passes only when somebody sleeps."""

    def __init__(self, at: datetime | None = None) -> None:
        self._began = at or datetime(2026, 3, 1, 12, tzinfo=UTC)
        self._passed = 0.0

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    def sleep(self, seconds: float) -> None:
        self._passed += seconds
