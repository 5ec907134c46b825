"""`mlops trigger inference`: which rows are predicted, and a range of days once more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fakes.airflow_server import Dag, FakeAirflow, Frame
from fakes.clocks import FakeClock
from fakes.projects import add_staging, write_project

from mlops_cli.core.errors import UnfinishedError, UsageError
from mlops_cli.core.exits import Exit
from mlops_cli.core.progress import Silent
from mlops_cli.project.loader import load
from mlops_cli.runs.launch import Request, launch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_cli.project.model import Project
    from mlops_cli.runs.follow import RunUpdate

TEXT = {"value": "", "schema": {"type": "string"}}
GIVEN = {"input": TEXT, "partition": TEXT}


class Watching:
    def __call__(self, update: RunUpdate) -> None:
        """Look away."""

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture
def dag(served: FakeAirflow) -> Dag:
    return served.add(Dag("churn_inference", schedule="Asset", params=dict(GIVEN)))


@pytest.fixture
def project(
    served: FakeAirflow, dag: Dag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """A project with an inference pipeline, on the fake Airflow."""
    monkeypatch.setenv("CHURN_PASSWORD", served.password)
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "state"))
    root = write_project(tmp_path)
    add_staging(root, served, tmp_path / "dags")
    (root / "dags").mkdir(exist_ok=True)
    (root / "dags" / "inference.py").touch()
    return load(root)


def ask(project: Project, *, watch: bool = False, **given: Any) -> Any:
    request = Request(**({"pipeline": "inference", "environment": "staging"} | given))
    return launch(
        project,
        request,
        listener=Watching() if watch else None,
        progress=Silent(),
        clock=FakeClock(),
    )


def confs(dag: Dag) -> list[Mapping[str, Any]]:
    return [run.conf for run in dag.runs.values()]


def test_a_path_is_made_whole_and_a_uri_stays(
    project: Project, dag: Dag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new rows.csv").touch()
    ask(project, rows="new rows.csv", partition="2026-01-01")
    ask(project, rows="s3://bucket/new.csv")
    ask(project, partition="2026-01-01")
    assert confs(dag) == [
        {"input": (tmp_path / "new rows.csv").as_uri(), "partition": "2026-01-01"},
        {"input": "s3://bucket/new.csv"},
        {"partition": "2026-01-01"},
    ]


def test_a_file_that_is_not_there_is_refused(project: Project, dag: Dag) -> None:
    with pytest.raises(UsageError, match=r"`new\.csv`: there is no such file"):
        ask(project, rows="new.csv")
    # The disk of that Airflow is not this one.
    ask(project, rows="/srv/new.csv")
    assert confs(dag) == [{"input": "file:///srv/new.csv"}]


def test_a_pipeline_that_takes_no_rows_says_so(project: Project, served: FakeAirflow) -> None:
    other = served.add(Dag("churn_training", params={"source": TEXT}))
    with pytest.raises(UsageError, match="it has no parameter `input`"):
        ask(project, pipeline="training", rows="s3://bucket/new.csv")
    assert other.runs == {}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"rows": "s3://b/a.csv", "conf": ("input=s3://b/c.csv",)}, "`input` is given twice"),
        ({"rows": "s3://b/a.csv", "begin": "2026-01-01"}, "`--input` does not go together"),
        ({"partition": "a", "tasks": ("predict",)}, "`--partition`"),
        ({"pipeline": None, "asset": "x", "partition": "a"}, "`--partition`"),
        (
            {"begin": "2026-01-01", "end": "2026-01-02", "conf": ("partition=a",)},
            "`partition` says already",
        ),
        ({"begin": "2020-01-01", "end": "2026-01-02"}, "2194 days at once"),
        ({"rows": "~nobody-has-this-name$data.csv"}, "there is no such file"),
        ({"rows": '{"inline": "json"}' * 300}, "there is no such file"),
    ],
)
def test_what_does_not_go_together_starts_nothing(
    project: Project, dag: Dag, given: dict[str, Any], reason: str
) -> None:
    with pytest.raises(UsageError, match=reason):
        ask(project, **given)
    assert dag.runs == {}


def test_each_day_of_a_range_is_predicted_once_more(
    project: Project, dag: Dag, served: FakeAirflow
) -> None:
    days = ["2026-01-30", "2026-01-31", "2026-02-01"]

    def made(conf: Mapping[str, Any]) -> list[Frame]:
        known = "success" if conf["partition"] != days[1] else "skipped"
        return [Frame("queued"), Frame("success", {"receive": known, "predict": known})]

    dag.plan = made
    # An answer that is lost starts no day twice.
    served.fail("POST .*/dagRuns$", drop=True)
    done = ask(project, watch=True, begin=days[0], end=days[-1])
    assert [conf["partition"] for conf in confs(dag)] == days
    assert [run.state for run in done.runs] == ["success", "skipped", "success"]
    assert (done.asked, done.exit_code) == (3, Exit.DONE)
    assert [run.run_id[-10:] for run in done.runs] == days
    assert served.backfills == []


@pytest.mark.parametrize(("state", "task"), [("failed", "failed"), ("success", "skipped")])
def test_a_range_that_failed_or_had_nothing_in_it_is_no_success(
    project: Project, dag: Dag, state: str, task: str
) -> None:
    dag.plan = lambda _: [Frame(state, {"receive": task})]
    done = ask(project, watch=True, begin="2026-01-01", end="2026-01-02")
    assert done.exit_code == Exit.NO


def test_a_range_that_does_not_end_is_left_alone(project: Project, dag: Dag) -> None:
    dag.plan = lambda _: [Frame("running", {"receive": "running"})]
    with pytest.raises(UnfinishedError, match="within") as caught:
        ask(project, watch=True, begin="2026-01-01", end="2026-01-02", timeout_seconds=5)
    assert caught.value.state == "0 of 2 runs have ended; the others go on"
    assert caught.value.hint == "Look at them again: `mlops status inference --env staging`"
    started = ask(project, begin="2026-01-01", end="2026-01-02")
    assert ({run.state for run in started.runs}, started.exit_code) == ({"running"}, Exit.DONE)
