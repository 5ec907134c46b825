"""Which model a command means."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_cli.core.errors import UsageError
from mlops_cli.core.redact import printable

if TYPE_CHECKING:
    from mlops_cli.project.model import Project


def own_model(project: Project, name: str | None) -> str:
    """The name of the project's model, when it is the one that is meant.

    Args:
        project: The project, within its environment.
        name: What was typed; None is the project's own.

    Raises:
        UsageError: It is another project's: its passport and its pipelines are not known here.
    """
    if name in (None, project.name):
        return project.name
    raise UsageError(
        f"Could not use the model `{printable(str(name))}`: this project's is `{project.name}`",
        hint="Go into the project it belongs to, or name that with `--project DIR`",
    )
