"""The one output of this process: human or JSON, and what becomes of errors and crashes."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_cli.core.progress import Progress, Silent
from mlops_cli.core.redact import redact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
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


def show(result: object) -> int:
    """Render a result and return the exit code it stands for (`result.exit_code`, else 0)."""
    from . import machine, render

    if result is not None:
        if _mode.json:
            sys.stdout.write(redact(machine.dumps(result)) + "\n")
        else:
            render.render(result, _console(stderr=False))
    return int(getattr(result, "exit_code", 0))


def show_on_stderr(result: object) -> None:
    """Render something a person has to see before answering a question."""
    from . import render

    render.render(result, _console(stderr=True))


def show_error(error: MlopsError) -> None:
    """Say what failed, where, what is live now and what to type next."""
    from . import errors, machine

    if _mode.json:
        sys.stdout.write(redact(machine.error(error)) + "\n")
    errors.render(error, _console(stderr=True))
    if _mode.debug:
        _traceback(error)


def interrupted() -> None:
    """Say that Ctrl-C was heard; what it left is said by the command itself."""
    _console(stderr=True).print("interrupted", style="yellow")


def show_crash(error: BaseException, argv: Sequence[str]) -> None:
    """Say that this is our bug, and where the report is."""
    from . import errors

    report = errors.write_report(error, argv)
    _console(stderr=True).print(errors.crash_text(error, report), soft_wrap=True, highlight=False)
    if _mode.json:
        from . import machine

        sys.stdout.write(machine.crash(str(report)) + "\n")
    if _mode.debug:
        _traceback(error)


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
            self._console.print(text, markup=False, soft_wrap=True)
            yield
            return
        import time

        began = time.monotonic()
        with self._console.status(_escape(text)):
            yield
        took = time.monotonic() - began
        self._console.print(f"[green]✓[/] {_escape(text)} [dim]{took:.1f} s[/]")

    def note(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(redact(text))


def _console(*, stderr: bool) -> Console:
    from rich.console import Console

    width: dict[str, Any] = (
        {} if os.environ.get("COLUMNS") or sys.stdout.isatty() else {"width": 120}
    )
    return Console(stderr=stderr, highlight=False, emoji=False, **width)


def report_folder() -> Path:
    """Where crash reports go."""
    from mlops_cli.project.paths import data_dir

    return data_dir() / "crashes"
