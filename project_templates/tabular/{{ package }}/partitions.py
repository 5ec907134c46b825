"""The partitions of what was published: by what they go, and in what order."""

from __future__ import annotations

from datetime import date
from typing import Any

from ._mlops.runtime import journal
from ._mlops.runtime.steps import Run

PUBLISHED = "predictions.jsonl"
"""The journal of publications."""
PARTITION = "partition"
"""The column, and the key of an entry, that says which one it is."""


def published(run: Run) -> list[dict[str, Any]]:
    """What is published now: the newest entry of each partition, the earliest day first."""
    newest = {entry[PARTITION]: entry for entry in journal.entries(run.kept(PUBLISHED))}
    return sorted(newest.values(), key=lambda entry: (moment(entry), entry[PARTITION]))


def day(partition: str) -> date | None:
    """The day a partition stands for; None when it is not named after one."""
    try:
        return date.fromisoformat(partition) if len(partition) == len("2026-01-01") else None
    except ValueError:
        return None


def moment(entry: dict[str, Any]) -> str:
    """By what partitions are put in order: their day, else when they were published.

    The entry of a window says `published` beside when it was measured.
    """
    found = day(entry[PARTITION])
    return found.isoformat() if found else str(entry.get("published") or entry["at"])
