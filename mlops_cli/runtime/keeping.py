"""Folders that are made once: whole or not at all, and never in place of another."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from itertools import count
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TAKEN: Final = (errno.ENOTEMPTY, errno.EEXIST)


def keep(place: Path, fill: Callable[[Path], None]) -> Path:
    """Make a folder that is never changed again.

    It is filled beside its place and renamed. Made again with the same content, it is the one that
    is there; other content gets the next free name, such as `NAME.2`.

    Args:
        place: Where it goes.
        fill: Writes its files into the folder it is given.

    Returns:
        The folder.

    Raises:
        OSError: It could not be written.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    part = place.with_name(f".{place.name}.{secrets.token_hex(4)}")
    part.mkdir()
    try:
        fill(part)
        _to_disk(part)
        for number in count(1):
            target = place if number == 1 else place.with_name(f"{place.name}.{number}")
            try:
                part.rename(target)
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise
                if _digests(target) == _digests(part):
                    return target
            else:
                _to_disk(place.parent, files=False)
                return target
        raise AssertionError("names do not run out")
    finally:
        shutil.rmtree(part, ignore_errors=True)


def write_whole(path: Path, text: str) -> None:
    """Write a small file so that nobody ever sees a part of it, in place of the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """The digest of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _digests(folder: Path) -> dict[str, str]:
    return {path.name: sha256(path) for path in folder.iterdir() if path.is_file()}


def _to_disk(folder: Path, *, files: bool = True) -> None:
    for path in (*(folder.iterdir() if files else ()), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
