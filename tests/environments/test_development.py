"""`mode: development`: a person's own copy beside everybody's, from deploy to status."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from fakes.grounds import CLOCK, PASSWORD, Ground, add_environment, airflow_text, folder_ground

from mlops_cli.deployment.destroy import destroy
from mlops_cli.project.loader import load
from mlops_cli.runs.status import status
from mlops_cli.runs.trigger import trigger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    monkeypatch.setenv(PASSWORD, "ground")
    monkeypatch.setenv("MLOPS_USER", "ada")
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "data"))
    with folder_ground(tmp_path) as made:
        store = f"{{kind: folder, path: '{made.dags}'}}"
        text = airflow_text(made.fake, store, more=", mode: development")
        add_environment(made.root, "mine", text)
        yield made


def test_two_copies_live_side_by_side(ground: Ground) -> None:
    ground.deploy()
    ground.say("two")
    mine = ground.deploy(env="mine")
    assert ground.word() == "one"
    assert mine.dags == ("ada_churn_training",)
    assert set(ground.fake.dags) == {"churn_training", "ada_churn_training"}
    settings = ground.dags / "ada_churn/_releases" / mine.release / "settings.json"
    told = json.loads(settings.read_text())
    assert (told["mode"], told["package"], told["project"]) == (
        "development",
        "churn",
        "ada_churn",
    )
    shared = next((ground.dags / "churn/_releases").glob("*/settings.json"))
    assert "mode" not in json.loads(shared.read_text())


def test_it_is_run_looked_at_and_removed_by_the_same_names(ground: Ground) -> None:
    ground.deploy()
    ground.deploy(env="mine")
    project = load(ground.root)
    more = {"progress": ground.notes, "clock": CLOCK}
    run = trigger(
        project, "training", "mine", conf=[], run_id=None, unpause=False, listener=None,
        timeout_seconds=30, **more,
    )  # fmt: skip
    assert run.dag_id == "ada_churn_training"
    assert ground.fake.dags["churn_training"].runs == {}
    report = status(project, None, "mine", **more)
    assert (report.project, report.pipelines[0].dag_id) == ("ada_churn", "ada_churn_training")
    destroy(project, "mine", history=True, approve=lambda _: True, **more)
    assert not (ground.dags / "ada_churn/ada_churn.py").exists()
    assert (ground.dags / "churn/churn.py").exists()
