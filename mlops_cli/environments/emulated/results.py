"""What the commands on the emulated MWAA answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from mlops_cli.core.errors import UnavailableError
from mlops_cli.environments.local import results as local

from . import instance, places

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.local.instance import Instance
    from mlops_cli.environments.local.results import (
        AirflowLogs,
        AirflowStatus,
        AirflowStopped,
        AirflowUi,
    )

SECTION = f"""\
environments:
  staging:
    kind: mwaa
    environment_name: {places.NAME}
    account: "{places.ACCOUNT}"
    region: {places.REGION}
    profile: {places.PROFILE}
"""
"""For `mlops.yaml`: nothing has to be exported."""


@dataclass(frozen=True, slots=True)
class EmulatedStarted:
    """The emulated MWAA runs."""

    ui: AirflowUi
    version: str
    bucket: str
    kept_in: Path
    """The bucket's content, as files."""
    was_running: bool
    section: str
    """What to write into `mlops.yaml`."""
    shell: Mapping[str, str]
    """What to export for other AWS tools; `mlops` needs none of it."""


def start(version: str, *, progress: Progress, clock: Clock) -> EmulatedStarted:
    """Start it, or find it running.

    Raises:
        MlopsError: As `instance.start`.
    """
    running = instance.start(version, progress=progress, clock=clock)
    return EmulatedStarted(
        ui=local.ui_of(running),
        version=running.version,
        bucket=places.BUCKET,
        kept_in=places.kept_bucket(running.home),
        was_running=running.was_running,
        section=SECTION,
        shell=places.shell_variables(running.home),
    )


def stop(*, progress: Progress, clock: Clock) -> AirflowStopped:
    """Stop whatever of ours runs: the local Airflow and the emulated MWAA.

    Raises:
        UnfinishedError: Some of the processes could not be killed.
    """
    home = places.emulated_home()
    if not home.root.exists():
        return local.stop(progress=progress, clock=clock)
    with progress.step("Stopping the emulated MWAA"):
        emulated, killed = instance.stop(clock=clock)
    stopped = local.stop(progress=progress, clock=clock)
    return replace(stopped, emulated=emulated, killed=stopped.killed + killed)


def status(*, clock: Clock) -> AirflowStatus:
    """What runs: the local Airflow, and the emulated MWAA if that does."""
    home = places.emulated_home()
    emulated = local.status(home, clock=clock) if home.root.exists() else None
    if emulated is None or emulated.state == "stopped":
        return local.status(clock=clock)
    running = instance.find_running()
    if emulated.state == "running" and not (running and instance.is_ready(running)):
        emulated = replace(emulated, state="starting")
    return replace(local.status(clock=clock), emulated=emulated)


def ui() -> AirflowUi:
    """Where its web interface is.

    Raises:
        UnavailableError: It is not running.
    """
    return local.ui_of(_running())


def logs(component: str | None, *, count: int) -> AirflowLogs:
    """The last lines of one component's log, or of all.

    Raises:
        UsageError: There is no such component, or no log yet.
    """
    return local.logs(component, count=count, home=places.emulated_home())


def _running() -> Instance:
    running = instance.find_running()
    if running is None:
        raise UnavailableError(
            "Could not open the emulated MWAA: it is not running",
            hint="Start it: `mlops airflow start --emulate mwaa`",
        )
    return running
