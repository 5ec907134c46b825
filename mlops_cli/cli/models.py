"""`mlops models`: `list`, `show`, `compare`, `history`, `card`, `ui`; changes are beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import model_changes
from .commands import command
from .options import EnvironmentOption, ProjectOption  # noqa: TC001 -- Typer reads the annotations

NameArgument = Annotated[
    str | None, typer.Argument(help="The model; by default the project's.", show_default=False)
]


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
    command(
        models,
        epilog="Examples: `mlops models compare churn 3 4` · "
        "`mlops models compare churn 3 4 --html compared.html`",
    )(compare)
    command(
        models,
        epilog="Examples: `mlops models history` · `mlops models history churn --at 2026-09-01` · "
        "`mlops models history churn --version 3 --json`",
    )(history)
    command(
        models,
        epilog="Examples: `mlops models card` · "
        "`mlops models card churn --version 3 --output CARD.md`",
    )(card)
    model_changes.register(models)
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
    name: NameArgument = None,
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


def compare(
    *,
    name: Annotated[str, typer.Argument(help="The model.")],
    first: Annotated[int, typer.Argument(min=1, help="A version.")],
    second: Annotated[int, typer.Argument(min=1, help="Another one.")],
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", dir_okay=False, help="Write a page with plots there."
        ),
    ] = None,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
) -> object:
    """Put two versions side by side, as tables and as a page."""
    from mlops_cli import presentation
    from mlops_cli.models.compare import compare as run
    from mlops_cli.project.loader import load

    return run(load(project), name, first, second, env, html=html, progress=presentation.progress())


def history(
    *,
    name: NameArgument = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="WHEN", help="Only what served on that day, or at that time."),
    ] = None,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="All that happened to this version.")
    ] = None,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
) -> object:
    """Tell which version served when, and why.

    A passport in which a line was changed or taken out is shown, with exit code 1.
    """
    from mlops_cli.models.history import history as run
    from mlops_cli.project.loader import load

    return run(load(project), name, env, version=version, at=at)


def card(
    *,
    name: NameArgument = None,
    version: Annotated[
        int | None,
        typer.Option("--version", min=1, help="By default the champion.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", dir_okay=False, help="Write it there."),
    ] = None,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
) -> object:
    """Write the model card of a version, in Markdown."""
    from mlops_cli import presentation
    from mlops_cli.models.card import card as run
    from mlops_cli.project.loader import load

    return run(
        load(project), name, env, version=version, output=output, progress=presentation.progress()
    )


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
