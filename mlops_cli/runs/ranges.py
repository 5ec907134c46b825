"""What came of running a pipeline for a range of dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from mlops_cli.core.exits import Exit


@dataclass(frozen=True, slots=True)
class BackfilledRun:
    """One date's run."""

    run_id: str
    state: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class BackfillOutcome:
    """A backfill that was started, and how its runs ended if it was followed."""

    project: str
    environment: str
    pipeline: str
    dag_id: str
    begin: datetime
    end: datetime
    asked: int
    """How many dates had to be run."""
    runs: tuple[BackfilledRun, ...]
    url: str
    warnings: tuple[str, ...]
    exit_code: Exit
