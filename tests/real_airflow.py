"""One real local Airflow for a whole test session, shared by all processes of pytest-xdist.

Import `local_airflow` in a `conftest.py`; mark the tests that use it `real`.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.progress import Silent
from mlops_cli.environments.local import instance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_cli.environments.local.instance import Instance


@pytest.fixture(scope="session")
def local_airflow_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `MLOPS_DATA_DIR` of the session's Airflow; the same for every worker of one session."""
    base = tmp_path_factory.getbasetemp()
    if os.environ.get("PYTEST_XDIST_WORKER"):
        base = base.parent  # each worker has its own folder below the session's
    folder = base / "airflow-data"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def local_airflow(local_airflow_data: Path) -> Iterator[Instance]:
    """A running local Airflow, started by the first test that asks, stopped after the last.

    A test that runs commands against it sets `MLOPS_DATA_DIR` to `local_airflow_data`.
    """
    with _using:
        _using.enter_context(_one_more_user(local_airflow_data))
        with data_dir(local_airflow_data):
            running = instance.start(progress=Silent(), clock=SystemClock())
        yield running


_using = ExitStack()


def stop_using() -> None:
    """Let the Airflow go before the session ends: idle, it takes a third of a core."""
    _using.close()


@contextmanager
def data_dir(folder: Path) -> Iterator[None]:
    """Set `MLOPS_DATA_DIR` for as long as the context lasts."""
    before = os.environ.get("MLOPS_DATA_DIR")
    os.environ["MLOPS_DATA_DIR"] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ["MLOPS_DATA_DIR"]
        else:
            os.environ["MLOPS_DATA_DIR"] = before


@contextmanager
def _one_more_user(folder: Path) -> Iterator[None]:
    """Stop the Airflow when its last user goes: each user holds a shared lock."""
    with (folder / "users.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        try:
            yield
        finally:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass  # another worker still uses it, and stops it
            else:
                with data_dir(folder):
                    instance.stop(clock=SystemClock())


class Web:
    """An Airflow's own API, as its web interface uses it.

    What is waited for is asked here: a command of ours is a process, and takes half a core.
    """

    def __init__(self, airflow: Instance) -> None:
        login = {"username": airflow.username, "password": airflow.password.reveal()}
        token = httpx.post(f"{airflow.url}/auth/token", json=login).json()["access_token"]
        self.client = httpx.Client(
            base_url=f"{airflow.url}/api/v2", headers={"Authorization": f"Bearer {token}"}
        )

    def connect_slack(self, name: str, url: str) -> None:
        """Make a connection to what stands in for Slack's webhooks."""
        host = f"{url.removeprefix('http://')}/services"
        body = {"connection_id": name, "conn_type": "slackwebhook", "schema": "http"}
        self.client.delete(f"/connections/{name}")
        body |= {"host": host, "password": "T0/B0/hidden"}
        self.client.post("/connections", json=body).raise_for_status()

    def runs(self, dag_id: str) -> dict[str, str]:
        """The states of a DAG's runs, by their ids."""
        found = self._get(f"/dags/{dag_id}/dagRuns", limit=100)
        return {run["dag_run_id"]: run["state"] for run in found["dag_runs"]}

    def tasks(self, dag_id: str, run_id: str) -> dict[str, str]:
        """The states of a run's tasks, by their ids; of a mapped one, that of one of them."""
        found = self._get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances", limit=100)
        return {task["task_id"]: task["state"] for task in found["task_instances"]}

    def _get(self, path: str, **parameters: Any) -> dict[str, Any]:
        answer = self.client.get(path, params=parameters)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found
