"""`mlops env`: the environments of `mlops.yaml`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .commands import command
from .options import ProjectOption  # noqa: TC001 -- Typer reads the annotations

NameArgument = Annotated[
    str,
    typer.Argument(metavar="NAME", envvar="MLOPS_ENV", help="The environment."),
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(name="env", no_args_is_help=True, help="The environments of `mlops.yaml`.")
    command(group, "list", epilog="Examples: `mlops env list` · `mlops env list --json`")(list_)
    command(group, epilog="Examples: `mlops env show staging` · `mlops env show staging --json`")(
        show
    )
    command(group, epilog="Examples: `mlops env check staging` · `mlops env check prod --json`")(
        check
    )
    command(
        group,
        epilog="Examples: `mlops env add staging` · `mlops env add prod --kind mwaa "
        "--set environment_name=acme-prod --set account=123456789012 --set region=eu-central-1`",
    )(add)
    app.add_typer(group, rich_help_panel="Environments")


def list_(*, project: ProjectOption = Path()) -> object:
    """List the environments of the project."""
    from mlops_cli.environments.listing import list_environments
    from mlops_cli.project.loader import load

    return list_environments(load(project))


def show(*, name: NameArgument = "local", project: ProjectOption = Path()) -> object:
    """Show each setting and where it comes from.

    What `mlops.yaml` says wins over the shell; nobody is asked anything, and no secret is read.
    """
    from mlops_cli.environments.listing import show_environment
    from mlops_cli.project.loader import load

    return show_environment(load(project), name)


def check(*, name: NameArgument = "local", project: ProjectOption = Path()) -> object:
    """Ask the live environment all a deploy needs.

    The same as `mlops doctor --env NAME`.
    """
    from mlops_cli import presentation
    from mlops_cli.checks.doctor import diagnose
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.project.loader import load

    return diagnose(load(project), name, progress=presentation.progress(), clock=SystemClock())


def add(
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it will be called.")],
    kind: Annotated[
        str | None, typer.Option(help="`local`, `airflow` or `mwaa`.", show_default=False)
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A key of it, such as `store.kind=s3`."),
    ] = None,
    project: ProjectOption = Path(),
) -> object:
    """Write an environment into `mlops.yaml`.

    On a terminal it asks for what is not given. Of a secret only the place is written, such as
    `env:NAME`.
    """
    from mlops_cli.presentation.interview import interviewer
    from mlops_cli.project.adding import add_environment

    return add_environment(project, name, kind=kind, settings=settings or (), ask=interviewer())
