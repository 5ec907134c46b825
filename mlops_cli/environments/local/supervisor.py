"""Runs one local Airflow and leaves nothing behind. A script for Airflow's own interpreter.

It imports nothing of ours, so that it can be run by its path. The first process is the guardian:
it holds the lock, adopts what its descendants orphan, and when the instance ends, for whatever
reason, kills all that is left. Its child imports Airflow once and forks the components, or, where
forking after such imports is not safe (macOS), starts each in an interpreter of its own.

Usage:
    supervisor.py run SETTINGS      SETTINGS: the JSON object `Settings` is made of
    supervisor.py component NAME SETTINGS
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

COMPONENTS: Final = ("execution", "api", "scheduler", "dag-processor", "triggerer")

_SET_DEATH_SIGNAL: Final = 1
_SET_CHILD_SUBREAPER: Final = 36
# It may wait ten seconds for a runner that does not hear its signal, or five after killing it;
# what is deferred goes on at the next start either way.
_TRIGGERER_SECONDS: Final = 1.0
_SERVERS: Final = frozenset({"api", "execution"})
_SERVER_SECONDS: Final = 3.0
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
# What both servers, or the scheduler and the DAG processor, import anyway: once, before the fork.
_SHARED_IMPORTS: Final = (
    "airflow.api_fastapi.app",
    "airflow.jobs.scheduler_job_runner",
    "airflow.dag_processing.manager",
    "airflow.executors.local_executor",
    "airflow.cli.cli_parser",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the one who starts the instance decides."""

    home: str
    api_socket: int
    """An inherited file descriptor that listens already: nobody can take the port meanwhile."""
    execution_socket: int
    lock: int
    """Inherited and held; free again when the last process that inherited it from us is gone."""
    state: dict[str, Any]
    """Written to `instance.json`, with our process id."""
    fork: bool = sys.platform == "linux"
    """Fork the components after one import; elsewhere each is an interpreter of its own."""
    companion: dict[str, Any] | None = None
    """A program that runs beside the components, as one of them: `name`, `argv`, and `handles`,
    the file descriptors it inherits."""
    grace_seconds: float = 5.0
    """How long the components have to end by themselves."""

    def to_json(self) -> str:
        """How they are passed on."""
        return json.dumps(asdict(self))


def main(argv: list[str]) -> int:
    """Run the instance, or one component of it."""
    if argv[0] == "component":
        settings = Settings(**json.loads(argv[2]))
        _join_members(settings)
        _component(argv[1], settings)
    return _guard(Settings(**json.loads(argv[1])))


