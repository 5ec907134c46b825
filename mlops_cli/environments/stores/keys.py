"""What a key may be: it names something in the store, whatever is typed or written in a file."""

from __future__ import annotations

from typing import Final

from mlops_cli.core.errors import UsageError
from mlops_cli.core.redact import printable

STATE: Final = ("_history", "_plans")
"""Folders that are about releases and no part of any: kept away from what Airflow reads."""


def parts_of(key: str, store: str) -> tuple[str, ...]:
    """The segments of a key.

    Raises:
        UsageError: It is none, or leads out of the store.
    """
    parts = tuple(key.split("/"))
    if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
        raise UsageError(f"`{printable(key)}` is no key for {store}")
    return parts


def is_state(key: str) -> bool:
    """It belongs into one of the folders of `STATE`."""
    return key.split("/", 1)[0] in STATE
