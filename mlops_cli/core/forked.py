"""Work that may crash runs in a child, and what it finds comes back while it goes on.

A native library that is given a crafted file may end the process it runs in, and so does the
system when memory runs out. Here that process is a fork of ours, made before such a library is
loaded: it costs milliseconds where a new interpreter costs as much as a whole small check. It ends
with us, whichever way we end, and what it wrote to temporary files goes with it.

Only Linux, and only a process with one thread, is forked: what other threads hold at that moment
nobody would ever release in the child, and macOS breaks its own libraries in one. Elsewhere the
work is done in this process, and is as safe as the libraries it uses.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Final, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from types import FrameType

T = TypeVar("T")
_INTERRUPTED: Final = 128 + signal.SIGINT
_GRACE_SECONDS: Final = 2.0
_SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


@dataclass(slots=True)
class _State:
    """What this process is, as far as children go."""

    ended_by: int = 0
    """In a child: the signal that it was told to end by."""
    is_over: bool = False
    """In a child: nothing is left to be ended."""
    patience: float = 0.0
    """How many seconds to wait for other threads to end: who forked once had none then, and has
    only those that draw the progress of what the last child did."""


_state = _State()


class ChildDiedError(Exception):
    """The child ended before its work did, and not by an error of Python's.

    Args:
        pid: The child.
        code: How it ended: a negative number is the signal.
    """

    def __init__(self, pid: int, code: int) -> None:
        super().__init__(f"the child ended with {code}")
        self.pid = pid
        self.signal = -code if code < 0 else None
        self._code = code

    @property
    def how(self) -> str:
        """How it ended, in words."""
        if self.signal is None:
            return f"exit code {self._code}"
        with suppress(ValueError):
            return f"signal {self.signal}, {signal.Signals(self.signal).name}"
        return f"signal {self.signal}"


class _ChildTracebackError(Exception):
    """Where in the child an error came from: stands in tracebacks as its cause."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}"


@contextmanager
def forked(work: Generator[T, None, None]) -> Iterator[Iterator[T]]:
    """Do work in a child for as long as the context lasts; at its end the child is gone.

    Args:
        work: Not begun yet. What it yields, and what it raises, has to be something that can be
            pickled.

    Yields:
        What the work yields. Its errors are raised from there, and `ChildDiedError` when the
        child crashed or was killed.
    """
    child = _start(work) if _can_fork() else None
    try:
        yield work if child is None else _received(child)
    finally:
        if child is None:
            work.close()
        else:
            _end(child)


def _can_fork() -> bool:
    if sys.platform != "linux":
        return False
    until = time.monotonic() + _state.patience
    while _threads() > 1:
        if time.monotonic() >= until:
            return False
        time.sleep(0.001)
    return True


def _threads() -> int:
    """Count the threads of this process, also those that are not Python's."""
    with suppress(OSError):
        return len(os.listdir("/proc/self/task"))  # noqa: PTH208 -- only counted
    return threading.active_count()


