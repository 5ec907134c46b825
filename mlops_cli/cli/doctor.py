"""`mlops doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .commands import command
from .options import EnvironmentOption, ProjectOption  # noqa: TC001 -- Typer reads the annotations

if TYPE_CHECKING:
    import typer

_EXAMPLES = """
Examples: `mlops doctor` · `mlops doctor --env staging --json`

Exit codes: 0 a deploy can work · 1 something is in its way, each with the command that mends it.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "doctor", panel="Environments", epilog=_EXAMPLES)(doctor)


def doctor(*, project: ProjectOption = Path(), env: EnvironmentOption = "local") -> object:
    """Ask a live environment all a deploy needs.

    Who we are there, what may be read, written, locked and deleted, whether Airflow answers, is
    the right version and has what the pipelines name. What is written to find out is deleted at
    once.
    """
    from mlops_cli import presentation
    from mlops_cli.checks.doctor import diagnose
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.project.loader import load

    return diagnose(load(project), env, progress=presentation.progress(), clock=SystemClock())
