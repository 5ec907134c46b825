"""Answers kept from one run to the next, under a key that holds everything they depend on."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.files import write_atomic
from mlops_cli.project.paths import cache_dir

if TYPE_CHECKING:
    from pathlib import Path

_KEPT: Final = 200


def recall(kind: str, key: str) -> dict[str, Any] | None:
    """The answer kept under `key`; None when there is none, or it cannot be read."""
    with suppress(OSError, ValueError):
        kept = json.loads(_place(kind, key).read_bytes())
        if isinstance(kept, dict):
            return kept
    return None


def remember(kind: str, key: str, answer: dict[str, Any]) -> None:
    """Keep an answer; a full or read-only disk is no reason to fail."""
    place = _place(kind, key)
    with suppress(OSError):
        write_atomic(place, json.dumps(answer))
        kept = sorted(place.parent.glob("*.json"), key=lambda path: path.stat().st_mtime)
        for path in kept[:-_KEPT]:
            path.unlink()


def _place(kind: str, key: str) -> Path:
    return cache_dir() / "checks" / kind / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
