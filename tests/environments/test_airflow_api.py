"""The contract of `AirflowApi`: the same questions, the fake server and a real Airflow."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from fakes.airflow_server import FakeAirflow
from fakes.moto_server import credentials
from probe_dags import DAG_ID, SOURCE, fake_dags

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.errors import ConflictError, NotAllowedError, ProjectError, UsageError
from mlops_cli.core.redact import Secret
from mlops_cli.environments.apis.rest import connect
from mlops_cli.environments.aws import Aws
from mlops_cli.environments.emulated.behind import Airflow
from mlops_cli.environments.emulated.service import MwaaServer
from mlops_cli.environments.mwaa import airflow_api, find

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_cli.environments.apis.rest import RestApi
    from mlops_cli.environments.port import RunInfo


@pytest.fixture(scope="module")
def fake_airflow() -> Iterator[FakeAirflow]:
    fake = FakeAirflow()
    for dag in fake_dags():
        fake.add(dag)
    with fake.serving():
        yield fake


@pytest.fixture(scope="module")
def fake_api(fake_airflow: FakeAirflow) -> RestApi:
    password = Secret(fake_airflow.password)
    return connect(fake_airflow.url, username="admin", password=password, clock=SystemClock())


@pytest.fixture(scope="module")
def real_api(request: pytest.FixtureRequest) -> RestApi:
    airflow = request.getfixturevalue("local_airflow")
    folder = airflow.home.dags / "probe"
    folder.mkdir(exist_ok=True)
    (folder / "probe.py").write_text(SOURCE)
    api = airflow.api(clock=SystemClock())
    deadline = time.monotonic() + 60
    while api.dag(DAG_ID) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    return api


@pytest.fixture(scope="module")
def fake_mwaa_api(fake_airflow: FakeAirflow) -> Iterator[RestApi]:
    airflow = Airflow(fake_airflow.url, "admin", fake_airflow.password)
    with mwaa(airflow) as api:
        yield api


@pytest.fixture(scope="module")
def real_mwaa_api(request: pytest.FixtureRequest) -> Iterator[RestApi]:
    request.getfixturevalue("real_api")
    airflow = request.getfixturevalue("local_airflow")
    with mwaa(Airflow(airflow.url, airflow.username, airflow.password.reveal())) as api:
        yield api


@contextmanager
def mwaa(airflow: Airflow) -> Iterator[RestApi]:
    """Through the emulated service, as `mlops` reaches Amazon's."""
    server = MwaaServer()
    server.add("acme", airflow, bucket="acme-dags")
    with server.serving(), pytest.MonkeyPatch.context() as patch:
        for name, value in credentials(server.url).items():
            patch.setenv(name, value)
        aws = Aws(clock=SystemClock())
        api = airflow_api(aws, find(aws, "acme"), clock=SystemClock())
        yield api
        api.close()


@pytest.fixture(
    params=[
        "fake_api",
        "fake_mwaa_api",
        pytest.param("real_api", marks=[pytest.mark.real]),
        pytest.param("real_mwaa_api", marks=[pytest.mark.real]),
    ]
)
def api(request: pytest.FixtureRequest) -> RestApi:
    return request.getfixturevalue(request.param)


@pytest.fixture
def run_id(request: pytest.FixtureRequest) -> str:
    return f"mlops__{time.time_ns()}+{abs(hash(request.node.name)) % 1000}"


def finished(api: RestApi, run_id: str) -> RunInfo:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        run = api.run(DAG_ID, run_id)
        if run is not None and run.state in {"success", "failed"}:
            return run
        time.sleep(0.05)
    raise AssertionError("the run did not end")


def test_version_and_health_tell_that_an_airflow_answers(api: RestApi) -> None:
    assert api.version().startswith("3.")
    assert set(api.health()) >= {"metadatabase", "scheduler", "dag_processor"}


def test_dags_are_found_by_tag(api: RestApi) -> None:
    assert [dag.dag_id for dag in api.dags(tag="release:r1")] == [DAG_ID]
    assert api.dags(tag="release:none") == ()
    assert {dag.dag_id for dag in api.dags()} >= {"probe_slow", DAG_ID}


def test_a_dag_is_told_with_its_params(api: RestApi) -> None:
    dag = api.dag(DAG_ID)
    assert dag is not None
    assert dag.params["rows"]["value"] == 10
    assert dag.params["rows"]["schema"] == {"type": "integer", "minimum": 1}
    assert (dag.relative_fileloc, dag.is_stale) == ("probe/probe.py", False)
    assert dag.tags == {"probe", "release:r1"}


