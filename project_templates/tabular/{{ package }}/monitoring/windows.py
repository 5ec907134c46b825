"""The windows that were measured, and where the pages about them are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .._mlops.runtime import journal
from .._mlops.runtime.steps import Run
from ..partitions import moment

WINDOWS = "windows.jsonl"
PAGES = "reports"


def windows(run: Run) -> dict[tuple[str, str], dict[str, Any]]:
    """The newest measurement of each partition and version."""
    return {
        (entry["partition"], entry["version"]): entry
        for entry in journal.entries(run.kept(WINDOWS))
    }


def newest_of_each(run: Run) -> list[dict[str, Any]]:
    """The newest window of each partition, whichever version made it, the oldest first."""
    newest: dict[str, dict[str, Any]] = {}
    for window in windows(run).values():
        known = newest.get(window["partition"])
        # Not the highest version: after a rollback an earlier one scores a partition again.
        if known is None or known["at"] <= window["at"]:
            newest[window["partition"]] = window
    return sorted(newest.values(), key=lambda one: (moment(one), one["partition"]))


def page_folder(run: Run) -> Path:
    """Where the pages of this monitoring run go."""
    return run.kept(f"{PAGES}/{run.slug}/report.html").parent
