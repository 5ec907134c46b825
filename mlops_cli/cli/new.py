"""`mlops new`: a project from a template."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlops_cli import presentation

from .commands import command

_DATA = "The data"
_ANSWERS = "Answers"


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "new", panel="Project", epilog=_EXAMPLES)(new)


_EXAMPLES = (
    "Examples: `mlops new iris --defaults` · "
    "`mlops new churn --data customers.csv --target left --owner marketing`"
)


def _list_templates(*, value: bool) -> None:
    if value:
        from mlops_cli import templates

        raise typer.Exit(presentation.show(templates.templates()))


def new(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="Lower-case letters, digits and `_`; its folder, package and id."
        ),
    ],
    *,
    template: Annotated[str, typer.Option(help="Which template.")] = "tabular",
    into: Annotated[
        Path, typer.Option(help="Where the project's folder is made.", show_default="here")
    ] = Path(),
    data: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="A CSV or Parquet file the project is fitted to.",
            rich_help_panel=_DATA,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="The column to predict.", rich_help_panel=_DATA),
    ] = None,
    task: Annotated[
        str | None,
        typer.Option(
            metavar="classification|regression",
            help="By default inferred from the column.",
            rich_help_panel=_DATA,
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The column that names a row: labels that come later are joined on it.",
            rich_help_panel=_DATA,
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="The column with a row's date: predictions are kept by day.",
            rich_help_panel=_DATA,
        ),
    ] = None,
    owner: Annotated[
        str | None,
        typer.Option(help="Who looks after the model.", rich_help_panel=_ANSWERS),
    ] = None,
    description: Annotated[
        str | None,
        typer.Option(help="What the model is for.", rich_help_panel=_ANSWERS),
    ] = None,
    quality: Annotated[
        str | None,
        typer.Option(
            metavar="local|glue|great-expectations|soda",
            help="What runs the quality gates in a second environment.",
            rich_help_panel=_ANSWERS,
        ),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Answers as YAML or JSON: question to answer.",
            rich_help_panel=_ANSWERS,
        ),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="QUESTION=VALUE",
            help="One more answer, the value as in YAML.",
            rich_help_panel=_ANSWERS,
        ),
    ] = None,
    defaults: Annotated[
        bool,
        typer.Option(
            "--defaults", help="Ask nothing; take the defaults.", rich_help_panel=_ANSWERS
        ),
    ] = False,
    git: Annotated[
        bool, typer.Option("--git/--no-git", help="Start a git repository with one commit.")
    ] = True,
    list_templates: Annotated[  # noqa: ARG001 -- its callback has shown them already
        bool,
        typer.Option(
            "--list-templates",
            is_eager=True,
            callback=lambda value: _list_templates(value=value),
            help="Show the templates.",
        ),
    ] = False,
) -> object:
    """Write a new project: all of it, or nothing.

    Without `--data` it is a complete example on scikit-learn's Iris. With `--data` and `--target`
    the columns, the task, the rules for the raw data and the models to try follow from the file.
    """
    from mlops_cli import templates

    progress = presentation.progress()
    wanted = templates.prepare(
        name,
        data=data,
        target=target,
        task=task,
        key=key,
        time=time,
        owner=owner,
        description=description,
        quality=quality,
        file=answers,
        settings=settings or (),
        git=git,
        ask=None
        if defaults or presentation.output.as_json() or not presentation.output.is_terminal()
        else presentation.output.ask,
        progress=progress,
    )
    return templates.create(name, template=template, into=into, answers=wanted, progress=progress)
