"""What is registered, read from a real MLflow registry."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fakes.projects import write_project

from mlops_cli.core.errors import ProjectError, UsageError
from mlops_cli.core.processes import child_environment
from mlops_cli.core.progress import Silent
from mlops_cli.environments.interpreters import project_interpreter
from mlops_cli.models.registry import list_models, show_model, tracking_uri
from mlops_cli.project.loader import load

if TYPE_CHECKING:
    from mlops_cli.project.model import Project

_LOCK = Path(__file__).parents[2] / "project_templates/tabular/requirements.lock"
_REGISTER = """
import sys, mlflow
from mlflow import MlflowClient
client = MlflowClient(sys.argv[1], sys.argv[1])
experiment = client.create_experiment("churn", sys.argv[2])
client.create_registered_model("churn")
for number, accuracy in ((1, 0.9), (2, 0.95)):
    run = client.create_run(experiment)
    client.log_metric(run.info.run_id, "accuracy", accuracy)
    client.log_param(run.info.run_id, "family", "random_forest")
    version = client.create_model_version("churn", "file:///nowhere", run.info.run_id)
    client.set_model_version_tag("churn", version.version, "train", "Complete")
    client.set_model_version_tag("churn", version.version, "run", f"m-{number}")
client.set_model_version_tag("churn", "1", "deploy", "Complete")
client.set_registered_model_alias("churn", "champion", "1")
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "state"))
    root = write_project(tmp_path)
    (root / "requirements.lock").write_text(_LOCK.read_text())
    return load(root)


def test_before_the_first_training_nothing_is_registered(project: Project) -> None:
    assert list_models(project, "local", progress=Silent()).models == ()
    with pytest.raises(ProjectError, match="nothing of that name") as caught:
        show_model(project, None, "local", version=None, progress=Silent())
    assert caught.value.hint == "Train it: `mlops trigger training --env local`"
    assert not (Path(tracking_uri().removeprefix("sqlite:///"))).exists()


@pytest.mark.real
def test_versions_have_metrics_stages_and_aliases(project: Project, tmp_path: Path) -> None:
    python = project_interpreter(project.root, progress=Silent())
    (tmp_path / "state/mlflow").mkdir(parents=True)
    subprocess.run(
        [python, "-c", _REGISTER, tracking_uri(), str(tmp_path / "artifacts")],
        check=True,
        timeout=120,
        env=child_environment({"MLFLOW_DISABLE_TELEMETRY": "true"}),
        capture_output=True,
    )
    shown = show_model(project, None, "local", version=None, progress=Silent())
    newest, first = shown.versions
    assert (newest.version, newest.metrics, newest.aliases) == (2, {"accuracy": 0.95}, ())
    assert (first.version, first.aliases, first.run) == (1, ("champion",), "m-1")
    assert first.parameters == {"family": "random_forest"}
    assert first.stages == {
        "train": "Complete",
        "evaluate": "Undefined",
        "audit": "Undefined",
        "deploy": "Complete",
    }
    only = show_model(project, "churn", "local", version=1, progress=Silent())
    assert only.versions == (first,)
    with pytest.raises(UsageError, match="no version 3"):
        show_model(project, "churn", "local", version=3, progress=Silent())
    (line,) = list_models(project, "local", progress=Silent()).models
    assert (line.versions, line.champion, line.newest) == (2, 1, 2)
