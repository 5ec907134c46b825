"""`mlops trigger`, `status`, `logs`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .commands import command
from .options import EnvironmentOption, ProjectOption  # noqa: TC001 -- Typer reads the annotations

_PANEL = "Run"

PipelineArgument = Annotated[str, typer.Argument(help="The pipeline, such as `training`.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(
        app,
        panel=_PANEL,
        epilog="Examples: `mlops trigger training` · "
        "`mlops trigger training --conf source=data/new.csv` · "
        "`mlops trigger training --no-follow --json`",
    )(trigger)
    command(app, panel=_PANEL, epilog="Examples: `mlops status` · `mlops status training --json`")(
        status
    )
    command(
        app, panel=_PANEL, epilog="Examples: `mlops logs training` · `mlops logs training evaluate`"
    )(logs)


def trigger(
    *,
    pipeline: PipelineArgument,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
    conf: Annotated[
        list[str] | None,
        typer.Option("--conf", help="`key=value`, `@file.json` or a JSON object; repeatable."),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Stay until the run has ended.")
    ] = True,
    run_id: Annotated[
        str | None,
        typer.Option("--run-id", help="Its id: given again, it is found, not started again."),
    ] = None,
    unpause: Annotated[bool, typer.Option("--unpause", help="Unpause the DAG first.")] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=1, help="Seconds to follow at most.")
    ] = None,
) -> object:
    """Run a pipeline and follow it; the exit code is the run's."""
    from mlops_cli import presentation
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.presentation.live import listener
    from mlops_cli.project.loader import load
    from mlops_cli.runs.trigger import trigger as run

    return run(
        load(project),
        pipeline,
        env,
        conf=conf or [],
        run_id=run_id,
        unpause=unpause,
        listener=listener() if follow else None,
        timeout_seconds=timeout,
        progress=presentation.progress(),
        clock=SystemClock(),
    )


def status(
    *,
    pipeline: Annotated[
        str | None, typer.Argument(help="One pipeline; by default all.", show_default=False)
    ] = None,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
) -> object:
    """Show the pipelines of an environment and their newest runs."""
    from mlops_cli import presentation
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.project.loader import load
    from mlops_cli.runs.status import status as run

    return run(load(project), pipeline, env, progress=presentation.progress(), clock=SystemClock())


def logs(
    *,
    pipeline: PipelineArgument,
    task: Annotated[
        str | None, typer.Argument(help="One task; by default all that ran.", show_default=False)
    ] = None,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
    run_id: Annotated[
        str | None, typer.Option("--run-id", help="By default the newest run.")
    ] = None,
) -> object:
    """Print what the tasks of a run said."""
    from mlops_cli import presentation
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.project.loader import load
    from mlops_cli.runs.logs import logs as run

    return run(
        load(project),
        pipeline,
        task,
        env,
        run_id=run_id,
        progress=presentation.progress(),
        clock=SystemClock(),
    )
