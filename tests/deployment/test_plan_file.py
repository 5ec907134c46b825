"""A kept plan is deployed as it was looked at, or not at all."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from fakes.grounds import PASSWORD, Ground, folder_ground

from mlops_cli.core.errors import ConflictError, ProjectError, UsageError
from mlops_cli.deployment.live import Deployment
from mlops_cli.deployment.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    monkeypatch.setenv(PASSWORD, "ground")
    with folder_ground(tmp_path) as made:
        yield made


def test_a_kept_plan_writes_nothing_and_is_deployed_later(ground: Ground, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    made = ground.deploy(plan_to=file)
    assert isinstance(made, Plan)
    assert not list(ground.dags.glob("churn/_releases/*"))
    body = json.loads(file.read_text())
    assert (body["base"], body["environment"]) == (None, "staging")
    assert body["dags"] == {"churn_training": "added"}
    done = ground.deploy(plan_from=file)
    assert isinstance(done, Deployment)
    assert done.release.endswith(made.digest[:12])
    assert ground.deploy(plan_from=file).unchanged, "the same command again finishes it"


def test_a_plan_the_world_went_past_is_refused(ground: Ground, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    ground.deploy()
    ground.say("two")
    ground.deploy(plan_to=file)
    ground.say("three")
    theirs = ground.deploy()
    ground.say("two")
    with pytest.raises(
        ConflictError, match=r"the plan is stale: release `.*` is live now"
    ) as caught:
        ground.deploy(plan_from=file)
    assert caught.value.state == "Nothing was changed"
    assert f"--plan-out {file}" in str(caught.value.hint)
    assert ground.live() == theirs.release


def test_a_plan_of_other_content_is_refused(ground: Ground, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    ground.deploy(plan_to=file)
    ground.say("something else")
    with pytest.raises(ConflictError, match="content is not what was planned"):
        ground.deploy(plan_from=file)
    assert ground.live() is None


def test_a_plan_for_another_environment_is_refused(ground: Ground, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    ground.deploy(plan_to=file)
    with pytest.raises(UsageError, match="it is a plan for the environment `staging`, not `local`"):
        ground.deploy(plan_from=file, env="local")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "DeployPlan", "schema": 2}', None])
def test_a_file_that_is_no_plan_says_so(ground: Ground, tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "plan.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ProjectError, match="Could not read the plan"):
        ground.deploy(plan_from=file)


def test_a_plan_that_cannot_be_written_is_an_error(ground: Ground) -> None:
    with pytest.raises(ProjectError, match="Could not write the plan"):
        ground.deploy(plan_to=ground.root / "mlops.yaml/plan.json")
