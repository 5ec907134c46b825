"""Remembers a start until it is known to have happened: the same command again is the same run."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from mlops_cli.core.files import write_atomic
from mlops_cli.project.paths import data_dir

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@contextmanager
def pending(
    path: Path, run_id: str, conf: Mapping[str, Any], *, again: bool = False
) -> Iterator[None]:
    """Keep the id of a run while it is started; a start whose end nobody knows stays remembered.

    A disk that takes no note of it does not keep a run from being started.

    Args:
        path: Where it is kept.
        run_id: The run's id.
        conf: What it is given.
        again: It may have been started by an earlier command: that this one is refused says
            nothing about that.
    """
    _write(path, {"run_id": run_id, "conf": dict(conf), "pid": os.getpid()})
    try:
        yield
    except BaseException as error:
        # Killed, or without an answer: what is known to be refused needs no second attempt.
        if not again and not _is_unknown(error):
            forget(path)
        raise
    forget(path)


def left(path: Path, conf: Mapping[str, Any]) -> str | None:
    """The id of a run with this conf whose start was never confirmed, by a command that is over."""
    try:
        found = json.loads(path.read_text("utf-8"))
        same = found["conf"] == dict(conf) and not _is_alive(int(found["pid"]))
        return str(found["run_id"]) if same else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def place(project: str, environment: str, pipeline: str) -> Path:
    """Where the start of a pipeline is remembered."""
    return data_dir() / "projects" / project / "starts" / f"{environment}.{pipeline}.json"


def forget(path: Path) -> None:
    """The start is known to have happened, or not to have."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def _write(path: Path, content: Mapping[str, Any]) -> None:
    try:
        write_atomic(path, json.dumps(content), mode=0o600)
    except OSError:
        return


def _is_unknown(error: BaseException) -> bool:
    from mlops_cli.core.errors import UnfinishedError

    return isinstance(error, UnfinishedError) or not isinstance(error, Exception)


def _is_alive(pid: int) -> bool:
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
