"""`mlops deploy`, `rollback`, `releases`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .commands import command
from .options import (  # noqa: TC001 -- Typer reads the annotations
    EnvironmentOption,
    ProjectOption,
    YesOption,
)

_PANEL = "Deploy"

TimeoutOption = Annotated[
    float,
    typer.Option("--timeout", min=1, help="Seconds Airflow may take to show the release."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(
        app,
        panel=_PANEL,
        epilog="Examples: `mlops deploy --env local --dry-run` · `mlops deploy --env local`",
    )(deploy)
    command(
        app,
        panel=_PANEL,
        epilog="Examples: `mlops rollback` · `mlops rollback --to 20260301T120000Z-0123456789ab`",
    )(rollback)
    command(app, panel=_PANEL, epilog="Examples: `mlops releases` · `mlops releases --json`")(
        releases
    )


def deploy(
    *,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan; change nothing.")
    ] = False,
    skip_checks: Annotated[
        bool, typer.Option("--skip-checks", help="Do not run `mlops validate` first.")
    ] = False,
    yes: YesOption = False,
    timeout: TimeoutOption = 60.0,
) -> object:
    """Put the project on an Airflow and prove it is live.

    All of it goes live at once, or nothing does: a release is uploaded beside the one in service,
    and one small write makes it the live one. The same content again is not uploaded again.
    """
    from mlops_cli import presentation
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.deployment.deploy import deploy as run
    from mlops_cli.presentation.approval import approver
    from mlops_cli.project.loader import load

    return run(
        load(project),
        env,
        dry_run=dry_run,
        skip_checks=skip_checks,
        approve=approver(yes=yes),
        deadline_seconds=timeout,
        progress=presentation.progress(),
        clock=SystemClock(),
    )


def rollback(
    *,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
    to: Annotated[
        str | None, typer.Option("--to", metavar="RELEASE", help="By default the one before.")
    ] = None,
    timeout: TimeoutOption = 60.0,
) -> object:
    """Make an older release live again: one write, no upload."""
    from mlops_cli import presentation
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.deployment.rollback import rollback as run
    from mlops_cli.project.loader import load

    return run(
        load(project),
        env,
        to=to,
        deadline_seconds=timeout,
        progress=presentation.progress(),
        clock=SystemClock(),
    )


def releases(*, project: ProjectOption = Path(), env: EnvironmentOption = "local") -> object:
    """List the releases a project has in an environment."""
    from mlops_cli import presentation
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.deployment.rollback import releases as run
    from mlops_cli.project.loader import load

    return run(load(project), env, progress=presentation.progress(), clock=SystemClock())
