"""A waiting training run is answered from the terminal, once."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from fakes.airflow_server import Dag, FakeAirflow, Frame, Run
from fakes.projects import add_staging

from mlops_cli.cli.app import main
from mlops_cli.core.clock import SystemClock
from mlops_cli.environments.release.build import creator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_cli.project.model import Project

DAG = "churn_training"
Answer = tuple[int, dict[str, Any]]


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How many seconds a command slept, each time; it does not really."""
    found: list[float] = []
    monkeypatch.setattr(SystemClock, "sleep", lambda clock, seconds: found.append(seconds))
    return found


@pytest.fixture
def typed(
    project: Project,
    served: FakeAirflow,
    slept: list[float],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Answer]:
    monkeypatch.setenv("CHURN_PASSWORD", served.password)
    add_staging(project.root, served, tmp_path / "releases")
    served.add(Dag(DAG))

    def ask(*arguments: str) -> Answer:
        where = ["--project", str(project.root), "--env", "staging", "--json"]
        code = main(["models", *arguments, *where])
        return code, json.loads(capsys.readouterr().out)

    return ask


def waiting(version: str) -> list[Frame]:
    """A run that has registered a version, waits, and goes on."""
    registered = {"register": version}
    return [
        Frame("running", {"register": "success", "approval": "awaiting_input"}, xcoms=registered),
        Frame("success", {"register": "success", "approval": "success"}, xcoms=registered),
    ]


def start(served: FakeAirflow, version: str) -> dict[str, Any]:
    """Have a training run wait for a word on a version."""
    dag, run_id = served.dags[DAG], f"m-{version}"
    dag.runs[run_id] = Run(run_id, {}, None, datetime.now(UTC), waiting(version))
    return served.ask(DAG, run_id, "approval", f"churn version {version} waits for approval")


def test_the_run_that_waits_for_the_version_is_answered(
    typed: Callable[..., Answer], served: FakeAirflow
) -> None:
    other, asked = start(served, "9"), start(served, "10")
    code, said = typed("approve", "churn", "10", "--reason", "better")
    assert code == 0, said
    assert (said["run_id"], said["approved"]) == ("m-10", True)
    assert asked["chosen_options"] == ["Approve"]
    assert asked["params_input"] == {"reason": "better", "by": creator()}
    assert other["response_received"] is False


@pytest.mark.parametrize(("ago", "least"), [(0, 1.5), (60, 0), (-60, 3)])
def test_what_was_asked_just_now_is_not_answered_before_the_scheduler_knows_of_it(
    typed: Callable[..., Answer],
    served: FakeAirflow,
    slept: list[float],
    ago: int,
    least: float,
) -> None:
    """Else Airflow takes the task for one that failed, runs it again, and the answer is lost."""
    asked = start(served, "10")
    moment = datetime.now(UTC) - timedelta(seconds=ago)
    asked["created_at"] = moment.isoformat()
    assert typed("approve", "churn", "10", "--no-follow")[0] == 0
    assert least <= sum(slept) <= 3.0


def test_the_second_answer_is_a_conflict_that_names_the_first(
    typed: Callable[..., Answer], served: FakeAirflow
) -> None:
    asked = start(served, "10")
    assert typed("reject", "churn", "10", "--reason", "unfair")[0] == 0
    assert asked["chosen_options"] == ["Reject"]
    code, refused = typed("approve", "churn", "10")
    assert code == 5
    told = refused["error"]["message"]
    assert f"it was rejected by {creator()} at " in told
    assert told.endswith(": unfair")


def test_somebody_was_faster(typed: Callable[..., Answer], served: FakeAirflow) -> None:
    asked = start(served, "10")
    served.fail("PATCH .*hitlDetails", status=409)
    asked |= {"responded_by_user": {"id": "2", "name": "bo"}, "response_received": False}
    code, refused = typed("approve", "churn", "10")
    assert (code, "was answered before" in refused["error"]["message"]) == (5, True)


def test_nobody_answered_in_time(typed: Callable[..., Answer], served: FakeAirflow) -> None:
    asked = start(served, "10")
    asked |= {
        "response_received": True,
        "responded_at": "2026-09-01T12:00:00Z",
        "chosen_options": ["Reject"],
    }
    asked["task_instance"]["state"] = "success"
    code, refused = typed("approve", "churn", "10")
    assert code == 5
    assert (
        "nobody answered in time, so it was rejected at 2026-09-01 12:00:00 UTC"
        in (refused["error"]["message"])
    )


def test_a_version_nobody_asks_about(typed: Callable[..., Answer], served: FakeAirflow) -> None:
    code, refused = typed("approve", "churn", "10")
    assert (code, "no run waits for an answer about it" in refused["error"]["message"]) == (1, True)
    start(served, "11")
    dead = start(served, "10")
    dead["task_instance"]["state"] = "failed"
    code, refused = typed("approve", "churn", "10")
    assert (code, refused["error"]["hint"]) == (1, "Waiting: version 11")


@pytest.mark.parametrize("fault", [{"drop": True}, {"reset": True}])
def test_an_answer_that_was_lost_is_looked_for(
    typed: Callable[..., Answer], served: FakeAirflow, fault: dict[str, bool]
) -> None:
    asked = start(served, "10")
    served.fail("PATCH .*hitlDetails", **fault)
    code, said = typed("approve", "churn", "10")
    assert asked["response_received"] is ("drop" in fault)
    assert code == (0 if "drop" in fault else 7), said
    assert served.asked("PATCH .*hitlDetails") == 1


def test_following_gives_the_exit_code_of_the_run(
    typed: Callable[..., Answer], served: FakeAirflow
) -> None:
    start(served, "10")
    code, said = typed("approve", "churn", "10", "--follow")
    assert (code, said["run"]["state"]) == (0, "success")
    start(served, "11")
    served.dags[DAG].runs["m-11"].frames[-1] = Frame("failed", {"register": "success"})
    assert typed("approve", "churn", "11", "--follow")[0] == 1
    start(served, "12")
    served.dags[DAG].runs["m-12"].frames[-1] = Frame("failed", {"register": "success"})
    assert typed("reject", "churn", "12", "--reason", "no", "--follow")[0] == 0


def test_another_projects_model_is_refused(typed: Callable[..., Answer]) -> None:
    code, refused = typed("approve", "other", "10")
    assert (code, "this project's is `churn`" in refused["error"]["message"]) == (2, True)
