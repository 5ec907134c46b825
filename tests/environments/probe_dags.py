"""One small DAG, twice: as a file for a real Airflow, and as a plan for the fake one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fakes.airflow_server import Dag, Frame

if TYPE_CHECKING:
    from collections.abc import Mapping

DAG_ID = "probe_training"
SLOW_DAG_ID = "probe_slow"

SOURCE = """
from __future__ import annotations

import logging
import subprocess
from datetime import timedelta

from airflow.sdk import Param, dag, task


@dag(
    dag_id="probe_training",
    schedule=None,
    tags=["probe", "release:r1"],
    params={"rows": Param(10, type="integer", minimum=1)},
)
def probe():
    @task
    def first(params=None):
        logging.getLogger("probe").warning("hello \\x1b[31mred\\x1b[0m \\x07 bell")
        if params["rows"] == 13:
            raise ValueError("thirteen rows")
        return [1, 2]

    @task
    def each(number):
        return number * 2

    each.expand(number=first())


@dag(dag_id="probe_slow", schedule=None, tags=["probe"], params={"seconds": 60})
def slow():
    @task
    def wait(params=None):
        # As a step does it: in a session of its own, where no signal to a group reaches it.
        subprocess.run(["sleep", str(params["seconds"])], start_new_session=True)

    wait()


probe()
slow()
"""


def fake_dags() -> tuple[Dag, ...]:
    return (
        Dag(
            DAG_ID,
            tags={"probe", "release:r1"},
            params={"rows": {"value": 10, "schema": {"type": "integer", "minimum": 1}}},
            plan=_plan,
            refuse=_refuse,
            relative_fileloc="probe/probe.py",
        ),
        Dag(SLOW_DAG_ID, tags={"probe"}, relative_fileloc="probe/probe.py"),
    )


def _refuse(conf: Mapping[str, Any]) -> str | None:
    rows = conf.get("rows", 10)
    if isinstance(rows, int):
        return None
    return f"Invalid input for param rows: {rows!r} is not of type 'integer'"


def _plan(conf: Mapping[str, Any]) -> list[Frame]:
    group = {"event": "::group::Pre Execute", "level": "info", "logger": "task"}
    end = {"event": "::endgroup::", "level": "info", "logger": "task"}
    hello = {
        "timestamp": "2026-11-22T18:47:42.239869Z",
        "event": "hello \x1b[31mred\x1b[0m \x07 bell",
        "level": "warning",
        "logger": "probe",
    }
    sources = [
        {"event": "::group::Log message source details"},
        {"event": "/home/user/logs/attempt=1.log"},
        {"event": "::endgroup::"},
    ]
    begin = [*sources, group, end, hello]
    first_frames = [Frame("queued"), Frame("running", {"first": "running"}, {"first": begin})]
    if conf.get("rows") == 13:
        failed = {
            "timestamp": "2026-11-22T18:47:42.240127Z",
            "event": "Task failed with exception",
            "level": "error",
            "logger": "task",
            "error_detail": [
                {
                    "exc_type": "ValueError",
                    "exc_value": "thirteen rows",
                    "is_cause": False,
                    "frames": [
                        {
                            "filename": "/venv/lib/python3.11/site-packages/airflow/sdk/x.py",
                            "lineno": 1579,
                            "name": "_run_task",
                        },
                        {"filename": "/dags/probe/probe.py", "lineno": 13, "name": "first"},
                    ],
                }
            ],
        }
        tasks = {"first": "failed", "each": "upstream_failed"}
        return [*first_frames, Frame("failed", tasks, {"first": [*begin, failed]})]
    tasks = {"first": "success", "each[0]": "success", "each[1]": "success"}
    return [*first_frames, Frame("success", tasks, {"first": begin}, {"first": [1, 2]})]
