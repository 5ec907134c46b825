"""Child processes that end: on time, with all their own children, and with bounded output."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

# A container often exports this; without bytecode Airflow takes three times as long to import.
_UNWANTED = ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


@dataclass(frozen=True, slots=True)
class Finished:
    """How a child process ended."""

    returncode: int
    """Negative: the signal that killed it."""
    output: str
    """The last lines of stdout and stderr together, in the order they came."""
    truncated: bool
    """There was more output than was kept."""
    timed_out: bool


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment a child gets: ours, less what would change how its Python runs."""
    environment = {key: value for key, value in os.environ.items() if key not in _UNWANTED}
    return environment | dict(extra or {})


def run(
    argv: Sequence[str | Path],
    *,
    timeout_seconds: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    pass_fds: Sequence[int] = (),
    on_line: Callable[[str], None] | None = None,
    keep_lines: int = 2000,
) -> Finished:
    """Run a program to its end, or kill it and all its children when time is up.

    Args:
        argv: The program and its arguments; never a shell.
        timeout_seconds: After this long the whole process group is killed.
        cwd: Where it runs.
        env: The complete environment; by default `child_environment()`.
        pass_fds: Open files it keeps open too, such as a lock it holds even if we are killed.
        on_line: Told each line as it comes, without its end.
        keep_lines: How many of the last lines the result holds.

    Raises:
        OSError: The program could not be started.
    """
    kept: deque[str] = deque(maxlen=keep_lines)
    count = 0
    child = subprocess.Popen(
        [str(part) for part in argv],
        cwd=cwd,
        env=dict(env) if env is not None else child_environment(),
        pass_fds=pass_fds,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    timed_out = threading.Event()

    def expire() -> None:
        timed_out.set()
        kill_group(child.pid)

    timer = threading.Timer(timeout_seconds, expire)
    timer.start()
    try:
        assert child.stdout is not None  # noqa: S101 -- PIPE was asked for
        # A bounded read: a program that prints without line ends must not fill our memory.
        while line := child.stdout.readline(65_536):
            count += 1
            kept.append(line.rstrip("\n"))
            if on_line is not None:
                on_line(kept[-1])
        child.wait()
    finally:
        timer.cancel()
        # Also after a normal end: whatever it left behind in its group goes too.
        kill_group(child.pid)
        child.wait()
    return Finished(child.returncode, "\n".join(kept), count > keep_lines, timed_out.is_set())


def kill_group(pid: int) -> None:
    """Kill a process group at once; one that is gone is fine."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
