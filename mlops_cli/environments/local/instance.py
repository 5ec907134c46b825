"""Starts, finds and stops a local Airflow: the one of this user, or one in another home."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import (
    ConflictError,
    NotAllowedError,
    UnavailableError,
    UnfinishedError,
)
from mlops_cli.core.processes import child_environment
from mlops_cli.environments.interpreters import DEFAULT_AIRFLOW, airflow_interpreter
from mlops_cli.project.paths import cache_dir, data_dir

from . import supervisor
from .configuration import (
    USERNAME,
    Home,
    last_port,
    local_home,
    log_files,
    prepare,
    read_password,
)
from .leftovers import MARK, is_locked, kill_leftovers, members, take_lock

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.core.redact import Secret
    from mlops_cli.environments.apis.rest import RestApi

START_SECONDS: Final = 180.0
STOP_SECONDS: Final = 20.0
PREFERRED_PORT: Final = 8080

_POLL_SECONDS: Final = 0.1
_KEPT_SETTINGS: Final = ("AIRFLOW_CONN_", "AIRFLOW_VAR_")


@dataclass(frozen=True, slots=True)
class Instance:
    """A local Airflow that was started and has not ended."""

    home: Home
    version: str
    pid: int
    port: int
    execution_port: int
    started: datetime
    password: Secret
    was_running: bool = True
    """Found, not started by this call."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """Of its companion, by name."""

    @property
    def url(self) -> str:
        """Where the web interface and the API are."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def username(self) -> str:
        """Who may log in; the password is in `home.password_file`."""
        return USERNAME

    def api(self, *, clock: Clock) -> RestApi:
        """Its API, logged in as its only user."""
        from mlops_cli.environments.apis.rest import connect

        return connect(self.url, username=self.username, password=self.password, clock=clock)


@dataclass(frozen=True, slots=True)
class Companion:
    """A program that runs beside an Airflow, and the two end together."""

    name: str
    argv: Sequence[str]
    """It gets one more argument for each port: the descriptor of a socket that listens."""
    ports: Mapping[str, int]
    """Names to the ports it would like best; 0 is any."""
    environment: Mapping[str, str]
    """What it and Airflow get besides; nothing else that begins with `AWS_`."""


def start(
    version: str = DEFAULT_AIRFLOW,
    *,
    home: Home | None = None,
    companion: Companion | None = None,
    progress: Progress,
    clock: Clock,
) -> Instance:
    """Start the local Airflow, or find the one that runs, and wait until it can run tasks.

    Args:
        version: Major and minor.
        home: Another home than that of the one local Airflow.
        companion: A program to run beside it.
        progress: Told what is built and started.
        clock: For waiting.

    Raises:
        ConflictError: Another Airflow version is running.
        ProjectError: There is no such managed version.
        UnavailableError: It could not be built, or ended while starting; its log is named.
        UnfinishedError: It did not become ready in time.
    """
    home = home or local_home()
    running = find_running(home)
    if running is not None and running.version != version:
        raise ConflictError(
            f"Could not start Airflow {version}: the local Airflow is {running.version}",
            hint="Stop it first: `mlops airflow stop`",
            state=f"Airflow {running.version} is running at {running.url}",
        )
    python = airflow_interpreter(version, progress=progress)
    with progress.step(f"Starting Airflow {version}"):
        launched = _launch_once(home, version, python, companion, clock=clock)
        instance = _wait_until_ready(home, clock=clock)
        if instance is None and not launched:  # the one we found was about to end
            launched = _launch_once(home, version, python, companion, clock=clock)
            instance = _wait_until_ready(home, clock=clock)
    if instance is None:
        option = f" --emulate {companion.name}" if companion else ""
        raise UnavailableError(
            f"Could not start Airflow: it ended while starting{_last_words(home)}",
            hint=f"Read why with `mlops airflow logs{option}`",
        )
    return replace(instance, was_running=not launched)


def find_running(home: Home | None = None) -> Instance | None:
    """The instance that runs or starts now, or None; asks nobody, reads only its state."""
    home = home or local_home()
    return read_state(home) if is_locked(home) else None


