"""What `mlops trigger` can do besides one run: parts again, dates, assets; and what it refuses."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from fakes.airflow_server import Dag, FakeAirflow, Frame
from fakes.clocks import FakeClock
from fakes.projects import add_staging, write_project

from mlops_cli.core.errors import (
    ConflictError,
    ProjectError,
    UnavailableError,
    UnfinishedError,
    UsageError,
)
from mlops_cli.core.exits import Exit
from mlops_cli.core.progress import Silent
from mlops_cli.environments.release import loader
from mlops_cli.project.loader import load
from mlops_cli.runs.dates import read_range
from mlops_cli.runs.launch import Request, launch
from mlops_cli.runs.params import broken
from mlops_cli.runs.pending import left, pending, place
from mlops_cli.runs.visit import page

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_cli.project.model import Project
    from mlops_cli.runs.follow import RunUpdate

NAME = "churn_training"
RELEASE = "20260301T120000Z-0123456789ab"


class Notes(Silent):
    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


class Watching:
    def __init__(self) -> None:
        self.states: list[str] = []

    def __call__(self, update: RunUpdate) -> None:
        self.states.append(update.run.state)

    def close(self) -> None:
        """Nothing is open."""


def plan(conf: Mapping[str, Any]) -> list[Frame]:
    return [
        Frame("queued"),
        Frame("running", {"load": "success", "fit[0]": "running", "fit[1]": "running"}),
        Frame("failed", {"load": "success", "fit[0]": "success", "fit[1]": "failed"}),
    ]


@pytest.fixture
def dag(served: FakeAirflow) -> Dag:
    return served.add(Dag(NAME, plan=plan, tags={f"release:{RELEASE}"}))


@pytest.fixture
def project(
    served: FakeAirflow, dag: Dag, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Project:
    """A project whose one environment is the fake Airflow, with a folder for its releases."""
    monkeypatch.setenv("CHURN_PASSWORD", served.password)
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "state"))
    root = write_project(tmp_path)
    add_staging(root, served, tmp_path / "dags")
    return load(root)


def ask(project: Project, *, watch: bool = False, notes: Notes | None = None, **given: Any) -> Any:
    request = Request(**({"pipeline": "training", "environment": "staging"} | given))
    return launch(
        project,
        request,
        listener=Watching() if watch else None,
        progress=notes or Notes(),
        clock=FakeClock(),
    )


def deployed(tmp_path: Path, release: str) -> None:
    """As if that release had been deployed last."""
    pointer = tmp_path / "dags" / "churn" / "churn.py"
    pointer.parent.mkdir(parents=True, exist_ok=True)
    pointer.write_bytes(loader.pointer("churn", "churn", release))


# --- what runs is what was deployed ----------------------------------------------------------


def test_another_release_than_the_one_deployed_last_is_not_run(
    project: Project, dag: Dag, tmp_path: Path
) -> None:
    deployed(tmp_path, "20260302T120000Z-aaaaaaaaaaaa")
    with pytest.raises(ConflictError, match="deployed last was") as caught:
        ask(project)
    assert "--any-release" in str(caught.value.hint)
    assert dag.runs == {}
    notes = Notes()
    done = ask(project, any_release=True, notes=notes)
    assert done.warnings[0].startswith(f"Airflow runs release `{RELEASE}`")
    assert len(dag.runs) == 1


def test_the_release_that_was_deployed_last_runs_at_once(
    project: Project, dag: Dag, tmp_path: Path
) -> None:
    deployed(tmp_path, RELEASE)
    assert ask(project).release == RELEASE


# --- parameters ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "schema", "must_be"),
    [
        ("5", {"type": "integer"}, "of type integer"),
        (True, {"type": "integer"}, "of type integer"),
        (5, {"type": ["string", "null"]}, "of type string or null"),
        (0, {"type": "integer", "minimum": 1}, "at least 1"),
        (11, {"maximum": 10}, "at most 10"),
        (0, {"exclusiveMinimum": 0}, "more than 0"),
        ("c", {"enum": ["a", "b"]}, 'one of `"a"`, `"b"`'),
        (True, {"enum": [1]}, "one of `1`"),
        ("x", {"type": "string", "minLength": 2}, "text of at least 2 characters"),
        ("data", {"pattern": "^s3://"}, "text that `^s3://` matches"),
        ([1, "a"], {"type": "array", "items": {"type": "integer"}}, "a list of what is of type"),
        ("a", {"anyOf": [{"type": "null"}, {"type": "integer"}]}, "null, or of type integer"),
        ([], {"minItems": 1}, "a list of at least 1"),
    ],
)
def test_a_value_that_breaks_its_schema_is_named(value: Any, schema: Any, must_be: str) -> None:
    assert must_be in str(broken(value, schema))


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        (5, {"type": "integer", "minimum": 1, "maximum": 10}),
        (5.0, {"type": "integer"}),
        (None, {"type": ["null", "string"]}),
        ("b", {"enum": ["a", "b"]}),
        ("a", {"pattern": "("}),
        ({"a": 1}, {"type": "object", "unknownKeyword": 3}),
    ],
)
def test_a_value_that_may_be_meant_is_let_through(value: Any, schema: Any) -> None:
    assert broken(value, schema) is None


def test_wrong_and_missing_values_are_refused_before_anything_is_sent(
    project: Project, dag: Dag, served: FakeAirflow
) -> None:
    dag.params = {
        "rows": {
            "value": 5,
            "schema": {"type": "integer", "minimum": 1},
            "description": "How many",
        },
        "source": {"value": None, "schema": {"type": "string"}},
    }
    with pytest.raises(UsageError, match="`source` needs a value"):
        ask(project, conf=("rows=3",))
    with pytest.raises(UsageError, match="`rows` must be at least 1, and is `0`") as caught:
        ask(project, conf=("rows=0", "source=x"))
    assert caught.value.hint == "Write `--conf rows=…`: How many"
    assert served.asked("POST .*/dagRuns$") == 0
    assert ask(project, conf=("source=x",)).state == "queued"


# --- a start without an answer ---------------------------------------------------------------


def test_the_same_command_after_a_lost_start_finds_the_run(
    project: Project, dag: Dag, served: FakeAirflow
) -> None:
    served.fail(r"POST .*/dagRuns$", drop=True)
    served.fail(r"GET .*/dagRuns/", status=500, times=100)
    with pytest.raises(UnfinishedError) as caught:
        ask(project)
    assert "--run-id" in str(caught.value.hint)
    served.faults.clear()
    notes = Notes()
    ask(project, notes=notes)
    assert len(dag.runs) == 1
    assert "was left without an answer" in notes.said[0]
    ask(project)
    assert len(dag.runs) == 2


def test_a_refusal_says_nothing_about_the_start_before_it(
    project: Project, dag: Dag, served: FakeAirflow
) -> None:
    served.fail(r"POST .*/dagRuns$", drop=True)
    served.fail(r"GET .*/dagRuns/", status=500, times=100)
    with pytest.raises(UnfinishedError):
        ask(project)
    served.faults.clear()
    served.fail(r"POST .*/dagRuns$", status=429)
    with pytest.raises(UnavailableError):
        ask(project)
    ask(project)
    assert len(dag.runs) == 1


def test_what_is_remembered_of_a_start_belongs_to_its_conf_and_to_nobody_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path))
    path = place("churn", "staging", "training")
    with pytest.raises(KeyboardInterrupt), pending(path, "m-1", {"a": 1}):
        raise KeyboardInterrupt
    assert left(path, {"a": 1}) == "m-1"
    assert left(path, {"a": 2}) is None
    content = json.loads(path.read_text()) | {"pid": os.getppid()}
    path.write_text(json.dumps(content))
    assert left(path, {"a": 1}) is None
    with pytest.raises(UsageError), pending(path, "m-2", {}):
        raise UsageError("refused")
    assert not path.exists()


# --- a part again ----------------------------------------------------------------------------


def failed_run(project: Project) -> str:
    return str(ask(project, watch=True).run_id)


def test_a_failed_task_runs_again_and_all_after_it(
    project: Project, dag: Dag, served: FakeAirflow
) -> None:
    run_id = failed_run(project)
    dag.plan = lambda _: [Frame("queued"), Frame("success", {"load": "success"})]
    notes = Notes()
    done = ask(project, tasks=("fit[1]",), watch=True, notes=notes)
    assert (done.run_id, done.state, done.exit_code) == (run_id, "success", Exit.DONE)
    (body,) = served.cleared
    assert body["task_ids"] == [["fit", 1]]
    assert body["include_downstream"] is True
    assert body["prevent_running_task"] is True
    assert f"Run again in {run_id}: fit[1]" in notes.said


def test_a_lost_answer_to_running_again_is_looked_up(
    project: Project, dag: Dag, served: FakeAirflow
) -> None:
    failed_run(project)
    served.fail("POST .*/clearTaskInstances", drop=True)
    dag.plan = lambda _: [Frame("queued")]
    assert ask(project, tasks=("fit",)).exit_code == Exit.DONE
    assert len(served.cleared) == 1
    assert served.cleared[0]["task_ids"] == ["fit"]


def test_running_again_that_never_arrived_is_unfinished(
    project: Project, dag: Dag, served: FakeAirflow
) -> None:
    failed_run(project)
    served.fail("POST .*/clearTaskInstances", reset=True)
    with pytest.raises(UnfinishedError):
        ask(project, tasks=("fit",))
    assert served.cleared == []


def test_a_task_that_runs_or_is_not_there_does_not_run_again(project: Project, dag: Dag) -> None:
    with pytest.raises(ProjectError, match="any run"):
        ask(project, tasks=("fit",))
    failed_run(project)
    with pytest.raises(UsageError, match="no task `fitt`") as caught:
        ask(project, tasks=("fitt",))
    assert caught.value.hint == "Did you mean `fit`?"
    dag.plan = lambda _: [Frame("running", {"load": "success", "fit": "running"})]
    ask(project, run_id="m-2")
    with pytest.raises(ConflictError, match="one of them runs") as clash:
        ask(project, tasks=("fit",), run_id="m-2")
    assert "--follow" in str(clash.value.hint)


# --- a range of dates ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("begin", "end", "reason"),
    [
        ("2026-01-01", None, "needs `--to`"),
        (None, "2026-01-01", "needs `--from`"),
        ("2026-02-30", "2026-03-01", "no date"),
        ("2026-03-01", "2026-02-01", "is after"),
        ("2026-01-01T06:00:00", "2026-01-02", "no time zone"),
        ("2030-01-01", "2030-01-02", "in the future"),
        ("2026-01-01", "2030-01-02T00:00:00Z", "in the future"),
        ("\x1b[31m", "2026-01-02", "no date"),
    ],
)
def test_dates_that_cannot_be_meant_are_refused(
    begin: str | None, end: str | None, reason: str
) -> None:
    with pytest.raises(UsageError, match=reason) as caught:
        read_range(begin, end, clock=FakeClock())
    assert "\x1b" not in caught.value.message


def test_a_date_is_a_whole_day() -> None:
    first, last = read_range("2026-01-01", "2026-01-31", clock=FakeClock())
    assert first == datetime(2026, 1, 1, tzinfo=UTC)
    assert last == datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC)


def dates(project: Project, **given: Any) -> Any:
    return ask(project, begin="2026-01-01", end="2026-01-05", **given)


def test_a_pipeline_without_dates_is_not_backfilled(
    project: Project, dag: Dag, served: FakeAirflow
) -> None:
    with pytest.raises(UsageError, match="it has no schedule") as caught:
        dates(project)
    assert caught.value.hint == "Run it once: `mlops trigger training --env staging`"
    dag.schedule = "Asset"
    with pytest.raises(UsageError, match="when its assets are new"):
        dates(project)
    assert served.backfills == []


def test_a_range_runs_what_is_missing_or_failed_and_nothing_twice(
    project: Project, dag: Dag, served: FakeAirflow
) -> None:
    dag.schedule = "0 5 * * *"
    fails = {"backfill__2026-01-03"}

    def once(conf: Mapping[str, Any]) -> list[Frame]:
        bad = len(dag.runs) == 2 and fails
        return [Frame("queued"), Frame("failed" if bad else "success", {"load": "success"})]

    dag.plan = once
    served.fail("POST .*/backfills$", drop=True)
    first = dates(project, watch=True)
    assert (first.asked, len(first.runs), first.exit_code) == (5, 5, Exit.NO)
    fails.clear()
    again = dates(project, watch=True)
    assert (again.asked, again.exit_code) == (1, Exit.DONE)
    third = dates(project, watch=True)
    assert (third.asked, third.exit_code) == (0, Exit.DONE)
    assert len(served.backfills) == 2


def test_a_backfill_that_runs_is_found_or_stands_in_the_way(
    project: Project, dag: Dag, served: FakeAirflow
) -> None:
    dag.schedule = "0 5 * * *"
    dag.plan = lambda _: [Frame("running")]
    dates(project)
    notes = Notes()
    dates(project, notes=notes)
    assert notes.said[-1] == "Backfill 1 was started already"
    with pytest.raises(ConflictError, match="still runs"):
        ask(project, begin="2026-01-01", end="2026-02-01")
    with pytest.raises(UnfinishedError, match="within 5 s"):
        dates(project, watch=True, timeout_seconds=5)


# --- news of an asset ------------------------------------------------------------------------


def test_news_are_told_once_and_their_runs_are_named(
    project: Project, dag: Dag, served: FakeAirflow
) -> None:
    served.assets = {"new_customers": (NAME,), "other": ()}
    served.fail("POST .*/assets/events", drop=True)
    given = {"pipeline": None, "asset": "new_customers", "run_id": "e-1", "watch": True}
    told = ask(project, **given)
    again = ask(project, **given)
    assert len(served.asset_events) == 1
    assert [run.run_id for run in told.runs] == ["asset_triggered__0"]
    assert again.runs == told.runs
    assert told.waiting == (NAME,)


def test_what_news_start_is_followed_and_its_end_is_the_command_s(
    project: Project, dag: Dag, served: FakeAirflow
) -> None:
    served.assets = {"new_customers": (NAME, "churn_monitoring")}
    dag.plan = lambda _: [Frame("running"), Frame("success")]
    served.add(Dag("churn_monitoring", plan=lambda _: [Frame("running"), Frame("failed")]))
    notes = Notes()
    told = ask(project, pipeline=None, asset="new_customers", watch=True, notes=notes)
    assert [(run.dag_id, run.state) for run in told.runs] == [
        (NAME, "success"),
        ("churn_monitoring", "failed"),
    ]
    assert told.exit_code == Exit.NO
    assert "churn_monitoring asset_triggered__0 failed" in notes.said
    served.fail("GET .*/dagRuns/asset", status=500, times=7)  # a stream that comes and goes
    again = ask(project, pipeline=None, asset="new_customers", watch=True)
    assert [run.state for run in again.runs] == ["success", "failed"]
    unwatched = ask(project, pipeline=None, asset="new_customers")
    assert (unwatched.runs, unwatched.exit_code) == ((), Exit.DONE)


def test_news_whose_runs_do_not_end_in_time_are_unfinished(
    project: Project, dag: Dag, served: FakeAirflow
) -> None:
    served.assets = {"new_customers": (NAME,)}
    dag.plan = lambda _: [Frame("running")]
    with pytest.raises(UnfinishedError, match="end within 30 s") as caught:
        ask(project, pipeline=None, asset="new_customers", watch=True, timeout_seconds=30.0)
    assert caught.value.hint == "Look at it again: `mlops status --env staging`"


def test_an_asset_nobody_knows_is_refused(project: Project, served: FakeAirflow) -> None:
    served.assets = {"new_customers": (NAME,)}
    with pytest.raises(UsageError, match="no asset `new_customer`") as caught:
        ask(project, pipeline=None, asset="new_customer")
    assert caught.value.hint == "Did you mean `new_customers`?"


# --- the rest --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"asset": "a"},
        {"pipeline": None},
        {"tasks": ("a",), "conf": ("a=1",)},
        {"tasks": ("a",), "begin": "2026-01-01"},
        {"run_id": "m-1", "begin": "2026-01-01"},
        {"pipeline": "trainin"},
    ],
)
def test_what_does_not_go_together_is_a_usage_error(
    project: Project, served: FakeAirflow, given: dict[str, Any]
) -> None:
    with pytest.raises(UsageError):
        ask(project, **given)
    assert served.requests == []


def test_pages_are_where_airflow_has_them(project: Project, dag: Dag, served: FakeAirflow) -> None:
    run_id = failed_run(project)
    options: dict[str, Any] = {"progress": Silent(), "clock": FakeClock()}
    assert page(project, None, "staging", run_id=None, **options).url == f"{served.url}/dags"
    one = page(project, "training", "staging", run_id=None, **options)
    assert one.url == f"{served.url}/dags/{NAME}"
    run = page(project, "training", "staging", run_id=run_id, **options)
    assert run.url == f"{served.url}/dags/{NAME}/runs/{run_id}"
    with pytest.raises(ProjectError, match="Could not find run"):
        page(project, "training", "staging", run_id="nope", **options)
