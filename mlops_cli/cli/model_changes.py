"""`mlops models approve`, `reject`, `promote`, `rollback`, `archive`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .commands import command
from .options import (  # noqa: TC001 -- Typer reads the annotations
    EnvironmentOption,
    ProjectOption,
    YesOption,
)

if TYPE_CHECKING:
    from mlops_cli.models.change import Action

ModelArgument = Annotated[str, typer.Argument(help="The model.")]
VersionArgument = Annotated[int, typer.Argument(min=1, help="The version.")]
WhyOption = Annotated[
    str, typer.Option("--reason", "-r", help="Why; it is kept.", show_default=False)
]
FollowOption = Annotated[
    bool, typer.Option("--follow/--no-follow", help="Stay until the run has ended.")
]
TimeoutOption = Annotated[
    float | None, typer.Option("--timeout", min=1, help="Seconds to follow at most; then exit 7.")
]
EventOption = Annotated[
    bool,
    typer.Option("--event/--no-event", help="Tell Airflow, so that what waits for a model runs."),
]


def register(models: typer.Typer) -> None:
    """Add the commands to the group."""
    command(
        models,
        epilog='Examples: `mlops models approve churn 10 --reason "better on new customers"` · '
        "`mlops models approve churn 10 --follow`",
    )(approve)
    command(
        models, epilog='Examples: `mlops models reject churn 10 --reason "unfair to the young"`'
    )(reject)
    command(models, epilog="Examples: `mlops models promote churn 9 --env prod --yes`")(promote)
    command(
        models,
        epilog='Examples: `mlops models rollback churn --reason "too many false alarms"` · '
        '`mlops models rollback churn --to 7 --reason "the last good one"`',
    )(rollback)
    command(models, epilog="Examples: `mlops models archive churn 3`")(archive)


def approve(
    *,
    name: ModelArgument,
    version: VersionArgument,
    reason: WhyOption = "",
    follow: FollowOption = False,
    timeout: TimeoutOption = None,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
) -> object:
    """Let a version serve that a training run waits with.

    The run waits in Airflow; with `--follow` the exit code is the run's.
    """
    return _answer(
        project, name, version, env, approved=True, reason=reason, follow=follow, timeout=timeout
    )


def reject(
    *,
    name: ModelArgument,
    version: VersionArgument,
    reason: WhyOption,
    follow: FollowOption = False,
    timeout: TimeoutOption = None,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
) -> object:
    """Turn down a version that a training run waits with.

    The run then fails, and what is in service stays there.
    """
    return _answer(
        project, name, version, env, approved=False, reason=reason, follow=follow, timeout=timeout
    )


def promote(
    *,
    name: ModelArgument,
    version: VersionArgument,
    reason: WhyOption = "",
    event: EventOption = True,
    yes: YesOption = False,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
) -> object:
    """Make an approved version the champion."""
    return _change(project, "promote", name, version, env, reason=reason, event=event, yes=yes)


def rollback(
    *,
    name: Annotated[
        str | None,
        typer.Argument(help="The model; by default the project's.", show_default=False),
    ] = None,
    reason: WhyOption,
    to: Annotated[
        int | None,
        typer.Option(
            "--to",
            min=1,
            metavar="VERSION",
            help="By default the one that served before.",
            show_default=False,
        ),
    ] = None,
    event: EventOption = True,
    yes: YesOption = False,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
) -> object:
    """Make the version that served before champion again."""
    return _change(project, "rollback", name, to, env, reason=reason, event=event, yes=yes)


def archive(
    *,
    name: ModelArgument,
    version: VersionArgument,
    reason: WhyOption = "",
    yes: YesOption = False,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
) -> object:
    """Take a version out of what can be promoted."""
    return _change(project, "archive", name, version, env, reason=reason, event=False, yes=yes)


def _answer(
    project: Path,
    name: str,
    version: int,
    env: str,
    *,
    approved: bool,
    reason: str,
    follow: bool,
    timeout: float | None,
) -> object:
    from mlops_cli import presentation
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.models.approval import answer
    from mlops_cli.presentation.live import listener
    from mlops_cli.project.loader import load

    return answer(
        load(project),
        name,
        version,
        env,
        approved=approved,
        reason=reason,
        listener=listener() if follow else None,
        timeout_seconds=timeout,
        progress=presentation.progress(),
        clock=SystemClock(),
    )


def _change(
    project: Path,
    action: Action,
    name: str | None,
    version: int | None,
    env: str,
    *,
    reason: str,
    event: bool,
    yes: bool,
) -> object:
    from mlops_cli import presentation
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.models.change import change
    from mlops_cli.presentation.approval import model_changer
    from mlops_cli.project.loader import load

    return change(
        load(project),
        action,
        name,
        version,
        env,
        reason=reason,
        tell=event,
        approve=model_changer(yes=yes),
        progress=presentation.progress(),
        clock=SystemClock(),
    )
