"""Makes sure that no file a command writes is one that it reads, or writes already."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from mlops_cli.core.errors import ProjectError, UsageError
from mlops_cli.core.files import write_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
UNTOUCHED: Final = "a file of this name that was there before is as it was"


def check_outputs(
    outputs: Mapping[str, Path | None],
    *,
    ruleset: Path,
    data: Iterable[str] = (),
    datasets: Iterable[str] = (),
) -> None:
    """Refuse to write over what is read, and twice to one file.

    Args:
        outputs: Where to write, by the option that says so.
        ruleset: The ruleset's file.
        data: The data as the user named it.
        datasets: The other data sets, each as `NAME=FILE`.

    Raises:
        UsageError: A file to be written is read too, or is written to by two options.
    """
    taken = {_resolved(ruleset): "it is the ruleset"}
    for one in data:
        if (local := local_file(one)) is not None:
            taken[_resolved(local)] = "it is what is checked"
    for one in datasets:
        if (local := local_file(one.partition("=")[2])) is not None:
            taken[_resolved(local)] = f"it is what `--dataset {one}` reads"
    for option, path in outputs.items():
        if path is None:
            continue
        reason = taken.setdefault(_resolved(path), "")
        if reason:
            raise UsageError(
                f"Could not write `{option} {path}`: {reason}", hint="Give it another name"
            )
        taken[_resolved(path)] = f"`{option}` writes it too"


def write_output(path: Path, text: str) -> None:
    """Write a file that was asked for, whole or not at all.

    Raises:
        ProjectError: The disk is full.
        UsageError: It cannot be written there.
    """
    try:
        write_atomic(path, text)
    except OSError as error:
        told = f"Could not write `{path}`: {error.strerror}"
        if error.errno not in _FULL:
            raise UsageError(told) from error
        raise ProjectError(
            told, hint="Free some space, then run the same command again", state=UNTOUCHED
        ) from error


def is_data(path: Path, data: str) -> bool:
    """Tell whether a path is the very file that the user named as data."""
    local = local_file(data)
    return local is not None and _resolved(local) == _resolved(path)


def local_file(data: str) -> Path | None:
    """Find the file of this machine that the user named; None for what is elsewhere."""
    if "://" not in data:
        return Path(data)
    parts = urlsplit(data)
    return Path(unquote(parts.path)) if parts.scheme.lower() == "file" else None


def _resolved(path: Path) -> Path:
    try:
        return path.resolve()
    except (OSError, ValueError, RuntimeError):  # a loop of links, a NUL: no file is there
        return path
