"""Runs are started once, followed through trouble, and end with their own result."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fakes.airflow_server import Dag, FakeAirflow, Frame
from fakes.clocks import FakeClock

from mlops_cli.core.errors import ConflictError, UnfinishedError
from mlops_cli.core.exits import Exit
from mlops_cli.core.progress import Silent
from mlops_cli.core.redact import Secret
from mlops_cli.environments.apis.rest import RestApi, connect
from mlops_cli.runs.follow import RunUpdate, first_failed, follow, log_tail
from mlops_cli.runs.logs import TaskLog
from mlops_cli.runs.trigger import new_run_id, start, task_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

NAME = "churn_training"


def fitting(conf: Mapping[str, object]) -> list[Frame]:
    """Two candidates; the second does not fit when the conf says so."""
    last = "failed" if conf.get("break") else "success"
    said = {"fit[0]": ["fitted"], "fit[1]": [f"line {n}" for n in range(50)] + ["no convergence"]}
    return [
        Frame("queued"),
        Frame("running", {"load": "running", "fit[0]": None, "fit[1]": None}),
        Frame("running", {"load": "success", "fit[0]": "running", "fit[1]": "running"}),
        Frame(
            last,
            {
                "load": "success",
                "fit[0]": "success",
                "fit[1]": last,
                "choose": "upstream_failed" if conf.get("break") else "success",
            },
            said,
        ),
    ]


@pytest.fixture
def fake() -> Iterator[FakeAirflow]:
    with FakeAirflow().serving() as served:
        served.add(Dag(NAME, plan=fitting, params={"break": {"value": False, "schema": {}}}))
        yield served


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def api(fake: FakeAirflow, clock: FakeClock) -> Iterator[RestApi]:
    made = connect(fake.url, username=fake.username, password=Secret(fake.password), clock=clock)
    yield made
    made.close()


class Notes(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


def test_a_run_id_made_here_is_one_airflow_takes(clock: FakeClock) -> None:
    made = {new_run_id(clock) for _ in range(50)}
    assert len(made) == 50
    assert all(one.startswith("m-260301T120000-") and len(one) == 22 for one in made)


def test_a_run_whose_answer_is_lost_is_found_and_not_started_twice(
    fake: FakeAirflow, api: RestApi
) -> None:
    fake.fail(r"POST .*/dagRuns$", drop=True)
    run = start(api, NAME, "r1", {"break": True}, progress=Silent())
    assert run.run_id == "r1"
    assert list(fake.dags[NAME].runs) == ["r1"]
    assert fake.asked(r"POST .*/dagRuns$") == 1


def test_the_same_command_again_finds_the_same_run(fake: FakeAirflow, api: RestApi) -> None:
    notes = Notes()
    start(api, NAME, "r1", {"break": True}, progress=notes)
    start(api, NAME, "r1", {"break": True}, progress=notes)
    assert list(fake.dags[NAME].runs) == ["r1"]
    assert "was started already, at" in notes.said[-1]
    with pytest.raises(ConflictError, match="another conf"):
        start(api, NAME, "r1", {"break": False}, progress=notes)


def test_a_start_nobody_saw_is_unfinished_and_says_how_to_finish_it(
    fake: FakeAirflow, api: RestApi
) -> None:
    fake.fail(r"POST .*/dagRuns$", reset=True)
    with pytest.raises(UnfinishedError) as caught:
        start(api, NAME, "r1", {}, progress=Silent())
    assert "`--run-id r1`" in str(caught.value.hint)
    assert fake.dags[NAME].runs == {}


def test_a_run_is_followed_to_its_end(api: RestApi, clock: FakeClock) -> None:
    start(api, NAME, "r1", {}, progress=Silent())
    seen = list(follow(api, NAME, "r1", timeout_seconds=None, clock=clock))
    assert seen[-1].run.state == "success"
    assert [line.task for line in task_lines(seen[-1].tasks)] == [
        "choose",
        "fit[0]",
        "fit[1]",
        "load",
    ]


def test_following_survives_errors_and_a_lost_token(
    fake: FakeAirflow, api: RestApi, clock: FakeClock
) -> None:
    start(api, NAME, "r1", {}, progress=Silent())
    fake.fail(r"GET .*/dagRuns/r1$", status=503, times=3)
    fake.fail(r"GET .*/taskInstances", reset=True, times=2)
    fake.forget_tokens()
    assert list(follow(api, NAME, "r1", timeout_seconds=None, clock=clock))[-1].run.state == (
        "success"
    )


def test_an_airflow_that_stays_away_makes_the_run_unknown_not_done(
    fake: FakeAirflow, api: RestApi, clock: FakeClock
) -> None:
    start(api, NAME, "r1", {}, progress=Silent())
    fake.fail(r"GET .*/dagRuns/r1", status=503, times=10_000)
    with pytest.raises(UnfinishedError, match="any more") as caught:
        list(follow(api, NAME, "r1", timeout_seconds=None, clock=clock))
    assert caught.value.exit_code == Exit.UNFINISHED
    assert clock.monotonic() > 90


def test_time_that_is_up_is_unfinished_too(
    fake: FakeAirflow, api: RestApi, clock: FakeClock
) -> None:
    fake.dags[NAME].plan = lambda _: [Frame("running", {"load": "running"})]
    start(api, NAME, "r1", {}, progress=Silent())
    with pytest.raises(UnfinishedError, match="within 30 s") as caught:
        list(follow(api, NAME, "r1", timeout_seconds=30, clock=clock))
    assert caught.value.state == "It is running, and goes on"


def test_the_failure_s_own_task_and_last_words_are_found(api: RestApi, clock: FakeClock) -> None:
    start(api, NAME, "r1", {"break": True}, progress=Silent())
    last: RunUpdate = list(follow(api, NAME, "r1", timeout_seconds=None, clock=clock))[-1]
    failed = first_failed(last.tasks)
    assert failed is not None
    assert (failed.task_id, failed.map_index) == ("fit", 1)
    said = log_tail(api, NAME, "r1", failed, lines=20)
    assert (len(said), said[-1]) == (20, "no convergence")


def test_logs_read_every_line_once(api: RestApi, clock: FakeClock) -> None:
    start(api, NAME, "r1", {"break": True}, progress=Silent())
    last = list(follow(api, NAME, "r1", timeout_seconds=None, clock=clock))[-1]
    fit = tuple(task for task in last.tasks if task.task_id == "fit")
    log = TaskLog(NAME, "r1", "failed", api, fit)
    assert [line for task in fit for line in log.lines(task)] == [
        "fitted",
        *(f"line {n}" for n in range(50)),
        "no convergence",
    ]
    assert json.loads(json.dumps(log.to_dict()))["tasks"][0]["task"] == "fit[0]"


_FOLLOWER = """
import sys
from mlops_cli.cli import app
from mlops_cli.core.clock import SystemClock
from mlops_cli.core.redact import Secret
from mlops_cli.environments.apis.rest import connect
from mlops_cli.presentation.live import listener
from mlops_cli.presentation import progress
from mlops_cli.runs.trigger import followed
url, user, password = sys.argv[1:]
api = connect(url, username=user, password=Secret(password), clock=SystemClock())
app._register = lambda: followed(
    api, api.trigger("churn_training", "r1", {}), listener=listener(),
    again="training --env local", timeout_seconds=None, progress=progress(), clock=SystemClock(),
)
sys.exit(app.main([]))
"""


def test_ctrl_c_leaves_the_run_and_says_so(fake: FakeAirflow) -> None:
    fake.dags[NAME].plan = lambda _: [Frame("running", {"load": "running"})]
    child = subprocess.Popen(
        [sys.executable, "-c", _FOLLOWER, fake.url, fake.username, fake.password],
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "COLUMNS": "100"},
        cwd=Path(__file__).parents[2],
    )
    assert child.stderr is not None
    assert "running" in child.stderr.readline()
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=20)
    assert child.returncode == Exit.INTERRUPTED
    assert "Run r1 goes on: `mlops status training --env local`" in said
    assert "Traceback" not in said
    assert fake.dags[NAME].runs["r1"].now.state == "running"
