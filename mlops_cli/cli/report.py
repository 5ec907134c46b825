"""`mlops report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .commands import command
from .options import EnvironmentOption, ProjectOption  # noqa: TC001 -- Typer reads the annotations

_REPORT = """
Examples: `mlops report` · `mlops report --env production --open` ·
`mlops report churn --output churn.html`

Exit codes: 0 the page is written, also when there is little to show yet · 2 no such environment or
model · 6 the registry could not be read.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, panel="Run", epilog=_REPORT)(report)


def report(
    *,
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="MODEL", help="The model; by default the project's.", show_default=False
        ),
    ] = None,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            help="Where the page goes; by default `.mlops/report-ENV.html` of the project.",
            dir_okay=False,
            show_default=False,
        ),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> object:
    """Write one page on a model and all that happened to it.

    Versions and their states, who was champion when, drift, performance and quality over time,
    decisions, quarantine, ageing and releases. Where something is missing, the page says what to
    type.
    """
    from mlops_cli import presentation
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.models.report import report as write
    from mlops_cli.project.loader import load

    written = write(
        load(project),
        name,
        env,
        output=output,
        progress=presentation.progress(),
        clock=SystemClock(),
    )
    if open_:
        typer.launch(written.page.as_uri())
    return written
