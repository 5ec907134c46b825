"""Deploy and run on a real Airflow: what only Airflow itself can prove."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from fakes.projects import say, write_project

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.errors import ConflictError, ProjectError
from mlops_cli.core.exits import Exit
from mlops_cli.core.progress import Silent
from mlops_cli.deployment.deploy import stage
from mlops_cli.deployment.live import Deployment, make_live
from mlops_cli.deployment.plan import plan
from mlops_cli.environments.local import instance
from mlops_cli.environments.open import Environment, open_environment
from mlops_cli.project.loader import load
from mlops_cli.runs.status import status
from mlops_cli.runs.trigger import RunOutcome, trigger

if TYPE_CHECKING:
    from mlops_cli.environments.local.instance import Instance
    from mlops_cli.project.model import Project
    from mlops_cli.runs.follow import RunUpdate

pytestmark = [pytest.mark.real]
CLOCK = SystemClock()
DAG = '''\
"""Two candidates, one of which fails when asked to."""

import json
from pathlib import Path

from airflow.sdk import Param, dag, task

SETTINGS = json.loads((Path(__file__).parents[1] / "settings.json").read_text())


@dag(
    dag_id=SETTINGS["dag_ids"]["training"],
    schedule=None,
    params={"fail": Param(False, type="boolean")},
)
def training():
    @task
    def numbers():
        return [1, 2]

    @task
    def fit(number, params=None):
        from deploytest import words

        if params["fail"] and number == 2:
            raise ValueError(f"candidate {number} does not converge")
        return f"{words.WORD} {number}"

    fit.expand(number=numbers())


training()
'''


class Watching:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.updates: list[RunUpdate] = []

    def __call__(self, update: RunUpdate) -> None:
        self.updates.append(update)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def root(
    tmp_path: Path,
    local_airflow: Instance,
    local_airflow_data: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    monkeypatch.setenv("MLOPS_DATA_DIR", str(local_airflow_data))
    root = write_project(tmp_path, name="deploytest")
    (root / "dags/training.py").write_text(DAG)
    return root


def opened(project: Project) -> Environment:
    return open_environment(project, "local", start=True, progress=Silent(), clock=CLOCK)


def deploy(project: Project, folder: Path) -> Deployment:
    environment = opened(project)
    staged = stage(project, environment, folder, python=Path("/usr/bin/python3"), clock=CLOCK)
    return make_live(
        plan(environment, staged),
        staged,
        environment,
        deadline_seconds=60,
        progress=Silent(),
        clock=CLOCK,
    )


def run(project: Project, *conf: str, unpause: bool = False) -> RunOutcome:
    return trigger(
        project,
        "training",
        "local",
        conf=conf,
        run_id=None,
        unpause=unpause,
        listener=Watching(),
        timeout_seconds=120,
        progress=Silent(),
        clock=CLOCK,
    )


def test_from_deploy_to_the_run_s_own_result(root: Path, tmp_path: Path) -> None:
    project = load(root)
    first = deploy(project, tmp_path / "one")
    api = opened(project).airflow
    dag = api.dag("deploytest_training")
    assert dag is not None
    assert dag.relative_fileloc == "deploytest/deploytest.py"
    done = run(project)
    assert (done.state, done.exit_code, done.release) == ("success", Exit.DONE, first.release)
    second = deploy(say(root, "two"), tmp_path / "two")
    assert second.confirmed_seconds < 15
    failed = run(project, "fail=true")
    assert (failed.state, failed.exit_code) == ("failed", Exit.NO)
    assert failed.release == second.release
    assert failed.failed_task == "fit[1]"
    assert any("candidate 2 does not converge" in line for line in failed.log)
    report = status(project, None, "local", progress=Silent(), clock=CLOCK)
    assert [line.state for line in report.pipelines[0].runs[:2]] == ["failed", "success"]


def test_the_code_view_shows_the_dag_s_own_source(root: Path, tmp_path: Path) -> None:
    project = load(root)
    deploy(project, tmp_path / "one")
    running = instance.find_running()
    assert running is not None
    login = {"username": running.username, "password": running.password.reveal()}
    token = httpx.post(f"{running.url}/auth/token", json=login).json()["access_token"]
    source = httpx.get(
        f"{running.url}/api/v2/dagSources/deploytest_training",
        headers={"Authorization": f"Bearer {token}"},
    ).json()["content"]
    assert source == (root / "dags/training.py").read_text()


def test_a_paused_pipeline_is_refused_with_the_way_out(root: Path, tmp_path: Path) -> None:
    project = load(root)
    deploy(project, tmp_path / "one")
    opened(project).airflow.set_paused("deploytest_training", paused=True)
    with pytest.raises(ConflictError, match="it is paused") as caught:
        run(project)
    assert "--unpause" in str(caught.value.hint)
    assert run(project, unpause=True).state == "success"


def test_a_pipeline_that_is_not_deployed_says_so(root: Path) -> None:
    other = load(write_project(root.parent, name="elsewhere"))
    with pytest.raises(ProjectError, match="Airflow does not have it") as caught:
        run(other)
    assert caught.value.hint == "Deploy it: `mlops deploy --env local`"
