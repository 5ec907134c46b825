"""The one output of this process: human or JSON, and what becomes of errors and crashes."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_cli.core.errors import UnfinishedError
from mlops_cli.core.exits import Exit
from mlops_cli.core.progress import Progress, Silent
from mlops_cli.core.redact import printable, redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from io import TextIOWrapper
    from pathlib import Path

    from rich.console import Console

    from mlops_cli.core.errors import MlopsError


@dataclass(frozen=True, slots=True)
class Mode:
    """How this process talks."""

    json: bool = False
    quiet: bool = False
    debug: bool = False


# One process is one command: its mode is set once, by the command line.
_mode = Mode()


def configure(*, json: bool = False, quiet: bool = False, debug: bool = False) -> None:
    """Choose how results and errors are shown from here on."""
    global _mode  # noqa: PLW0603 -- see above
    _mode = Mode(json, quiet, debug)


def prepare_streams() -> None:
    """Make every stream one that can be written: also a closed one, also in a poor encoding."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream: TextIOWrapper | None = getattr(sys, name)
        if stream is None:
            # A closed one's number would be given to the next file opened, a database perhaps.
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 -- it stays
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def nobody_reads() -> None:
    """Throw away what goes to stdout from here on: its reader has gone, or its disk is full."""
    with suppress(OSError, ValueError):
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        os.close(devnull)


def show(result: object) -> int:
    """Render a result and return the exit code it stands for (`result.exit_code`, else 0).

    Raises:
        UnfinishedError: The result is there, but stdout does not take it.
    """
    from . import machine, render

    code = int(getattr(result, "exit_code", 0))
    try:
        if result is not None:
            if _mode.json:
                sys.stdout.write(machine.dumps(result) + "\n")
            else:
                render.render(result, _console(stderr=False))
        sys.stdout.flush()
    except BrokenPipeError:
        # What was asked for is done; that nobody reads on (`| head`) does not change the answer.
        nobody_reads()
    except OSError as error:
        nobody_reads()
        raise UnfinishedError(
            f"Could not write the result: {error.strerror}",
            state="what the command was asked to do is done",
        ) from error
    return code


def show_on_stderr(result: object) -> None:
    """Render something a person has to see before answering a question."""
    from . import render

    render.render(result, _console(stderr=True))


def show_error(error: MlopsError) -> None:
    """Say what failed, where, what is live now and what to type next."""
    from . import errors, machine

    if _mode.json:
        _last_word(machine.error(error))
    errors.render(error, _console(stderr=True))
    if _mode.debug:
        _traceback(error)


def interrupted(code: int = Exit.INTERRUPTED) -> None:
    """Say that Ctrl-C, or a signal to end, was heard; the command itself says what it left."""
    if _mode.json:
        from . import machine

        _last_word(machine.interrupted(code))
    _console(stderr=True).print("interrupted", style="yellow")


def show_crash(error: BaseException, argv: Sequence[str]) -> None:
    """Say that this is our bug, and where the report is."""
    from . import errors, machine

    report = errors.write_report(error, argv)
    if _mode.json:
        _last_word(machine.crash(str(report) if report else None))
    _console(stderr=True).print(errors.crash_text(error, report), soft_wrap=True, highlight=False)
    if _mode.debug:
        _traceback(error)


def _last_word(text: str) -> None:
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OSError:
        nobody_reads()  # stderr still says it, and so does the exit code


def _traceback(error: BaseException) -> None:
    # Without local variables: they may hold secrets.
    sys.stderr.write(redact("".join(traceback.format_exception(error))))


def progress() -> Progress:
    """Where a workflow reports; silent when nobody should be disturbed."""
    return Silent() if _mode.quiet else _Talk(_console(stderr=True))


def talk() -> Console | None:
    """Where to show work that goes on; None when nobody should be disturbed."""
    return None if _mode.quiet else _console(stderr=True)


def ask(question: str) -> str:
    """Ask on the terminal; the answer without spaces around it."""
    return _console(stderr=True).input(question).strip()


def is_terminal() -> bool:
    """A person is there to answer."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def as_json() -> bool:
    """Results are printed as JSON."""
    return _mode.json


class _Talk:
    """Progress on stderr: a spinner for a person, a line for a log."""

    def __init__(self, console: Console) -> None:
        self._console = console

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        if not self._console.is_terminal:
            self._console.print(_clean(text), markup=False, highlight=False, soft_wrap=True)
            yield
            return
        import time

        began = time.monotonic()
        with self._console.status(_escape(text)):
            yield
        took = time.monotonic() - began
        self._console.print(f"[green]✓[/] {_escape(text)} [dim]{took:.1f} s[/]")

    def note(self, text: str) -> None:
        self._console.print(_clean(text), markup=False, highlight=False, soft_wrap=True)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(_clean(text))


def _clean(text: str) -> str:
    return printable(redact(text))


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    width: dict[str, Any] = (
        {} if os.environ.get("COLUMNS") or sys.stdout.isatty() else {"width": 120}
    )

    class OurConsole(Console):
        def on_broken_pipe(self) -> None:
            if stderr:
                self.quiet = True  # nobody listens; the work goes on
                return
            raise BrokenPipeError

    return OurConsole(stderr=stderr, highlight=False, emoji=False, **width)


def report_folder() -> Path:
    """Where crash reports go."""
    from mlops_cli.project.paths import data_dir

    return data_dir() / "crashes"
