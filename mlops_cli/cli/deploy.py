"""`mlops deploy`, `rollback`, `releases`, `destroy`, `unlock`."""

from __future__ import annotations

from enum import StrEnum
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
    float | None,
    typer.Option(
        "--timeout",
        min=1,
        help="Seconds Airflow may take to show the release: 60 where it is local, else 600.",
        show_default=False,
    ),
]


class WhenRunning(StrEnum):
    """What to do about runs in flight."""

    fail = "fail"
    wait = "wait"
    allow = "allow"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(
        app,
        panel=_PANEL,
        epilog="Examples: `mlops deploy --dry-run` · `mlops deploy --env prod --from staging`",
    )(deploy)
    command(
        app,
        panel=_PANEL,
        epilog="Examples: `mlops rollback` · `mlops rollback --to 20260301T120000Z-0123456789ab`",
    )(rollback)
    command(app, panel=_PANEL, epilog="Examples: `mlops releases` · `mlops releases --json`")(
        releases
    )
    command(
        app,
        panel=_PANEL,
        epilog="Examples: `mlops destroy --env staging` · `mlops destroy --env dev --history`",
    )(destroy)
    command(
        app, panel=_PANEL, epilog="Examples: `mlops unlock` · `mlops unlock --env staging --yes`"
    )(unlock)


def deploy(
    *,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan; change nothing.")
    ] = False,
    plan_out: Annotated[
        Path | None,
        typer.Option(
            "--plan-out", metavar="FILE", dir_okay=False, help="Keep the plan; change nothing."
        ),
    ] = None,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan", metavar="FILE", dir_okay=False, help="Deploy a kept plan, or nothing."
        ),
    ] = None,
    promote_from: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="ENV", help="Deploy what is live there instead of the working tree."
        ),
    ] = None,
    when_running: Annotated[
        WhenRunning | None,
        typer.Option(
            "--when-running",
            help="While runs are in flight: refuse, wait, or go on. By default as in `mlops.yaml`.",
            show_default=False,
        ),
    ] = None,
    rollback_on_failure: Annotated[
        bool | None,
        typer.Option(
            "--rollback-on-failure/--no-rollback-on-failure",
            help="Take back what Airflow cannot import; by default where local or protected.",
            show_default=False,
        ),
    ] = None,
    with_environment: Annotated[
        bool,
        typer.Option(
            "--with-environment", help="Amazon MWAA: first install what `mwaa/` says (slow)."
        ),
    ] = False,
    skip_checks: Annotated[
        bool, typer.Option("--skip-checks", help="Do not run `mlops validate` first.")
    ] = False,
    yes: YesOption = False,
    timeout: TimeoutOption = None,
) -> object:
    """Put the project on an Airflow and prove it is live.

    All of it goes live at once, or nothing does: a release is uploaded beside the one in service,
    and one small write makes it the live one. The same content again is not uploaded again.
    """
    from mlops_cli import presentation
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.deployment.deploy import Options
    from mlops_cli.deployment.deploy import deploy as run
    from mlops_cli.presentation.approval import approver
    from mlops_cli.project.loader import load

    return run(
        load(project),
        env,
        options=Options(
            dry_run=dry_run,
            skip_checks=skip_checks,
            plan_from=plan,
            plan_to=plan_out,
            promote_from=promote_from,
            when_running=when_running.value if when_running else None,
            rollback_on_failure=rollback_on_failure,
            with_environment=with_environment,
            deadline_seconds=timeout,
        ),
        approve=approver(yes=yes),
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
    timeout: TimeoutOption = None,
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


def destroy(
    *,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
    history: Annotated[
        bool, typer.Option("--history", help="Delete the history of deploys, too.")
    ] = False,
    yes: YesOption = False,
) -> object:
    """Take the project out of an environment.

    Its DAGs are paused, and its releases deleted; runs and models stay where they are.
    """
    from mlops_cli import presentation
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.deployment.destroy import destroy as run
    from mlops_cli.presentation.approval import destroyer
    from mlops_cli.project.loader import load

    return run(
        load(project),
        env,
        history=history,
        approve=destroyer(yes=yes),
        progress=presentation.progress(),
        clock=SystemClock(),
    )


def unlock(
    *,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
    yes: YesOption = False,
) -> object:
    """Break the lock of a deploy, after showing whose it is.

    A lock whose holder is dead goes by itself; what the holder writes next is refused.
    """
    from mlops_cli import presentation
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.deployment.destroy import unlock as run
    from mlops_cli.presentation.approval import unlocker
    from mlops_cli.project.loader import load

    return run(
        load(project),
        env,
        approve=unlocker(yes=yes),
        progress=presentation.progress(),
        clock=SystemClock(),
    )
