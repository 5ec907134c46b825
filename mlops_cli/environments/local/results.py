"""What the commands on the local Airflow answer."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_cli.core.errors import MlopsError, UnavailableError, UsageError
from mlops_cli.core.exits import Exit
from mlops_cli.core.redact import printable

from . import instance
from .configuration import USERNAME, local_home, log_files
from .leftovers import is_locked

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress

    from .configuration import Home
    from .instance import Instance


@dataclass(frozen=True, slots=True)
class AirflowUi:
    """Where the local Airflow is and how to log in."""

    url: str
    username: str
    password_file: Path


@dataclass(frozen=True, slots=True)
class AirflowStarted:
    """The local Airflow runs."""

    ui: AirflowUi
    version: str
    dags_folder: Path
    was_running: bool


@dataclass(frozen=True, slots=True)
class AirflowStopped:
    """The local Airflow does not run any more."""

    home: Path
    was_running: bool
    killed: int
    """How many processes did not end by themselves."""
    emulated: bool = False
    """An emulated MWAA was running, and is stopped too."""


@dataclass(frozen=True, slots=True)
class AirflowStatus:
    """What is there now; `state` is `running`, `starting`, `unhealthy` or `stopped`."""

    state: str
    home: Path
    version: str | None = None
    ui: AirflowUi | None = None
    started: datetime | None = None
    pid: int | None = None
    components: Mapping[str, str] | None = None
    emulated: AirflowStatus | None = None
    """The emulated MWAA, where one runs."""

    @property
    def exit_code(self) -> Exit:
        """Done only when runs can be started now, in everything that was started."""
        states = [self.state] if self.emulated is None else [self.state, self.emulated.state]
        started = [state for state in states if state != "stopped"]
        return Exit.DONE if started and set(started) == {"running"} else Exit.NO


@dataclass(frozen=True, slots=True)
class AirflowLogs:
    """The last lines of each component's log."""

    lines: Mapping[str, tuple[str, ...]]
    folder: Path


def start(version: str, *, progress: Progress, clock: Clock) -> AirflowStarted:
    """Start the local Airflow, or find it running.

    Raises:
        MlopsError: As `instance.start`.
    """
    running = instance.start(version, progress=progress, clock=clock)
    return AirflowStarted(ui_of(running), running.version, running.home.dags, running.was_running)


def stop(*, progress: Progress, clock: Clock) -> AirflowStopped:
    """Stop the local Airflow and all it started.

    Raises:
        UnfinishedError: Some of its processes could not be killed.
    """
    with progress.step("Stopping Airflow"):
        was_running, killed = instance.stop(clock=clock)
    return AirflowStopped(local_home().root, was_running, killed)


def status(home: Home | None = None, *, clock: Clock) -> AirflowStatus:
    """What is there now, and how its components are."""
    home = home or local_home()
    running = instance.find_running(home)
    if running is None:
        state = "starting" if is_locked(home) else "stopped"
        return AirflowStatus(state, home.root)
    version, components = None, None
    try:
        state = "starting"
        if instance.executes(running):
            api = running.api(clock=clock)
            components, version = api.health(), api.version()
            state = "running" if set(components.values()) <= {"healthy"} else "unhealthy"
    except MlopsError:
        state = "unhealthy"
    return AirflowStatus(
        state=state,
        home=home.root,
        version=version or running.version,
        ui=ui_of(running),
        started=running.started,
        pid=running.pid,
        components=components,
    )


def ui() -> AirflowUi:
    """Where the web interface is.

    Raises:
        UnavailableError: It is not running.
    """
    running = instance.find_running()
    if running is None:
        raise UnavailableError(
            "Could not open Airflow: the local Airflow is not running",
            hint="Start it with `mlops airflow start`",
        )
    return ui_of(running)


def logs(component: str | None, *, count: int, home: Home | None = None) -> AirflowLogs:
    """The last lines of one component's log, or of all.

    Raises:
        UsageError: There is no such component, or no log yet.
    """
    home = home or local_home()
    files = log_files(home)
    if component is not None and component not in files:
        names = ", ".join(f"`{name}`" for name in files)
        raise UsageError(
            f"Could not show the log of `{component}`: "
            + (f"the components are {names}" if names else "Airflow was never started here"),
            hint=None if names else "Start it with `mlops airflow start`",
        )
    chosen = files if component is None else {component: files[component]}
    return AirflowLogs({name: _tail(path, count) for name, path in chosen.items()}, home.logs)


def ui_of(running: Instance) -> AirflowUi:
    """Where its web interface is."""
    return AirflowUi(running.url, USERNAME, running.home.password_file)


def _tail(path: Path, count: int) -> tuple[str, ...]:
    with path.open(errors="replace") as file:
        return tuple(printable(line.rstrip("\n")) for line in deque(file, maxlen=count))
