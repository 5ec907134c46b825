"""How the local Airflow's answers look."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from rich.text import Text

from .tables import add, clean, table

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_cli.environments.emulated.results import EmulatedStarted
    from mlops_cli.environments.local.results import (
        AirflowLogs,
        AirflowStarted,
        AirflowStatus,
        AirflowStopped,
        AirflowUi,
    )

_COLOURS = {"running": "green", "healthy": "green", "starting": "yellow", "stopped": "dim"}


def render_airflow_started(result: AirflowStarted, console: Console) -> None:
    """Say where it is and how to log in."""
    verb = "is running already" if result.was_running else "is running"
    console.print(Text(f"Airflow {clean(result.version)} {verb}", style="bold"))
    render_airflow_ui(result.ui, console)
    _line(console, "DAGs", result.dags_folder)


def render_emulated_started(result: EmulatedStarted, console: Console) -> None:
    """Say where it is, and how to use it."""
    verb = "is running already" if result.was_running else "is running"
    console.print(Text(f"An emulated MWAA {verb}, with Airflow {result.version}", style="bold"))
    render_airflow_ui(result.ui, console)
    _line(console, "Bucket", f"{result.bucket}, kept in {result.kept_in}")
    console.print("\nWrite this into `mlops.yaml`, then `mlops deploy --env staging`:\n")
    console.print(Text(result.section), soft_wrap=True)
    console.print("Only for other AWS tools, such as `aws s3 ls`:\n")
    for name, value in result.shell.items():
        console.print(Text(f"export {name}={shlex.quote(clean(value))}"), soft_wrap=True)


def render_airflow_stopped(result: AirflowStopped, console: Console) -> None:
    """Say that it is gone."""
    if result.emulated:
        console.print("The emulated MWAA is stopped; what is in its bucket is kept")
    if result.was_running or not result.emulated:
        console.print("Airflow is stopped" if result.was_running else "Airflow was not running")
    if result.killed:
        console.print(f"{result.killed} processes did not end by themselves and were killed")


def render_airflow_status(result: AirflowStatus, console: Console) -> None:
    """Say what is there, then each component; then the same of the emulated MWAA."""
    if result.state != "stopped" or result.emulated is None:
        _render_status("Airflow ", result, console)
    if result.emulated is not None:
        _render_status("An emulated MWAA with Airflow ", result.emulated, console)


def _render_status(title: str, result: AirflowStatus, console: Console) -> None:
    text = Text(title)
    if result.version:
        text.append(f"{clean(result.version)} ")
    text.append("is ")
    text.append(result.state, style=_COLOURS.get(result.state, "red"))
    console.print(text)
    if result.ui:
        render_airflow_ui(result.ui, console)
    if result.components:
        made = table("component", "state")
        for name, state in result.components.items():
            add(made, (name, Text(clean(state), style=_COLOURS.get(state, "red"))))
        console.print(made)


def render_airflow_ui(result: AirflowUi, console: Console) -> None:
    """Say where the web interface is and how to log in."""
    _line(console, "URL", result.url)
    _line(console, "User", result.username)
    _line(console, "Password", f"in {result.password_file}")


def render_airflow_logs(result: AirflowLogs, console: Console) -> None:
    """Print the lines below their component's name."""
    for name, lines in result.lines.items():
        console.print(Text(f"── {name}", style="bold"))
        for line in lines:
            console.print(Text(clean(line)), soft_wrap=True)
    if not result.lines:
        console.print("No logs: Airflow was never started here")


def _line(console: Console, label: str, value: object) -> None:
    console.print(Text(f"  {label:<9} {clean(value)}"), soft_wrap=True)
