"""Runs, their state and their logs as a person reads them."""

from __future__ import annotations

import shlex
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Final

from mlops_cli.core.redact import redact

from . import tables

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console
    from rich.text import Text

    from mlops_cli.runs.logs import FollowedLog, TaskLog
    from mlops_cli.runs.news import AssetNews
    from mlops_cli.runs.outcome import RunOutcome, TaskLine
    from mlops_cli.runs.ranges import BackfillOutcome
    from mlops_cli.runs.status import PipelineStatus, StatusReport
    from mlops_cli.runs.visit import WebPage

_CHUNK: Final = 1000
_COLOURS: Final = {
    "success": "green",
    "live": "green",
    "failed": "bold red",
    "import error": "bold red",
    "upstream_failed": "red",
    "running": "cyan",
    "queued": "cyan",
    "paused": "yellow",
    "stale": "yellow",
}


def render_run_outcome(outcome: RunOutcome, console: Console) -> None:
    """How the run ended; what the failed task said; where to look."""
    if outcome.tasks:
        console.print(_tasks(outcome.tasks))
    if outcome.failed_task:
        _line(console, f"The last lines of `{outcome.failed_task}`:")
        for line in outcome.log:
            _line(console, f"  | {line}")
        console.print()
    mark = {"success": "[green]✓[/]", "failed": "[bold red]✗[/]"}.get(outcome.state, "[cyan]…[/]")
    took = f" in {tables.duration(outcome.seconds)}" if outcome.seconds is not None else ""
    word = {"success": "succeeded", "failed": "failed"}.get(outcome.state, f"is {outcome.state}")
    console.print(mark, end=" ")
    _line(console, f"{outcome.pipeline} {word}{took} (run {outcome.run_id})")
    _line(console, f"  {outcome.url}")
    place = f"--env {outcome.environment}"
    if outcome.state == "success":
        _line(console, f"\nNext: `mlops models show {outcome.project}`")
    elif outcome.state == "failed":
        task = f" {shlex.quote(outcome.failed_task)}" if outcome.failed_task else ""
        _line(console, f"\nNext: `mlops logs {outcome.pipeline}{task} {place}`")
    else:
        _line(console, f"\nNext: `mlops status {outcome.pipeline} {place}`")


def render_status_report(report: StatusReport, console: Console) -> None:
    """The pipelines and their newest runs."""
    _line(console, f"{report.project} in {report.environment}, {report.airflow}")
    _line(console, f"deployed: {report.deployed or 'nothing'}\n")
    for pipeline in report.pipelines:
        _pipeline(pipeline, report, console)


def render_task_log(log: TaskLog, console: Console) -> None:
    """The logs, as they come."""
    if not log.tasks:
        _line(console, f"No task of run {log.run_id} has run yet; it is {log.state}")
    for task in log.tasks:
        name = task.task_id if task.map_index < 0 else f"{task.task_id}[{task.map_index}]"
        _line(console, f"--- {name} ({task.state}, try {task.try_number})", style="bold")
        # Many at once, and past Rich: a log may have ten million lines.
        lines = log.lines(task)
        while chunk := list(islice(lines, _CHUNK)):
            console.file.write(redact("".join(f"{line}\n" for line in chunk)))
        console.file.flush()


def render_followed_log(log: FollowedLog, console: Console) -> None:
    """Nothing: the lines were shown while they came."""


def render_backfill_outcome(outcome: BackfillOutcome, console: Console) -> None:
    """The runs of the dates, and where to look."""
    if outcome.runs:
        shown = tables.table("run", "state", "time")
        for run in outcome.runs:
            tables.add(shown, (run.run_id, _state(run.state), tables.duration(run.seconds)))
        console.print(shown)
    counts = Counter(run.state for run in outcome.runs)
    told = ", ".join(f"{count} {state}" for state, count in counts.most_common())
    dates = f"{outcome.begin:%Y-%m-%d} to {outcome.end:%Y-%m-%d}"
    if not outcome.asked:
        _line(console, f"{outcome.pipeline} from {dates}: nothing was missing or failed")
    else:
        _line(console, f"{outcome.pipeline} from {dates}: {told or f'{outcome.asked} runs'}")
    _line(console, f"  {outcome.url}")
    _line(console, f"\nNext: `mlops status {outcome.pipeline} --env {outcome.environment}`")


def render_asset_news(news: AssetNews, console: Console) -> None:
    """What waits for the asset and what began to run."""
    _line(console, f"{news.asset} is new (event {news.event})")
    for run in news.runs:
        ended = f": {run.state} after {tables.duration(run.seconds)}" if run.state else ""
        _line(console, f"  started {run.dag_id}, run {run.run_id}{ended}")
        _line(console, f"    {run.url}")
    for dag_id in news.paused:
        _line(console, f"  {dag_id} waits for it, but is paused")
    if not news.waiting:
        _line(console, "  no DAG waits for it")
    elif not news.runs and set(news.waiting) != set(news.paused):
        waiting = ", ".join(sorted(set(news.waiting) - set(news.paused)))
        _line(console, f"  {waiting} will run, or waits for other assets too")
    _line(console, f"\nNext: `mlops status --env {news.environment}`")


def render_web_page(page: WebPage, console: Console) -> None:
    """Where it is."""
    _line(console, page.url)


def _pipeline(pipeline: PipelineStatus, report: StatusReport, console: Console) -> None:
    console.print(tables.clean(pipeline.pipeline), style="bold", end=" ", markup=False)
    console.print(_state(pipeline.state), end="")
    other = pipeline.release if pipeline.release != report.deployed else None
    _line(console, f"  {pipeline.dag_id}" + (f", still from release {other}" if other else ""))
    if not pipeline.runs:
        _line(console, "  no run yet")
        return
    shown = tables.table("run", "state", "kind", "started", "time")
    for run in pipeline.runs:
        began = f"{run.started:%Y-%m-%d %H:%M:%S}" if run.started else ""
        time = tables.duration(run.seconds)
        tables.add(shown, (run.run_id, _state(run.state), run.run_type, began, time))
    console.print(shown)
    if pipeline.runs[0].state != "success" and pipeline.tasks:
        console.print(_tasks(pipeline.tasks))


def _tasks(tasks: Iterable[TaskLine]) -> object:
    shown = tables.table("task", "state", "time", "try")
    for task in tasks:
        tries = task.tries if task.tries > 1 else ""
        tables.add(shown, (task.task, _state(task.state), tables.duration(task.seconds), tries))
    return shown


def _state(state: str | None) -> Text:
    from rich.text import Text

    word = tables.clean(state or "waiting")
    return Text(word, _COLOURS.get(word, "default"))


def _line(console: Console, text: str, *, style: str | None = None) -> None:
    lines = "\n".join(tables.clean(line) for line in text.split("\n"))
    console.print(lines, markup=False, highlight=False, soft_wrap=True, style=style)
