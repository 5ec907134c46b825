"""The passport: what happened to each version of a model, in a record that only grows.

Each entry names the SHA-256 of the one before it, so that a line which was changed or taken out
later is found.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from . import journal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from .steps import Run

NAME: Final = "passport.jsonl"
"""The passport's file among what a project keeps."""


def record(run: Run, event: str, *, version: str | None, **facts: Any) -> None:  # noqa: ANN401 -- JSON
    """Write down what a pipeline run did to a version.

    Args:
        run: The pipeline run.
        event: What happened: `registered`, `approved`, `rejected`, `promoted`, `scored`, …
        version: The version's number; None for what is about no version in particular.
        facts: What an auditor would ask, as JSON.
    """
    add(run.kept(NAME), _entry(run, event, version, facts))


def record_once(
    run: Run,
    event: str,
    *,
    version: str | None,
    per: Iterable[str] = (),
    **facts: Any,  # noqa: ANN401 -- JSON
) -> None:
    """The same, unless this run has written it down before: a step may be tried again.

    Args:
        run: The pipeline run.
        event: What happened.
        version: The version's number.
        per: The facts that tell several entries of one run and event apart.
        facts: What an auditor would ask, as JSON.
    """
    entry, keys = _entry(run, event, version, facts), ("event", "version", "run", *per)

    def decide(earlier: list[dict[str, Any]]) -> dict[str, Any] | None:
        return None if journal.has(earlier, entry, *keys) else _chained(entry, earlier)

    journal.append_if(run.kept(NAME), decide)


def add(path: Path, entry: dict[str, Any]) -> None:
    """Append an entry with its time, and the digest of the entry before it."""
    journal.append_if(path, lambda earlier: _chained(entry, earlier))


def read(path: Path) -> list[dict[str, Any]]:
    """The entries, the oldest first."""
    return journal.entries(path)


def broken_at(entries: Sequence[dict[str, Any]]) -> int | None:
    """The number, from 0, of the first entry that does not follow the one before it."""
    before: dict[str, Any] | None = None
    for number, entry in enumerate(entries):
        if entry.get("previous") != _digest(before):
            return number
        before = entry
    return None


def _entry(run: Run, event: str, version: str | None, facts: dict[str, Any]) -> dict[str, Any]:
    settings = run.settings
    origin = {"environment": settings.environment, "release": settings.release}
    return {"event": event, "version": version, "run": run.id, **origin, **facts}


def _chained(entry: dict[str, Any], earlier: Sequence[dict[str, Any]]) -> dict[str, Any]:
    moment = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"at": moment, **entry, "previous": _digest(earlier[-1] if earlier else None)}


def _digest(entry: dict[str, Any] | None) -> str | None:
    if entry is None:
        return None
    line = json.dumps(entry, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(line.encode("utf-8", "backslashreplace")).hexdigest()