def test_what_does_not_exist_is_none(api: RestApi) -> None:
    assert api.dag("nope") is None
    assert api.run(DAG_ID, "nope") is None
    assert api.runs("nope") == ()
    assert api.tasks(DAG_ID, "nope") == ()
    assert api.xcom(DAG_ID, "nope", "first") is None


def test_a_run_goes_from_trigger_to_success(api: RestApi, run_id: str) -> None:
    started = api.trigger(DAG_ID, run_id, {"rows": 3}, note="by a test")
    assert (started.run_id, started.conf, started.note) == (run_id, {"rows": 3}, "by a test")
    run = finished(api, run_id)
    assert run.state == "success"
    assert run.started is not None
    assert run.ended is not None
    assert run.run_after is not None
    tasks = {(task.task_id, task.map_index): task.state for task in api.tasks(DAG_ID, run_id)}
    assert tasks == {("first", -1): "success", ("each", 0): "success", ("each", 1): "success"}
    assert api.xcom(DAG_ID, run_id, "first") == [1, 2]
    newest = api.runs(DAG_ID, limit=5)
    assert run_id in {run.run_id for run in newest}
    assert sorted(newest, key=lambda run: run.run_after, reverse=True) == list(newest)
    assert run_id in {run.run_id for run in api.runs(DAG_ID, states=["success"])}
    assert run_id not in {run.run_id for run in api.runs(DAG_ID, states=["failed"])}


def test_a_failed_tasks_log_ends_with_its_reason(api: RestApi, run_id: str) -> None:
    api.trigger(DAG_ID, run_id, {"rows": 13})
    assert finished(api, run_id).state == "failed"
    tasks = {task.task_id: task for task in api.tasks(DAG_ID, run_id)}
    assert (tasks["first"].state, tasks["each"].state) == ("failed", "upstream_failed")
    lines = api.log(DAG_ID, run_id, tasks["first"]).lines
    assert any(line.endswith("WARNING hello red \\x07 bell") for line in lines)
    assert lines[-1] == "ValueError: thirteen rows"
    assert lines[-2].endswith("in first")
    text = "\n".join(lines)
    assert "\x1b" not in text
    assert "::group::" not in text
    assert "site-packages" not in text


def test_the_same_run_id_again_is_a_conflict(api: RestApi, run_id: str) -> None:
    api.trigger(DAG_ID, run_id, {})
    with pytest.raises(ConflictError, match=r"exists already"):
        api.trigger(DAG_ID, run_id, {})


def test_a_conf_that_breaks_a_params_schema_is_refused_with_the_reason(
    api: RestApi, run_id: str
) -> None:
    with pytest.raises(UsageError, match=r"rows.*'many' is not of type 'integer'"):
        api.trigger(DAG_ID, run_id, {"rows": "many"})
    assert api.run(DAG_ID, run_id) is None


def test_a_run_id_airflow_does_not_take_is_refused(api: RestApi) -> None:
    with pytest.raises(UsageError, match="run_id"):
        api.trigger(DAG_ID, "a b/c", {})


def test_an_unknown_dag_is_named(api: RestApi) -> None:
    with pytest.raises(ProjectError, match="Could not trigger `nope`"):
        api.trigger("nope", "r1", {})
    with pytest.raises(ProjectError, match="Could not unpause `nope`"):
        api.set_paused("nope", paused=False)


def test_a_paused_dag_keeps_its_run_waiting(api: RestApi, run_id: str) -> None:
    api.set_paused(DAG_ID, paused=True)
    try:
        assert api.dag(DAG_ID).is_paused
        api.trigger(DAG_ID, run_id, {})
        time.sleep(0.5)
        assert api.run(DAG_ID, run_id).state == "queued"
    finally:
        api.set_paused(DAG_ID, paused=False)
    assert finished(api, run_id).state == "success"


def test_a_file_can_be_parsed_again_at_once(api: RestApi) -> None:
    token = api.dag(DAG_ID).file_token
    api.reparse(token)
    api.reparse(token)
    assert api.import_errors() == ()


def test_a_person_can_look_at_the_run(api: RestApi) -> None:
    assert api.run_url(DAG_ID, "a+b").endswith(f"/dags/{DAG_ID}/runs/a%2Bb")


@pytest.mark.parametrize("asked", ["fake_api", pytest.param("real_api", marks=[pytest.mark.real])])
def test_a_wrong_password_is_not_allowed(request: pytest.FixtureRequest, asked: str) -> None:
    url = request.getfixturevalue(asked).name
    other = connect(url, username="admin", password=Secret("wrong-one"), clock=SystemClock())
    with pytest.raises(NotAllowedError, match="Could not log in") as caught:
        other.dags()
    assert "wrong-one" not in str(caught.value)
