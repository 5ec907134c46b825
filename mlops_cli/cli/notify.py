"""`mlops notify`: who is told of what."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from .commands import command
from .options import EnvironmentOption, ProjectOption  # noqa: TC001 -- Typer reads the annotations

_EXAMPLES = """
Examples: `mlops notify test` · `mlops notify test --to smtp --dry-run`

Exit codes: 0 each message was sent · 1 one was not · 4 the channel refuses our credentials ·
6 it does not answer.
"""


class Channel(StrEnum):
    """The ways there are."""

    SLACK_WEBHOOK = "slack-webhook"
    SLACK = "slack"
    SNS = "sns"
    SMTP = "smtp"
    SES = "ses"


class Occasion(StrEnum):
    """What people may be told of."""

    GATE_FAILED = "gate_failed"
    DRIFT = "drift"
    APPROVAL_WAITING = "approval_waiting"
    PROMOTED = "promoted"
    RUN_FAILED = "run_failed"
    DEADLINE_MISSED = "deadline_missed"


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(name="notify", no_args_is_help=True, help="Who is told of what.")
    command(group, "test", epilog=_EXAMPLES)(try_out)
    app.add_typer(group, rich_help_panel="Environments")


def try_out(
    *,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
    to: Annotated[Channel | None, typer.Option(help="Only by this way.")] = None,
    occasion: Annotated[
        Occasion | None, typer.Option(help="Only to those who are told of this.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the messages; send nothing.")
    ] = False,
) -> object:
    """Send a test message by each way of `notifications:`.

    The project's own code sends it in Airflow's interpreter, through the connections the local
    Airflow has: what arrives here arrives from a pipeline too.
    """
    from mlops_cli import presentation
    from mlops_cli.checks.notify import try_notifications
    from mlops_cli.project.loader import load

    return try_notifications(
        load(project),
        env,
        to=to.value if to else None,
        occasion=occasion.value if occasion else None,
        dry_run=dry_run,
        progress=presentation.progress(),
    )