def _join_members(settings: Settings) -> None:
    """Open the file that tells who belongs to the instance; what we fork inherits it."""
    os.open(Path(settings.home, "members"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


# --- the guardian ----------------------------------------------------------------------------


def _guard(settings: Settings) -> int:
    _process_control(_SET_CHILD_SUBREAPER, 1)
    _join_members(settings)
    _write(_state(settings), json.dumps(settings.state | {"pid": os.getpid()}, indent=2) + "\n")
    guardian = os.getpid()
    child = os.fork()
    if child == 0:
        _become_child_of(guardian)
        os._exit(_supervise(settings))
    for handle in (settings.api_socket, settings.execution_socket):
        os.close(handle)
    _close_companions_handles(settings)
    code = _wait_for(child)
    _kill_descendants()
    _log(f"ended with {code}")
    _state(settings).unlink(missing_ok=True)
    return code


def _state(settings: Settings) -> Path:
    return Path(settings.home, "instance.json")


def _wait_for(child: int) -> int:
    for number in _SIGNALS:
        signal.signal(number, lambda received, _: _signal(child, received))
    while True:
        pid, status = os.waitpid(-1, 0)  # also reaps what was orphaned and given to us
        if pid == child:
            return os.waitstatus_to_exitcode(status)


def _kill_descendants() -> None:
    """Kill whatever is below us, in rounds: a process may fork while we look."""
    for _ in range(100):
        if not (found := _descendants()):
            return
        for pid in found:
            _signal(pid, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        time.sleep(0.02)


def _descendants() -> list[int]:
    psutil = importlib.import_module("psutil")  # Airflow needs it too
    found = psutil.Process().children(recursive=True)
    return [child.pid for child in found if child.status() != psutil.STATUS_ZOMBIE]


# --- the supervisor --------------------------------------------------------------------------


def _supervise(settings: Settings) -> int:
    _process_control(_SET_CHILD_SUBREAPER, 1)
    stop = _StopFlag()
    for number in _SIGNALS:
        signal.signal(number, stop.set)
    _prepare_airflow(settings)
    start = _fork if settings.fork else _spawn
    children: dict[int, str] = {}
    if not stop.is_set:
        children = {start(name, settings): name for name in COMPONENTS}
        if settings.companion:
            children[_start_companion(settings)] = settings.companion["name"]
    for handle in (settings.api_socket, settings.execution_socket):
        os.close(handle)
    _close_companions_handles(settings)
    reason = _watch(children, stop)
    _log(f"stopping: {reason}")
    # From here on nobody must find it and take it for one that runs.
    _state(settings).unlink(missing_ok=True)
    _end(children, settings.grace_seconds)
    _kill_descendants()
    return 0 if stop.is_set else 1


class _StopFlag:
    def __init__(self) -> None:
        self.is_set = False

    def set(self, *_: object) -> None:
        self.is_set = True


def _watch(children: dict[int, str], stop: _StopFlag) -> str:
    """Wait for a reason to stop; one component that ends is one."""
    while not stop.is_set:
        pid, status = _reap()
        if pid in children:
            name = children.pop(pid)
            return f"{name} ended with {os.waitstatus_to_exitcode(status)}"
        if not pid:
            time.sleep(0.05)
    return "asked to"


def _end(children: dict[int, str], grace_seconds: float) -> None:
    """End the components; the servers last, because ending tasks still report to them."""
    servers = {pid: name for pid, name in children.items() if name in _SERVERS}
    others = {pid: name for pid, name in children.items() if name not in _SERVERS}
    _end_these(others, grace_seconds)
    _end_these(servers, _SERVER_SECONDS)


def _end_these(children: dict[int, str], grace_seconds: float) -> None:
    for pid in children:
        _signal(pid, signal.SIGTERM)
    started = time.monotonic()
    while children and time.monotonic() < started + grace_seconds:
        if time.monotonic() > started + _TRIGGERER_SECONDS:
            for pid in [pid for pid, name in children.items() if name == "triggerer"]:
                _signal(pid, signal.SIGKILL)
        pid, _ = _reap()
        if pid in children:
            _log(f"{children.pop(pid)} ended")
        elif not pid:
            time.sleep(0.02)
    for name in children.values():
        _log(f"{name} did not end in {grace_seconds} s and is killed, with the tasks it runs")


def _reap() -> tuple[int, int]:
    try:
        return os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return 0, 0


def _prepare_airflow(settings: Settings) -> None:
    started = time.monotonic()
    airflow = importlib.import_module("airflow")
    mark = Path(settings.home, "database-version")
    if not mark.is_file() or mark.read_text() != airflow.__version__:
        # Creates it, or brings an older Airflow's up to date.
        importlib.import_module("airflow.utils.db").initdb()
        _write(mark, airflow.__version__)
    if settings.fork:
        for name in _SHARED_IMPORTS:
            importlib.import_module(name)
        engine = importlib.import_module("airflow.settings").engine
        engine.dispose()
        gc.freeze()
    _log(f"Airflow {airflow.__version__} prepared in {time.monotonic() - started:.1f} s")


# --- starting a component --------------------------------------------------------------------


def _fork(name: str, settings: Settings) -> int:
    supervisor = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            _become_child_of(supervisor)
            _write_to_log_of(name, settings)
            _component(name, settings)
        except Exception:  # noqa: BLE001 -- the outermost frame of a forked process
            sys.excepthook(*sys.exc_info())
        finally:
            # Never back into the supervisor's code, whatever happened.
            os._exit(1)
    return child


def _spawn(name: str, settings: Settings) -> int:
    argv = [sys.executable, __file__, "component", name, settings.to_json()]
    handles = (settings.api_socket, settings.execution_socket, settings.lock)
    with _log_path(name, settings).open("ab") as log:
        child = subprocess.Popen(argv, pass_fds=handles, stdout=log, stderr=log)
    child.returncode = 0  # we reap it ourselves; `Popen` must not wait for it when collected
    return child.pid


def _start_companion(settings: Settings) -> int:
    """Another program, in an interpreter of its own; it ends with us, also when we are killed."""
    assert settings.companion is not None  # noqa: S101 -- asked before
    supervisor = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)
            _become_child_of(supervisor)
            _write_to_log_of(settings.companion["name"], settings)
            os.close(settings.api_socket)
            os.close(settings.execution_socket)
            argv = settings.companion["argv"]
            os.execv(argv[0], argv)  # noqa: S606 -- there is no shell
        except Exception:  # noqa: BLE001 -- the outermost frame of a forked process
            sys.excepthook(*sys.exc_info())
        finally:
            os._exit(1)
    return child


def _close_companions_handles(settings: Settings) -> None:
    for handle in settings.companion["handles"] if settings.companion else ():
        os.close(handle)


def _component(name: str, settings: Settings) -> NoReturn:
    code: object = 0
    try:
        if settings.fork:
            importlib.import_module("airflow.settings").configure_orm()
        _RUN[name](settings)
    except SystemExit as ended:
        code = ended.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _serve(apps: str, handle: int, other: int) -> None:
    os.close(other)
    os.environ["AIRFLOW_API_APPS"] = apps
    uvicorn = importlib.import_module("uvicorn")
    config = uvicorn.Config(
        "airflow.api_fastapi.main:app",
        access_log=False,
        log_config=None,
        log_level="warning",
        timeout_graceful_shutdown=2,
    )
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=handle)])


def _command(*arguments: str) -> Callable[[Settings], None]:
    def run(settings: Settings) -> None:
        os.close(settings.api_socket)
        os.close(settings.execution_socket)
        parsed = (
            importlib.import_module("airflow.cli.cli_parser").get_parser().parse_args(arguments)
        )
        parsed.func(parsed)

    return run


# `--skip-serve-logs`: log servers would listen on fixed ports, on all interfaces; on one machine
# the API server reads the files.
_RUN: Final[dict[str, Callable[[Settings], None]]] = {
    "execution": lambda given: _serve("execution", given.execution_socket, given.api_socket),
    "api": lambda given: _serve("core", given.api_socket, given.execution_socket),
    "scheduler": _command("scheduler", "--skip-serve-logs"),
    "dag-processor": _command("dag-processor"),
    "triggerer": _command("triggerer", "--skip-serve-logs"),
}


# --- the operating system --------------------------------------------------------------------


def _become_child_of(parent: int) -> None:
    """End with our parent, also when it is killed."""
    _process_control(_SET_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we asked
        os._exit(1)


def _process_control(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _log_path(name: str, settings: Settings) -> Path:
    return Path(settings.home, "components", f"{name}.log")


def _write_to_log_of(name: str, settings: Settings) -> None:
    handle = os.open(_log_path(name, settings), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


def _log(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {text}\n")
    sys.stderr.flush()


def _write(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
    beside.replace(path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
