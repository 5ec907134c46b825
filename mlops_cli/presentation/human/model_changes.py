"""Answers to waiting runs, and versions that were promoted, returned to or archived."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import runs, tables

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_cli.models.approval import ApprovalAnswer
    from mlops_cli.models.change import ModelChange


def render_approval_answer(answer: ApprovalAnswer, console: Console) -> None:
    """What was answered, and how the run went on if it was followed."""
    word, style = ("approved", "green") if answer.approved else ("rejected", "red")
    console.print(f"{tables.clean(answer.model)} version {answer.version} is ", end="")
    console.print(f"[{style}]{word}[/]")
    if answer.reason:
        _line(console, f"  because {answer.reason}")
    if answer.run is not None:
        runs.render_run_outcome(answer.run, console)
        return
    _line(console, f"  run {answer.run_id} goes on: {answer.url}")
    where = f"training --env {answer.environment} --run-id {answer.run_id}"
    _line(console, f"\nNext: `mlops logs {where} --follow`")


def render_model_change(change: ModelChange, console: Console) -> None:
    """What the version is now, what served before, and what Airflow was told."""
    name = tables.clean(change.model)
    if change.action == "archive":
        told = "is archived" if change.changed else "was archived before"
        _line(console, f"{name} version {change.version} {told}")
        return
    told = "is the champion" if change.changed else "was the champion already"
    console.print(f"{name} version {change.version} {told}", style="bold", markup=False)
    if change.before is not None:
        _line(console, f"  before it: version {change.before}")
    if change.reason:
        _line(console, f"  because {change.reason}")
    if change.news is not None:
        for run in change.news.runs:
            _line(console, f"  started {run.dag_id}, run {run.run_id}")
    elif change.untold:
        _line(console, f"  Airflow was not told: {change.untold}")
    _line(console, f"\nNext: `mlops models history {name} --env {change.environment}`")


def _line(console: Console, text: str) -> None:
    lines = "\n".join(tables.clean(line) for line in text.split("\n"))
    console.print(lines, markup=False, highlight=False, soft_wrap=True)
