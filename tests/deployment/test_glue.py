"""A project whose gates AWS Glue Data Quality runs, on a real Airflow and against a small Glue."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest
from fakes.glue_server import Amazon, Fault, amazon

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.errors import ConflictError
from mlops_cli.core.exits import Exit
from mlops_cli.core.progress import Silent
from mlops_cli.deployment.deploy import deploy
from mlops_cli.project.loader import load
from mlops_cli.project.paths import data_dir
from mlops_cli.runs.trigger import RunOutcome, trigger
from mlops_cli.templates import Answers, create

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_cli.environments.local.instance import Instance
    from mlops_cli.project.model import Project
    from mlops_cli.runs.follow import RunUpdate

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(600)]
CLOCK = SystemClock()
BUCKET = "glue-checks"
ANSWERS = {"quality": "glue", "glue_role": "GlueRole", "glue_location": f"s3://{BUCKET}/flowers/"}


class Watching:
    """A listener that looks away."""

    def __call__(self, update: RunUpdate) -> None:
        """Nothing is shown."""

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(scope="module")
def servers() -> Iterator[Amazon]:
    with amazon(BUCKET) as made:
        yield made


@pytest.fixture(scope="module")
def project(
    servers: Amazon,
    local_airflow: Instance,
    local_airflow_data: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Project]:
    """The Iris project with the answer `glue`, deployed to its environment `glue`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_DATA_DIR", str(local_airflow_data))
        made = create(
            "gluetest",
            template="tabular",
            into=tmp_path_factory.mktemp("glue"),
            answers=Answers(values=ANSWERS, git=False),
            progress=Silent(),
        )
        manifest = made.path / "mlops.yaml"
        text = manifest.read_text()
        manifest.write_text(text.replace("check_every_seconds: 30", "check_every_seconds: 1"))
        connect(local_airflow, servers)
        project = load(made.path)
        deploy(
            project,
            "glue",
            approve=lambda _: True,
            progress=Silent(),
            clock=CLOCK,
        )
        yield project


@pytest.fixture(autouse=True)
def _same_airflow(local_airflow_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLOPS_DATA_DIR", str(local_airflow_data))


def connect(airflow: Instance, servers: Amazon) -> None:
    """Give Airflow the connection to the small Amazon, as its user would."""
    login = {"username": airflow.username, "password": airflow.password.reveal()}
    token = httpx.post(f"{airflow.url}/auth/token", json=login).json()["access_token"]
    answer = httpx.post(
        f"{airflow.url}/api/v2/connections",
        headers={"Authorization": f"Bearer {token}"},
        json=servers.connection(),
    )
    answer.raise_for_status()


def run(project: Project, *conf: str, environment: str = "glue") -> RunOutcome:
    return trigger(
        project,
        "training",
        environment,
        conf=conf,
        run_id=None,
        unpause=False,
        listener=Watching(),
        timeout_seconds=450,  # two cores may have more to do than this
        progress=Silent(),
        clock=CLOCK,
    )


def kept(project: Project, outcome: RunOutcome, name: str) -> Path:
    return data_dir() / "projects" / project.name / "runs" / outcome.run_id / "quality" / name


def test_good_data_gets_through_both_gates_on_glue(project: Project, servers: Amazon) -> None:
    done = run(project, "recommend=raw")
    assert (done.state, done.exit_code) == ("success", Exit.DONE), done.log
    result = json.loads(kept(project, done, "raw.json").read_text())
    assert result["Score"] == 1.0
    assert result["RulesetEvaluationRunId"] in servers.glue.evaluations
    assert len(result["RuleResults"]) == 11
    ruleset = (project.root / "quality/raw.dqdl").read_text()
    assert servers.glue.rulesets["gluetest_glue_raw"]["Ruleset"] == ruleset.strip()
    table = servers.glue.tables["gluetest", "gluetest_glue_features"]["StorageDescriptor"]
    assert table["Location"] == f"s3://{BUCKET}/flowers/glue/features/"
    assert {"Name": "species", "Type": "string"} in table["Columns"]
    assert len(servers.glue.recommendations) == 1
    recommended = kept(project, done, "raw.recommended.dqdl").read_text()
    assert 'IsComplete "species"' in recommended


def test_bad_data_is_stopped_at_the_gate_with_the_rule_named(
    project: Project, servers: Amazon
) -> None:
    rows = (project.root / "data/iris.csv").read_text().splitlines()
    rows[3] = "99,3.0,1.4,0.2,setosa"
    bad = project.root.parent / "bad.csv"
    bad.write_text("\n".join(rows) + "\n")
    servers.glue.faults.append(Fault("GetDataQualityRulesetEvaluationRun"))
    done = run(project, f"source={bad.as_uri()}")
    assert (done.state, done.exit_code) == ("failed", Exit.NO)
    assert done.failed_task == "gate_raw.verdict"
    assert any('FAIL ColumnValues "sepal_length" between 3 and 10' in line for line in done.log)
    results = json.loads(kept(project, done, "raw.json").read_text())["RuleResults"]
    assert [rule["Result"] for rule in results].count("FAIL") == 1


def test_a_run_that_glue_gives_up_on_lets_nothing_through(
    project: Project, servers: Amazon
) -> None:
    servers.glue.failing += ["Out of workers"] * 2
    done = run(project)
    assert (done.state, done.exit_code) == ("failed", Exit.NO)
    assert done.failed_task == "gate_raw.evaluate"
    assert not kept(project, done, "raw.json").exists()


def test_a_release_for_glue_is_not_run_in_the_name_of_another_environment(
    project: Project,
) -> None:
    with pytest.raises(ConflictError, match="is for `glue`") as caught:
        run(project, environment="local")
    assert caught.value.hint == "Deploy it: `mlops deploy --env local`"
