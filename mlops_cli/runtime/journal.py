"""A record that only grows: one JSON object a line, safe for several writers at once."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

_NEWLINE: Final = b"\n"


def append(path: Path, entry: Mapping[str, Any]) -> None:
    """Add an entry, in one write that is on the disk when this returns.

    Args:
        path: The journal; it is made with its first entry.
        entry: What JSON can hold.

    Raises:
        OSError: It could not be written.
    """
    with _held(path) as file:
        _write(file, entry)


def append_if(
    path: Path, decide: Callable[[list[dict[str, Any]]], Mapping[str, Any] | None]
) -> Mapping[str, Any] | None:
    """Add what `decide` makes of the entries so far, while nobody else can add one.

    Args:
        path: The journal.
        decide: Takes the entries, the oldest first; None adds nothing.

    Returns:
        What was added.
    """
    with _held(path) as file:
        file.seek(0)
        entry = decide(_parsed(file.read()))
        if entry is not None:
            _write(file, entry)
    return entry


def append_once(path: Path, entry: Mapping[str, Any], *keys: str) -> None:
    """Add an entry, unless one says the same under these keys: a step may be tried again."""
    append_if(path, lambda known: None if has(known, entry, *keys) else entry)


def has(known: Iterable[Mapping[str, Any]], entry: Mapping[str, Any], *keys: str) -> bool:
    """Whether an entry that says the same under these keys is known."""
    return any(all(one.get(key) == entry.get(key) for key in keys) for one in known)


def entries(path: Path) -> list[dict[str, Any]]:
    """The entries, the oldest first; a line that a crash cut off is left out."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH)
            return _parsed(file.read())
    except FileNotFoundError:
        return []


@contextmanager
def _held(path: Path) -> Iterator[Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def _write(file: Any, entry: Mapping[str, Any]) -> None:  # noqa: ANN401 -- a binary file
    line = json.dumps(entry, ensure_ascii=False).encode("utf-8", "backslashreplace") + _NEWLINE
    size = file.seek(0, os.SEEK_END)
    if size:
        file.seek(size - 1)
        if file.read(1) != _NEWLINE:  # cut off by a crash; it stays a line of its own
            line = _NEWLINE + line
    file.write(line)
    file.flush()
    os.fsync(file.fileno())


def _parsed(content: bytes) -> list[dict[str, Any]]:
    found = []
    for line in content.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            found.append(entry)
    return found
