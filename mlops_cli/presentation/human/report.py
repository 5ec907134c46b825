"""The overview page of a model, in a few lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import tables

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_cli.models.report import ModelReport


def render_model_report(report: ModelReport, console: Console) -> None:
    """What the page says first, and where it is."""
    from rich.text import Text

    for name, value, style in _facts(report):
        console.print(Text(f"  {name:<12}", "dim").append(tables.clean(value), style))
    for note in report.notes:
        console.print(Text(f"  {tables.clean(note)}", "yellow"))
    for one in report.missing:
        said = Text(f"  {tables.clean(one.text)}", "dim")
        console.print(said.append(f" `{tables.clean(one.command)}`"), soft_wrap=True)
    console.print(tables.clean(report.page), markup=False, soft_wrap=True)


def _facts(report: ModelReport) -> list[tuple[str, str, str]]:
    serving = f"version {report.champion}" if report.champion is not None else "none"
    found = [("champion", f"{serving}, of {report.versions} versions", "")]
    if report.waiting:
        waiting = ", ".join(map(str, report.waiting))
        found.append(("approval", f"version {waiting} waits", "yellow"))
    if report.windows:
        newest = "the newest did" if report.newest_broke else "not the newest"
        told = f"{report.broke} of {report.windows} windows broke, {newest}"
        found.append(
            (
                "drift",
                told if report.broke else f"none of {report.windows} windows broke",
                "red" if report.newest_broke else "green",
            )
        )
        found.append(("retraining", f"asked for {_often(report.retrainings)}", ""))
    if report.quarantined:
        found.append(
            (
                "quarantine",
                f"{report.quarantined} batch{'' if report.quarantined == 1 else 'es'}",
                "yellow",
            )
        )
    if report.passport_broken is not None:
        told = f"entry {report.passport_broken} does not follow the one before it"
        found.append(("passport", told, "bold red"))
    return found


def _often(times: int) -> str:
    return {0: "never", 1: "once"}.get(times, f"{times} times")
