"""`mlops schema`: the JSON Schema of `mlops.yaml`, for editors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .commands import command

if TYPE_CHECKING:
    import typer

    from mlops_cli.project.schema import JsonSchema


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(
        app, "schema", epilog="Example: `mkdir -p .mlops && mlops schema > .mlops/schema.json`"
    )(schema)


def schema() -> JsonSchema:
    """Print the JSON Schema of `mlops.yaml`, for editors."""
    from mlops_cli.project.schema import JsonSchema, json_schema

    return JsonSchema(json_schema())