@dataclass(slots=True)
class _Child:
    pid: int
    found: IO[bytes]
    lifeline: int
    """Closed by us, or by the system when we are gone: the child's sign to end."""
    scratch: str
    code: int | None = None

    def wait(self, *, block: bool) -> bool:
        """Learn how it ended; False while it lives."""
        if self.code is None:
            pid, status = os.waitpid(self.pid, 0 if block else os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
        return self.code is not None


def _start(work: Generator[Any, None, None]) -> _Child | None:
    """Start the child; None where the system gives us none."""
    try:
        scratch = tempfile.mkdtemp(prefix="mlops-")
    except OSError:
        return None  # whoever needs such a folder says it better
    found, finder = os.pipe()
    held, lifeline = os.pipe()
    # What is buffered now would else be written by both.
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    # A signal that comes meanwhile is heard by each of the two once it knows which one it is.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        pid = _fork()
        if pid == 0:
            os.close(found)
            os.close(lifeline)
            _live(work, finder, held, scratch, blocked)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    os.close(finder)
    os.close(held)
    if pid > 0:
        _state.patience = 0.5
        return _Child(pid, os.fdopen(found, "rb"), lifeline, scratch)
    os.close(found)
    os.close(lifeline)
    shutil.rmtree(scratch, ignore_errors=True)
    return None


def _fork() -> int:
    """Fork; -1 where there are processes enough, or too little memory for one more."""
    with suppress(OSError):
        return os.fork()
    return -1


def _received(child: _Child) -> Iterator[Any]:
    while True:
        try:
            kind, value = pickle.load(child.found)  # noqa: S301 -- our own code wrote it
        except (EOFError, pickle.UnpicklingError):
            child.wait(block=True)
            if child.code == _INTERRUPTED:
                # Ctrl-C is sent to both, and it was the first to hear.
                raise KeyboardInterrupt from None
            raise ChildDiedError(child.pid, child.code or 0) from None
        if kind == "end":
            return
        if kind == "error":
            error, trace = value
            raise error from _ChildTracebackError(trace)
        yield value


def _end(child: _Child) -> None:
    """Let it end by itself, which it does at once unless a library does not let it; or kill it."""
    os.close(child.lifeline)
    try:
        until = time.monotonic() + _GRACE_SECONDS
        while not child.wait(block=False) and time.monotonic() < until:
            time.sleep(0.001)
    finally:
        if child.code is None:
            os.kill(child.pid, signal.SIGKILL)
            child.wait(block=True)
        child.found.close()
        shutil.rmtree(child.scratch, ignore_errors=True)


def _live(
    work: Generator[Any, None, None],
    finder: int,
    held: int,
    scratch: str,
    blocked: set[signal.Signals | int],
) -> NoReturn:
    """Be the child: from here on nothing goes back to who called."""
    code = 70
    try:
        try:
            tempfile.tempdir = os.environ["TMPDIR"] = scratch
            _hear()
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            threading.Thread(target=_watch, args=(held,), daemon=True).start()
            _no_core()
            with os.fdopen(finder, "wb") as found:
                _give(work, found)
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else code
        except BrokenPipeError:
            code = 128 + signal.SIGTERM  # nobody waits for it any more
        finally:
            # A handler raises once at most, and never from here on: what is below is reached.
            _state.is_over = True
            shutil.rmtree(scratch, ignore_errors=True)
    finally:
        # Libraries are not asked to tidy up: the system does, and faster.
        os._exit(code)


def _give(work: Generator[Any, None, None], found: IO[bytes]) -> None:
    def send(kind: str, value: object) -> None:
        found.write(pickle.dumps((kind, value), pickle.HIGHEST_PROTOCOL))
        found.flush()

    try:
        for one in work:
            send("item", one)
    except Exception as error:
        if _state.ended_by:
            # DuckDB swallows what a handler raises, and raises an error of its own in its place.
            raise SystemExit(128 + _state.ended_by) from error
        send("error", (_sendable(error), "".join(traceback.format_exception(error))))
    else:
        send("end", None)


def _sendable(error: Exception) -> Exception:
    try:
        copy = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own
    except Exception:  # noqa: BLE001 -- whatever its class does
        copy = None
    if type(copy) is type(error):
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")


def _hear() -> None:
    """Let every signal to end unwind the work once, so that it lets go of what it holds."""
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stopped)


def _stopped(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 -- signal's signature
    if _state.is_over or _state.ended_by:
        return
    _state.ended_by = number
    raise SystemExit(128 + number)


def _watch(held: int) -> None:
    """Wait for the end of who is worked for; then end, in time or by force."""
    with suppress(OSError):
        os.read(held, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE_SECONDS)
    os._exit(128 + signal.SIGTERM)


def _no_core() -> None:
    """A crash must not write the data into a core file."""
    import resource

    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