def stop(*, home: Home | None = None, clock: Clock) -> tuple[bool, int]:
    """Stop the local Airflow with everything it started; nothing running is fine.

    Returns:
        Whether it was running, and how many processes had to be killed because they did not end
        by themselves.

    Raises:
        UnfinishedError: Some of its processes could not be killed.
    """
    home = home or local_home()
    was_running = is_locked(home)
    if was_running:
        instance = read_state(home)
        if instance is not None and instance.pid in members(home):
            with suppress(ProcessLookupError):
                os.kill(instance.pid, signal.SIGTERM)
            _wait_until_free(home, STOP_SECONDS, clock=clock)
    killed = _sweep(home, clock=clock) if home.root.exists() else 0
    return was_running, killed


# --- starting --------------------------------------------------------------------------------


def _launch_once(
    home: Home, version: str, python: Path, companion: Companion | None, *, clock: Clock
) -> bool:
    """Launch unless something runs; whether we did."""
    try:
        home.root.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotAllowedError(
            f"Could not make the local Airflow's folder `{home.root}`: {error.strerror}",
            hint="Choose another place: `export MLOPS_DATA_DIR=DIR`",
        ) from error
    deadline = clock.monotonic() + START_SECONDS
    while (lock := take_lock(home)) is None:
        instance = read_state(home)
        if instance is not None and instance.pid in members(home):
            return False
        # Either another command is starting it this moment, or its guardian was killed and the
        # rest ends by itself within seconds, or never.
        if clock.monotonic() > deadline - START_SECONDS + STOP_SECONDS:
            kill_leftovers(home)
        if clock.monotonic() > deadline:
            raise UnfinishedError(
                f"Could not start Airflow {version}: processes of an earlier one do not end",
                hint=f"See who holds `{home.lock}`",
            )
        clock.sleep(_POLL_SECONDS)
    try:
        kill_leftovers(home)  # such as steps that outlived the earlier one
        _launch(home, version, python, companion, lock, clock=clock)
    finally:
        os.close(lock)  # the guardian holds it now
    return True


def _launch(
    home: Home,
    version: str,
    python: Path,
    companion: Companion | None,
    lock: int,
    *,
    clock: Clock,
) -> None:
    home.state.unlink(missing_ok=True)
    with ExitStack() as stack:
        api = stack.enter_context(_listen(last_port(home) or PREFERRED_PORT))
        execution = stack.enter_context(_listen(0))
        ports = {"port": api.getsockname()[1], "execution_port": execution.getsockname()[1]}
        beside = {
            name: stack.enter_context(_listen(port))
            for name, port in (companion.ports if companion else {}).items()
        }
        handles = [listener.fileno() for listener in beside.values()]
        prepare(home, api_port=ports["port"], execution_port=ports["execution_port"])
        settings = supervisor.Settings(
            home=str(home.root),
            api_socket=api.fileno(),
            execution_socket=execution.fileno(),
            lock=lock,
            state={
                "version": version,
                "started": clock.now().isoformat(),
                **ports,
                "ports": {name: listener.getsockname()[1] for name, listener in beside.items()},
            },
            companion=_to_run(companion, handles) if companion else None,
        )
        for path in log_files(home).values():
            path.replace(path.with_suffix(".log.1"))
        log = stack.enter_context((home.logs / "supervisor.log").open("ab"))
        subprocess.Popen(
            [str(python), supervisor.__file__, "run", settings.to_json()],
            env=_environment(home, python, companion),
            cwd=home.root,
            pass_fds=(api.fileno(), execution.fileno(), lock, *handles),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        ).returncode = 0  # it outlives us: nobody here waits for it


def surroundings(home: Home, python: Path) -> dict[str, str]:
    """The environment of the local Airflow that runs, or of one that would be started here.

    Args:
        home: Its home.
        python: Airflow's interpreter.
    """
    running = find_running(home)
    if running is not None:
        # Connections it was started with may be in no other shell. Linux only.
        with suppress(OSError):
            whole = Path(f"/proc/{running.pid}/environ").read_text(errors="surrogateescape")
            return dict(pair.split("=", 1) for pair in whole.split("\0") if "=" in pair)
    return _environment(home, python, None)


def _to_run(companion: Companion, handles: list[int]) -> dict[str, Any]:
    argv = [*companion.argv, *map(str, handles)]
    return {"name": companion.name, "argv": argv, "handles": handles}


