"""The folder a project is built in: beside the target, gone afterwards, whatever happens."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX: Final = ".mlops-new-"
_SETTLED_SECONDS: Final = 60.0
_ATTEMPTS: Final = 20
_PAUSE_SECONDS: Final = 0.05


@contextmanager
def workshop(parent: Path) -> Iterator[Path]:
    """A new folder in `parent`, on the same filesystem as what will be renamed out of it.

    Its owner holds a lock on it as long as it lives, and the system lets go of the lock when
    the owner is killed: that is how the next run knows which ones nobody needs any more.

    Raises:
        OSError: `parent` cannot be written to.
    """
    sweep(parent)
    folder = handle = None
    try:
        with _undisturbed():
            folder = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))
            handle = os.open(folder, os.O_RDONLY)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder
    finally:
        with _undisturbed():
            if folder is not None:
                _remove(folder)
            if handle is not None:
                os.close(handle)


def _remove(folder: Path) -> None:
    """Clear up, also after a git whose start was interrupted and that is still writing here."""
    for _ in range(_ATTEMPTS):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(_PAUSE_SECONDS)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals wait until the end: Ctrl-C must not stop the clearing up it has caused."""
    before = signal.pthread_sigmask(
        signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    )
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def sweep(parent: Path) -> None:
    """Remove what runs that were killed left in `parent`; those of living runs stay."""
    for folder in parent.glob(f"{PREFIX}*"):
        # Another run may sweep at the same time, or the folder may not be ours to remove.
        with suppress(OSError):
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not _may_be_starting(folder):
                    shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(handle)


def _may_be_starting(folder: Path) -> bool:
    """Between making its folder and locking it, a run has no lock yet; that takes no time."""
    owner = folder.name.removeprefix(PREFIX).partition("-")[0]
    try:
        os.kill(int(owner), 0)
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return time.time() - folder.stat().st_mtime < _SETTLED_SECONDS
