"""`mlops trigger`, `status`, `logs`, `open`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .commands import command
from .options import EnvironmentOption, ProjectOption  # noqa: TC001 -- Typer reads the annotations

_PANEL = "Run"

PipelineArgument = Annotated[str, typer.Argument(help="The pipeline, such as `training`.")]
TimeoutOption = Annotated[
    float | None, typer.Option("--timeout", min=1, help="Seconds to follow at most; then exit 7.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    command(
        app,
        panel=_PANEL,
        epilog="Examples: `mlops trigger training` · "
        "`mlops trigger training --conf source=/data/new.csv` · "
        "`mlops trigger training --no-follow --json` · "
        "`mlops trigger training --task fit` · "
        "`mlops trigger inference --input new.csv` · "
        "`mlops trigger inference --from 2026-01-01 --to 2026-01-31` · "
        "`mlops trigger --asset new_customers`",
    )(trigger)
    command(app, panel=_PANEL, epilog="Examples: `mlops status` · `mlops status training --json`")(
        status
    )
    command(
        app,
        panel=_PANEL,
        epilog="Examples: `mlops logs training` · `mlops logs training evaluate` · "
        "`mlops logs training --follow`",
    )(logs)
    command(
        app,
        "open",
        panel=_PANEL,
        epilog="Examples: `mlops open` · `mlops open training --env staging` · "
        "`mlops open training --print`",
    )(open_page)


def trigger(
    *,
    pipeline: Annotated[
        str | None,
        typer.Argument(help="The pipeline, such as `training`.", show_default=False),
    ] = None,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
    conf: Annotated[
        list[str] | None,
        typer.Option("--conf", help="`key=value`, `@file.json` or a JSON object; repeatable."),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(
            "--input", metavar="URI", help="The rows to predict: a file, or its URI (inference)."
        ),
    ] = None,
    partition: Annotated[
        str | None,
        typer.Option(
            "--partition",
            metavar="NAME",
            help="What their predictions are published as; alone, its rows once more.",
        ),
    ] = None,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Stay until the run has ended.")
    ] = True,
    run_id: Annotated[
        str | None,
        typer.Option("--run-id", help="Its id: given again, it is found, not started again."),
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(
            "--task",
            help="Run this task of the newest run, or of `--run-id`, again, and all after it; "
            "repeatable.",
        ),
    ] = None,
    begin: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="DATE",
            help="First date, with `--to`: a run for each date of the schedule that is missing or "
            "failed, or for each day's partition.",
        ),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="DATE",
            help="Last date, itself included.",
        ),
    ] = None,
    asset: Annotated[
        str | None,
        typer.Option("--asset", metavar="NAME", help="Say that an asset is new, instead."),
    ] = None,
    unpause: Annotated[bool, typer.Option("--unpause", help="Unpause the DAG first.")] = False,
    any_release: Annotated[
        bool,
        typer.Option("--any-release", help="Run what is live, even if it was not deployed last."),
    ] = False,
    timeout: TimeoutOption = None,
) -> object:
    """Run a pipeline and follow it; the exit code is the run's.

    Ctrl-C ends the following, not the run.
    """
    from mlops_cli import presentation
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.presentation.live import listener
    from mlops_cli.project.loader import load
    from mlops_cli.runs.launch import Request, launch

    request = Request(
        pipeline=pipeline,
        environment=env,
        conf=tuple(conf or ()),
        run_id=run_id,
        tasks=tuple(task or ()),
        begin=begin,
        end=end,
        asset=asset,
        rows=rows,
        partition=partition,
        unpause=unpause,
        any_release=any_release,
        timeout_seconds=timeout,
    )
    return launch(
        load(project),
        request,
        listener=listener() if follow else None,
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
    follow: Annotated[
        bool,
        typer.Option(
            "--follow",
            "-f",
            help="Go on until the run, or the task, has ended; exit with its code.",
        ),
    ] = False,
    timeout: TimeoutOption = None,
) -> object:
    """Print what the tasks of a run said."""
    from mlops_cli import presentation
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.presentation.live import log_listener
    from mlops_cli.project.loader import load
    from mlops_cli.runs.logs import logs as run

    return run(
        load(project),
        pipeline,
        task,
        env,
        run_id=run_id,
        listener=log_listener() if follow else None,
        timeout_seconds=timeout,
        progress=presentation.progress(),
        clock=SystemClock(),
    )


def open_page(
    *,
    pipeline: Annotated[
        str | None, typer.Argument(help="One pipeline; by default all DAGs.", show_default=False)
    ] = None,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
    run_id: Annotated[str | None, typer.Option("--run-id", help="One of its runs.")] = None,
    only_print: Annotated[
        bool, typer.Option("--print", help="Only print where it is; open no browser.")
    ] = False,
) -> object:
    """Open a pipeline's page in the browser."""
    from mlops_cli import presentation
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.presentation.output import is_terminal
    from mlops_cli.project.loader import load
    from mlops_cli.runs.visit import page

    found = page(
        load(project),
        pipeline,
        env,
        run_id=run_id,
        progress=presentation.progress(),
        clock=SystemClock(),
    )
    if not only_print and is_terminal():
        typer.launch(found.url)
    return found
