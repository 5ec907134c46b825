"""Finds and kills processes of the local Airflow that nobody looks after any more.

Needed only after somebody killed the guardian and the supervisor at once: as long as one of the
two lives, it does this itself.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .configuration import Home

MARK: Final = "MLOPS_LOCAL_AIRFLOW"
"""An environment variable with the home's path: every process started below carries it on."""


def take_lock(home: Home) -> int | None:
    """The descriptor of the home's lock, now ours, or None while any process of it lives.

    Processes the supervisor forks inherit the lock, so it is free only when all are gone.
    """
    handle = os.open(home.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def is_locked(home: Home) -> bool:
    """Whether any process of the local Airflow lives."""
    if not home.lock.exists():
        return False
    handle = os.open(home.lock, os.O_RDWR | os.O_CLOEXEC)
    try:
        # Shared: two who only look do not take each other for an Airflow.
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def members(home: Home) -> frozenset[int]:
    """The guardian, the supervisor, the components and what those forked.

    They are told by a file the guardian opens and all of them inherit; commands, which open the
    lock to look at it, never open that one.
    """
    if sys.platform != "linux":
        listed = subprocess.run(
            ["lsof", "-t", str(home.members)], capture_output=True, text=True, check=False
        )
        return frozenset(int(line) for line in listed.stdout.split())
    file = str(home.members.resolve())
    return frozenset(pid for pid in _our_processes() if file in _open_files(pid))


def kill_leftovers(home: Home) -> int:
    """Kill everything that still belongs to the home; how many processes that were.

    A process belongs to it when it is a member (what was forked) or carries the mark in its
    environment (what was started anew, such as a step).
    """
    found = (members(home) | _marked(home)) - {os.getpid()}
    for pid in found:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


def _marked(home: Home) -> frozenset[int]:
    if sys.platform != "linux":
        return frozenset()  # there, what it starts belongs to its process group and ends with it
    mark = f"{MARK}={home.root}".encode()
    return frozenset(
        pid for pid in _our_processes() if mark in _read(Path(f"/proc/{pid}/environ")).split(b"\0")
    )


def _our_processes() -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == os.getuid():
                found.append(int(entry.name))
    return found


def _open_files(pid: int) -> set[str]:
    files = set()
    with suppress(OSError):
        for link in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                files.add(str(link.readlink()))
    return files


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
