"""One real local Airflow for a whole test session, shared by all processes of pytest-xdist.

Import `local_airflow` in a `conftest.py`; mark the tests that use it `real`.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

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
    with _one_more_user(local_airflow_data):
        with data_dir(local_airflow_data):
            running = instance.start(progress=Silent(), clock=SystemClock())
        yield running


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
