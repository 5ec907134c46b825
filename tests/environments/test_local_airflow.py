"""One local Airflow: started once, found again, stopped whole, and back after any crash."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fakes.processes import children
from probe_dags import SLOW_DAG_ID, SOURCE

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.errors import ConflictError, NotAllowedError, UnavailableError, UsageError
from mlops_cli.core.progress import Silent
from mlops_cli.environments.local import instance, results
from mlops_cli.environments.local.configuration import local_home, prepare, read_password
from mlops_cli.environments.local.leftovers import MARK, is_locked, members, take_lock
from mlops_cli.environments.local.supervisor import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlops_cli.environments.local.instance import Instance

real = [pytest.mark.real]

COMMAND = (
    "import sys; from mlops_cli.__main__ import run; sys.argv = ['mlops', *sys.argv[1:]]; run()"
)


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "da%ta"))
    yield tmp_path / "da%ta"
    instance.stop(clock=SystemClock())


def start() -> Instance:
    return instance.start(progress=Silent(), clock=SystemClock())


def everybody(data: Path) -> set[int]:
    """All processes that belong to the instance, those started anew by a task too."""
    home = str(data / "airflow")
    return set(members(local_home())) | marked(home)


def marked(home: str) -> set[int]:
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 -- names are enough
        try:
            with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
                if f"{MARK}={home}".encode() in file.read().split(b"\0"):
                    found.add(int(pid))
        except OSError:
            continue
    return found


def seconds_until(condition: Callable[[], Any], most: float) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < most, "it did not happen in time"
        time.sleep(0.05)
    return time.monotonic() - began


def run_slow_task(running: Instance) -> str:
    """Start a run whose task sleeps in a session of its own."""
    folder = running.home.dags / "probe"
    folder.mkdir(exist_ok=True)
    (folder / "probe.py").write_text(SOURCE)
    api = running.api(clock=SystemClock())
    seconds_until(lambda: api.dag(SLOW_DAG_ID), 60)
    run_id = f"r{time.time_ns()}"
    api.trigger(SLOW_DAG_ID, run_id, {"seconds": 7654})
    seconds_until(
        lambda: [task.state for task in api.tasks(SLOW_DAG_ID, run_id)] == ["running"], 60
    )
    time.sleep(1)
    return run_id


class TestRunning:
    pytestmark = real

    def test_starting_twice_finds_the_one_that_runs(self, data: Path) -> None:
        commands = [
            subprocess.Popen(
                [sys.executable, "-c", COMMAND, "airflow", "start", "--json", "--quiet"],
                stdout=subprocess.PIPE,
                env=os.environ | {"AIRFLOW__CORE__DAGS_FOLDER": "/nowhere", "AIRFLOW_HOME": "/x"},
            )
            for _ in range(3)
        ]
        told = [json.loads(command.communicate(timeout=240)[0]) for command in commands]
        assert sorted(answer["was_running"] for answer in told) == [False, True, True]
        assert len({answer["ui"]["url"] for answer in told}) == 1
        running = start()
        assert running.was_running
        assert running.api(clock=SystemClock()).version().startswith("3.3.")
        self.check_private(running)
        self.check_found(running)
        with pytest.raises(ConflictError, match="the local Airflow is"):
            instance.start("3.9", progress=Silent(), clock=SystemClock())
        assert len(everybody(data)) <= 14
        began = time.monotonic()
        assert instance.stop(clock=SystemClock()) == (True, 0)
        assert time.monotonic() - began < 10
        assert everybody(data) == set()
        assert instance.stop(clock=SystemClock()) == (False, 0)
        assert instance.find_running() is None
        assert start().port == running.port
        instance.stop(clock=SystemClock())
        self.check_port_taken(running)

    def check_private(self, running: Instance) -> None:
        home = running.home
        assert stat.S_IMODE(home.root.stat().st_mode) == 0o700
        for path in (home.configuration, home.password_file, home.state):
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert httpx.get(f"{running.url}/api/v2/dags").status_code == 401
        assert httpx.get(f"{running.url}/auth/token").status_code in {401, 403, 404, 405}
        listening = subprocess.run(["ss", "-ltnH"], capture_output=True, text=True, check=False)
        ports = {str(running.port), str(running.execution_port)}
        for line in listening.stdout.splitlines():
            host, _, port = line.split()[3].rpartition(":")
            assert port not in ports or host == "127.0.0.1"

    def check_found(self, running: Instance) -> None:
        seconds_until(lambda: results.status(clock=SystemClock()).state == "running", 30)
        assert results.ui().url == running.url
        assert set(results.logs(None, count=3).lines) >= {"supervisor", "api", "scheduler"}
        with pytest.raises(UsageError, match="`nope`: the components are `supervisor`"):
            results.logs("nope", count=3)

    def check_port_taken(self, before: Instance) -> None:
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", before.port))
            other.listen()
            again = start()
            assert again.port != before.port
            assert again.password.reveal() == before.password.reveal()
            assert again.api(clock=SystemClock()).version()

    @pytest.mark.long
    def test_nothing_outlives_the_guardian_or_a_component(self, data: Path) -> None:
        for victim in ("guardian", "supervisor", "dag-processor"):
            running = start()
            if victim != "dag-processor":
                run_slow_task(running)
            os.kill(pid_of(victim, running), signal.SIGKILL)
            seconds_until(lambda: not everybody(data), 20)
            assert not is_locked(running.home)
            assert results.status(clock=SystemClock()).state == "stopped"
        reason = results.logs("supervisor", count=20).lines["supervisor"]
        assert any("dag-processor ended with -9" in line for line in reason)

    @pytest.mark.long
    def test_after_a_crash_of_everything_tasks_go_on_at_once(self, data: Path) -> None:
        run_id = run_slow_task(start())
        for pid in everybody(data):
            os.kill(pid, signal.SIGKILL)
        running = start()
        api = running.api(clock=SystemClock())

        def runs_again() -> bool:
            task = api.tasks(SLOW_DAG_ID, run_id)[0]
            return (task.state, task.try_number) == ("running", 2)

        seconds_until(runs_again, 180)  # by itself, Airflow would wait for five minutes
        instance.stop(clock=SystemClock())
        assert everybody(data) == set()

    def test_a_start_that_fails_says_why(self, data: Path) -> None:
        home = local_home()
        home.root.mkdir(parents=True)
        (home.root / "airflow.db").write_bytes(b"not a database " * 1000)
        with pytest.raises(UnavailableError, match="file is not a database"):
            start()
        assert everybody(data) == set()

    @pytest.mark.long
    def test_components_also_run_in_interpreters_of_their_own(
        self, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(instance.supervisor, "Settings", partial(Settings, fork=False))
        running = start()
        run_slow_task(running)
        os.kill(running.pid, signal.SIGKILL)
        seconds_until(lambda: not everybody(data), 20)


def test_a_folder_that_cannot_be_made_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "file"))
    with pytest.raises(NotAllowedError, match=r"file/airflow.*Not a directory"):
        start()


def pid_of(name: str, running: Instance) -> int:
    if name == "guardian":
        return running.pid
    supervisor = children(running.pid)[0]
    if name == "supervisor":
        return supervisor
    # In the order they are started in.
    return children(supervisor)[3]


def test_nothing_was_started_here(data: Path) -> None:
    assert results.status(clock=SystemClock()).state == "stopped"
    assert results.status(clock=SystemClock()).exit_code == 1
    assert instance.stop(clock=SystemClock()) == (False, 0)
    with pytest.raises(UnavailableError, match="is not running"):
        results.ui()
    with pytest.raises(UsageError, match="never started"):
        results.logs("api", count=1)
    assert not data.exists()


def test_a_state_file_without_its_processes_is_not_believed(data: Path) -> None:
    home = local_home()
    prepare(home, api_port=1, execution_port=2)
    state = {"pid": os.getpid(), "port": 1, "execution_port": 2, "version": "3.3"}
    home.state.write_text(json.dumps(state | {"started": "2026-11-22T00:00:00+00:00"}))
    assert instance.find_running() is None
    assert results.status(clock=SystemClock()).state == "stopped"
    instance.stop(clock=SystemClock())
    assert not home.state.exists()


def test_looking_does_not_stop_a_start(data: Path) -> None:
    home = local_home()
    prepare(home, api_port=1, execution_port=2)
    handle = take_lock(home)
    assert handle is not None
    assert is_locked(home)
    assert take_lock(home) is None
    os.close(handle)
    assert not is_locked(home)


def test_keys_and_password_are_kept_and_private(data: Path) -> None:
    home = local_home()
    first = prepare(home, api_port=1, execution_port=2)
    before = home.configuration.read_text()
    home.password_file.chmod(0o644)
    again = prepare(home, api_port=3, execution_port=4)
    assert again.reveal() == first.reveal() == read_password(home).reveal()
    assert stat.S_IMODE(home.password_file.stat().st_mode) == 0o600
    after = home.configuration.read_text()
    for key in ("jwt_secret", "secret_key", "fernet_key"):
        assert line_of(key, before) == line_of(key, after)
    assert line_of("port", after) == "port = 3"
    assert "127.0.0.1:4/execution/" in after
    assert "da%%ta" in after  # a single one would be taken for interpolation


def line_of(key: str, text: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(f"{key} ="))
