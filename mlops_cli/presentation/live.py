"""A run while it goes on: a table that changes for a person, a line a change for a log."""

from __future__ import annotations

import sys
from itertools import groupby
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import UsageError
from mlops_cli.core.redact import redact

from . import output
from .human import tables

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

    from mlops_cli.environments.port import TaskInfo
    from mlops_cli.runs.follow import Listener, LogLine, RunUpdate
    from mlops_cli.runs.logs import LogListener

STYLES: Final = {
    "success": "green",
    "failed": "bold red",
    "upstream_failed": "red",
    "running": "cyan",
    "up_for_retry": "yellow",
    "deferred": "magenta",
    "awaiting_input": "magenta",
    "skipped": "dim",
}
# More parallel tasks than this are counted instead of listed.
_SHOWN_TOGETHER: Final = 8
# Lines of a log that are written at once.
_TOGETHER: Final = 500


def listener() -> Listener:
    """Something to hand to a workflow that follows a run; it talks on stderr."""
    console = output.talk()
    if console is None:
        return _Nobody()
    return _Screen(console) if console.is_terminal else _Lines(console)


def log_listener() -> LogListener:
    """Something that prints lines of logs on stdout while they come.

    Raises:
        UsageError: One JSON object was asked for, and lines are many.
    """
    if output.as_json():
        raise UsageError(
            "Could not follow logs: `--follow` does not go together with `--json`",
            hint="Leave one of them out",
        )
    return _LogLines(output.talk())


class _LogLines:
    """Lines on stdout; which task says them stands above, each time it is another one."""

    def __init__(self, console: Console | None) -> None:
        self._console = console
        self._speaker: tuple[str, int] | None = None
        self._trouble: str | None = None
        self._waiting: list[str] = []

    def line(self, line: LogLine) -> None:
        if (line.task, line.try_number) != self._speaker:
            self._speaker = (line.task, line.try_number)
            self._waiting.append(f"--- {tables.clean(line.task)} (try {line.try_number})")
        self._waiting.append(line.text)
        if len(self._waiting) >= _TOGETHER:
            self._write()

    def __call__(self, update: RunUpdate) -> None:
        self._write()
        if update.trouble != self._trouble and self._console is not None:
            self._trouble = update.trouble
            said = tables.clean(update.trouble or "Airflow answers again")
            self._console.print(said, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        self._write()

    def _write(self) -> None:
        text, self._waiting = "".join(f"{line}\n" for line in self._waiting), []
        if text:
            sys.stdout.write(redact(text))
            sys.stdout.flush()


class _Nobody:
    def __call__(self, update: RunUpdate) -> None:
        """Nobody looks."""

    def close(self) -> None:
        """Nothing was opened."""


class _Screen:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None

    def __call__(self, update: RunUpdate) -> None:
        from rich.live import Live

        if self._live is None:
            # Not before: only one thing at a time can move on a terminal.
            self._live = Live(console=self._console, refresh_per_second=4, transient=True)
            self._live.start()
        self._live.update(_table(update))

    def close(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console = console
        self._known: dict[str, str | None] = {}
        self._trouble: str | None = None

    def __call__(self, update: RunUpdate) -> None:
        if update.trouble != self._trouble:
            self._trouble = update.trouble
            self._say(update.trouble or "Airflow answers again")
        for task in sorted(update.tasks, key=_order):
            name = _name(task)
            if self._known.get(name) == task.state:
                continue
            self._known[name] = task.state
            if task.state not in (None, "scheduled", "queued"):
                self._say(f"{name:<24} {task.state:<16} {tables.duration(_seconds(task))}")

    def close(self) -> None:
        """Lines need no closing."""

    def _say(self, text: str) -> None:
        line = f"  {tables.clean(text)}".rstrip()
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


def _table(update: RunUpdate) -> Table:
    from rich.text import Text

    title = f"{tables.clean(update.run.run_id)}: {tables.clean(update.run.state)}"
    shown = tables.table("task", "state", "time", "try", title=title)
    rows = sorted(update.tasks, key=_order)
    mapped = {task.task_id for task in rows if task.map_index >= _SHOWN_TOGETHER}
    for task in rows:
        if task.task_id in mapped:
            continue
        state = task.state or "waiting"
        cells = Text(state, STYLES.get(state, "default"))
        tries = task.try_number if task.try_number > 1 else ""
        tables.add(shown, (_name(task), cells, tables.duration(_seconds(task)), tries))
    for name in sorted(mapped):
        states = sorted(task.state or "waiting" for task in rows if task.task_id == name)
        counts = ", ".join(f"{len(list(group))} {state}" for state, group in groupby(states))
        tables.add(shown, (name, counts, "", ""))
    if update.trouble:
        tables.add(shown, (Text(tables.clean(update.trouble), "yellow"), "", "", ""))
    return shown


def _order(task: TaskInfo) -> tuple[float, str, int]:
    return (
        task.started.timestamp() if task.started else float("inf"),
        task.task_id,
        task.map_index,
    )


def _name(task: TaskInfo) -> str:
    return task.task_id if task.map_index < 0 else f"{task.task_id}[{task.map_index}]"


def _seconds(task: TaskInfo) -> float | None:
    if task.started is None or task.ended is None:
        return None
    return (task.ended - task.started).total_seconds()