def _listen(port: int) -> socket.socket:
    """A socket that listens at the port, or at a free one: from now on nobody else can take it."""
    for candidate in (port, 0):
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", candidate))
            listener.listen(128)
        except OSError:
            listener.close()
            if candidate == 0:
                raise
        else:
            return listener
    raise AssertionError


def _environment(home: Home, python: Path, companion: Companion | None) -> dict[str, str]:
    inherited = {
        key: value
        for key, value in child_environment().items()
        # A setting from the user's shell would silently beat the configuration file.
        if not key.startswith(("AIRFLOW", "_AIRFLOW")) or key.startswith(_KEPT_SETTINGS)
    }
    if companion:
        inherited = {k: v for k, v in inherited.items() if not k.startswith("AWS_")}
        inherited |= companion.environment
    local = "127.0.0.1,localhost"
    return inherited | {
        MARK: str(home.root),
        "AIRFLOW_HOME": str(home.root),
        "MLOPS_DATA_DIR": str(data_dir()),
        "MLOPS_CACHE_DIR": str(cache_dir()),
        "PATH": f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "PYTHONUTF8": "1",
        # Tasks talk to the execution API; a proxy for the world outside must not be asked.
        "NO_PROXY": ",".join(filter(None, (os.environ.get("NO_PROXY"), local))),
        "no_proxy": ",".join(filter(None, (os.environ.get("no_proxy"), local))),
    }


# --- finding ---------------------------------------------------------------------------------


def _wait_until_ready(home: Home, *, clock: Clock) -> Instance | None:
    """The instance once it can run tasks, or None when it ended before."""
    deadline = clock.monotonic() + START_SECONDS
    while clock.monotonic() < deadline:
        if not is_locked(home):
            return None
        instance = read_state(home)
        if instance is not None and executes(instance):
            api = instance.api(clock=clock)
            api.import_errors()  # proves that our password opens it: it is ours
            api.close()
            return instance
        clock.sleep(_POLL_SECONDS)
    raise UnfinishedError(
        f"Could not see Airflow ready within {START_SECONDS:.0f} s",
        hint="Run `mlops airflow status`, and `mlops airflow logs` for the reason",
        state="It goes on starting",
    )


def executes(instance: Instance) -> bool:
    """Whether the execution API answers; the first question also makes it build its routes."""
    import httpx

    url = f"http://127.0.0.1:{instance.execution_port}/execution/health"
    try:
        timeout = httpx.Timeout(15.0)
        return httpx.get(url, timeout=timeout, trust_env=False).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def read_state(home: Home) -> Instance | None:
    """What the state file says, whether it still runs or not; None where it says nothing."""
    password = read_password(home)
    try:
        state = json.loads(home.state.read_text())
        return (
            Instance(
                home=home,
                version=str(state["version"]),
                pid=int(state["pid"]),
                port=int(state["port"]),
                execution_port=int(state["execution_port"]),
                started=datetime.fromisoformat(state["started"]),
                password=password,
                ports={str(name): int(port) for name, port in state.get("ports", {}).items()},
            )
            if password
            else None
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _last_words(home: Home) -> str:
    path = log_files(home).get("supervisor")
    lines = path.read_text(errors="replace").splitlines() if path else []
    # What went wrong, without the frames of a traceback: those are in the log.
    told = [line for line in lines if line.strip() and not line.startswith((" ", "Traceback"))]
    return "".join(f"\n  {line[:300]}" for line in told[-3:])


# --- stopping --------------------------------------------------------------------------------


def _wait_until_free(home: Home, seconds: float, *, clock: Clock) -> bool:
    deadline = clock.monotonic() + seconds
    while is_locked(home):
        if clock.monotonic() > deadline:
            return False
        clock.sleep(_POLL_SECONDS)
    return True


def _sweep(home: Home, *, clock: Clock) -> int:
    killed = kill_leftovers(home)
    if not _wait_until_free(home, STOP_SECONDS, clock=clock):
        raise UnfinishedError(
            "Could not stop the local Airflow: some of its processes cannot be killed",
            hint=f"See who holds `{home.lock}`",
        )
    home.state.unlink(missing_ok=True)
    return killed
