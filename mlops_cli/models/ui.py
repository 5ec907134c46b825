"""MLflow's own interface, on request, on this machine only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import ProjectError, UnavailableError, UsageError
from mlops_cli.core.processes import child_environment, kill_group
from mlops_cli.environments.interpreters import project_interpreter
from mlops_cli.project.paths import data_dir

from .registry import tracking_uri

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.project.model import Project

_START_SECONDS: Final = 60.0
_ANSWER_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class TrackingUi:
    """MLflow's interface, after it was stopped."""

    url: str
    registry: str


def serve(
    project: Project,
    *,
    port: int | None,
    opened: Callable[[str], object],
    progress: Progress,
    clock: Clock,
) -> TrackingUi:
    """Run MLflow's interface until Ctrl-C; nothing of it stays.

    Args:
        project: Whose environment has MLflow.
        port: By default a free one.
        opened: Called with the URL once it answers.
        progress: Told what happens.
        clock: For waiting.

    Raises:
        ProjectError: No model was registered yet.
        UnavailableError: MLflow did not start, or ended by itself.
        UsageError: Somebody else has the port.
    """
    if not (data_dir() / "mlflow" / "mlflow.db").is_file():
        raise ProjectError(
            "Could not open MLflow: nothing is registered yet",
            hint="Train a model: `mlops trigger training`",
        )
    python = project_interpreter(project.root, progress=progress)
    port = _free_port(port)
    log = data_dir() / "mlflow" / "ui.log"
    url = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        child = subprocess.Popen(
            [str(part) for part in _command(python, port)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=data_dir(),
            env=child_environment({"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}),
            start_new_session=True,
        )
    try:
        with progress.step("Starting MLflow"):
            _wait(child, port, log, clock=clock)
        opened(url)
        progress.note(f"MLflow is at {url} (Ctrl-C stops it)")
        with suppress(KeyboardInterrupt):
            child.wait()
            raise UnavailableError(f"MLflow ended by itself{_last_words(log)}")
    finally:
        _stop(child)
    return TrackingUi(url, tracking_uri())


def _command(python: Path, port: int) -> list[str | Path]:
    address = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    store = ["--backend-store-uri", tracking_uri(), "--registry-store-uri", tracking_uri()]
    return [python, "-m", "mlflow", "server", *address, *store]


def _wait(child: subprocess.Popen[bytes], port: int, log: Path, *, clock: Clock) -> None:
    deadline = clock.monotonic() + _START_SECONDS
    while clock.monotonic() < deadline and child.poll() is None:
        if _answers(port):
            return
        clock.sleep(0.2)
    raise UnavailableError(f"Could not start MLflow at port {port}{_last_words(log)}")


def _answers(port: int) -> bool:
    # Not by way of a proxy; and whoever listens may have much to load before it answers.
    asked = HTTPConnection("127.0.0.1", port, timeout=_ANSWER_SECONDS)
    try:
        asked.request("GET", "/health")
        return asked.getresponse().read() == b"OK"
    except (OSError, HTTPException):
        return False
    finally:
        asked.close()


def _last_words(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-8:]
    return "".join(f"\n  {line}" for line in lines)


def _stop(child: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired):
        child.wait(_STOP_SECONDS)
    kill_group(child.pid)
    child.wait()


def _free_port(wanted: int | None) -> int:
    with socket.socket() as probe:
        # As MLflow's own server does: what a closed connection left behind is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted or 0))
        except OSError as error:
            raise UsageError(
                f"Could not start MLflow at port {wanted}: {error.strerror or error}",
                hint="Leave `--port` out for a free one",
            ) from error
        port: int = probe.getsockname()[1]
        return port
