"""`mlops models list`, `show`, `ui`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .commands import command
from .options import EnvironmentOption, ProjectOption  # noqa: TC001 -- Typer reads the annotations


def register(app: typer.Typer) -> None:
    """Add the group."""
    models = typer.Typer(
        name="models", no_args_is_help=True, help="What is registered, and who is champion."
    )
    command(models, "list", epilog="Examples: `mlops models list` · `mlops models list --json`")(
        list_
    )
    command(
        models,
        epilog="Examples: `mlops models show churn` · `mlops models show churn --version 2`",
    )(show)
    command(models, epilog="Examples: `mlops models ui` · `mlops models ui --port 5000`")(ui)
    app.add_typer(models, rich_help_panel="Run")


def list_(*, project: ProjectOption = Path(), env: EnvironmentOption = "local") -> object:
    """List all registered models."""
    from mlops_cli import presentation
    from mlops_cli.models.registry import list_models
    from mlops_cli.project.loader import load

    return list_models(load(project), env, progress=presentation.progress())


def show(
    *,
    name: Annotated[
        str | None,
        typer.Argument(help="The model; by default the project's.", show_default=False),
    ] = None,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="Only this version.")
    ] = None,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
) -> object:
    """Show a model's versions: metrics, states, alias."""
    from mlops_cli import presentation
    from mlops_cli.models.registry import show_model
    from mlops_cli.project.loader import load

    return show_model(load(project), name, env, version=version, progress=presentation.progress())


def ui(
    *,
    project: ProjectOption = Path(),
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="By default a free one.")
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open it in the browser.")
    ] = True,
) -> object:
    """Serve MLflow's own interface on this machine until Ctrl-C."""
    from mlops_cli import presentation
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.models.ui import serve
    from mlops_cli.presentation.output import is_terminal
    from mlops_cli.project.loader import load

    return serve(
        load(project),
        port=port,
        opened=lambda url: typer.launch(url) if browser and is_terminal() else 0,
        progress=presentation.progress(),
        clock=SystemClock(),
    )
