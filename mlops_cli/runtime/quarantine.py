"""Batches that a gate of the inference pipeline stopped: kept with the verdict, for a person."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from . import journal
from .keeping import keep
from .steps import local_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from .steps import Run

GATES: Final = ("input", "predictions")
"""The gates whose data is kept; what training reads stays where it came from."""
JOURNAL: Final = "quarantine.jsonl"


def put_away(
    run: Run, *, gate: str, data: str, reason: str, result: Mapping[str, Any] | None
) -> str | None:
    """Keep a batch and why it was stopped; what was published before stays as it is.

    Args:
        run: The pipeline run.
        gate: The gate that stopped it.
        data: URI of the batch.
        reason: What the refusal says.
        result: The gate's result; None when it came to none.

    Returns:
        What to tell of it; None for a gate, or a checkout, that keeps nothing.
    """
    if gate not in GATES or run.settings.paths is None:
        return None
    try:
        kept = _kept(run, gate, data, reason, result)
    except (OSError, ValueError) as error:
        # The batch is refused all the same.
        return f"the batch could not be put into quarantine: {error}"
    return f"the batch is in quarantine: {kept.parent}"


def _kept(run: Run, gate: str, data: str, reason: str, result: Mapping[str, Any] | None) -> Path:
    batch = local_path(data)
    verdict = json.dumps({"reason": reason, **(result or {})}, default=datetime.isoformat, indent=1)

    def fill(folder: Path) -> None:
        shutil.copyfile(batch, folder / f"data{batch.suffix}")
        (folder / "result.json").write_text(verdict + "\n", encoding="utf-8")

    kept = keep(run.kept(f"quarantine/{gate}/{run.slug}"), fill) / f"data{batch.suffix}"
    entry = {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "gate": gate,
        "run": run.id,
        "data": kept.as_uri(),
        "reason": reason,
    }
    journal.append_once(run.kept(JOURNAL), entry, "gate", "run", "data")
    return kept
