"""`mlops airflow`: the local Airflow of this user, and the MWAA to practise on."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from mlops_cli import presentation

from .commands import command

app = typer.Typer(no_args_is_help=True, help="Run an Airflow on this machine, without Docker.")


def register(root: typer.Typer) -> None:
    """Add the group to the root command."""
    root.add_typer(app, name="airflow", rich_help_panel="Environments")


class Emulated(StrEnum):
    """What can be emulated."""

    MWAA = "mwaa"


EmulateOption = Annotated[
    Emulated | None,
    typer.Option("--emulate", help="The laptop's Amazon MWAA, not the local Airflow."),
]


@command(
    app,
    epilog="Examples: `mlops airflow start`, then `mlops airflow open` · "
    "`mlops airflow start --emulate mwaa`, then `mlops deploy --env staging`",
)
def start(
    airflow_version: Annotated[
        str,
        typer.Option("--airflow", envvar="MLOPS_AIRFLOW", help="Major and minor version."),
    ] = "3.3",
    emulate: EmulateOption = None,
) -> object:
    """Start the local Airflow; one that runs already is fine.

    It runs in the background, listens on this machine only, and asks for a generated password.
    The first start builds its environment.

    With `--emulate mwaa` it is an Airflow of its own behind an Amazon MWAA on this machine: a
    versioned bucket, nodes that copy from it, the service and its logs, with no account. It shows
    the environment to write into `mlops.yaml`.
    """
    from mlops_cli.core.clock import SystemClock

    if emulate:
        from mlops_cli.environments.emulated import results as emulated

        return emulated.start(
            airflow_version, progress=presentation.progress(), clock=SystemClock()
        )
    from mlops_cli.environments.local import results

    return results.start(airflow_version, progress=presentation.progress(), clock=SystemClock())


@command(app, epilog="Example: `mlops airflow stop`")
def stop() -> object:
    """Stop the local Airflow and the emulated MWAA.

    Tasks that run have five seconds to end; the next start runs them again.
    """
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.environments.emulated import results

    return results.stop(progress=presentation.progress(), clock=SystemClock())


@command(app, epilog="Examples: `mlops airflow status` · `mlops airflow status --json`")
def status() -> object:
    """Show whether the local Airflow runs, and how it is.

    Exits 0 only when runs can be started now.
    """
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.environments.emulated import results

    return results.status(clock=SystemClock())


@command(app, "open", epilog="Examples: `mlops airflow open` · `mlops airflow open --no-browser`")
def open_ui(
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it, not only print where it is.")
    ] = True,
    emulate: EmulateOption = None,
) -> object:
    """Open the web interface, and show where it is."""
    from mlops_cli.environments.emulated import results as emulated
    from mlops_cli.environments.local import results
    from mlops_cli.presentation.output import is_terminal

    found = emulated.ui() if emulate else results.ui()
    if browser and is_terminal():
        typer.launch(found.url)
    return found


@command(app, epilog="Example: `mlops airflow logs scheduler --lines 100`")
def logs(
    component: Annotated[
        str | None,
        typer.Argument(
            help="supervisor, api, execution, scheduler, dag-processor or triggerer, and mwaa "
            "where it is emulated; all of them when left out.",
            show_default=False,
        ),
    ] = None,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many of each.")] = 20,
    emulate: EmulateOption = None,
) -> object:
    """Show the last lines of Airflow's own logs.

    The log of a task is `mlops logs PIPELINE TASK`.
    """
    from mlops_cli.environments.emulated import results as emulated
    from mlops_cli.environments.local import results

    told = emulated.logs if emulate else results.logs
    return told(component, count=lines)
