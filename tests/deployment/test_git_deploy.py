"""Deploys into a branch that Airflow follows, and what holds for every target alike."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from fakes.grounds import CLOCK, PASSWORD, Ground, folder_ground, git_ground
from fakes.repositories import git

from mlops_cli.core.errors import UnfinishedError
from mlops_cli.deployment.destroy import take_away
from mlops_cli.deployment.rollback import roll_back
from mlops_cli.runs.target import release_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    monkeypatch.setenv(PASSWORD, "ground")
    monkeypatch.setenv("MLOPS_CACHE_DIR", str(tmp_path / "cache"))
    with git_ground(tmp_path) as made:
        yield made


def test_from_a_first_deploy_over_a_change_and_back_each_is_a_commit(
    ground: Ground, tmp_path: Path
) -> None:
    first = ground.deploy()
    assert ground.word() == "one"
    ground.say("two")
    planned = ground.deploy(dry_run=True)
    assert [(file.change, file.path) for file in planned.files] == [("~", "churn/words.py")]
    second = ground.deploy()
    assert (second.previous, ground.word()) == (first.release, "two")
    assert ground.deploy().unchanged
    back = roll_back(
        "churn", ground.open(), to=None, deadline_seconds=20, progress=ground.notes, clock=CLOCK
    )
    assert (back.release, ground.word()) == (first.release, "one")
    remote = tmp_path / "remote.git"
    assert git(remote, "rev-list", "--count", "deploy/staging") == "3"
    assert ground.history() == ["deploy", "confirmed"] * 2 + ["rollback", "confirmed"]


def test_airflow_has_to_be_at_a_commit_in_which_the_release_is_live(
    ground: Ground, tmp_path: Path
) -> None:
    # It pins each run to the commit it has of the DAG, whatever the tags say.
    remote = tmp_path / "remote.git"
    first = ground.deploy()
    ground.fake.held = before = git(remote, "rev-parse", "deploy/staging")
    ground.say("two")
    reason = f"new runs of it are of commit {before[:12]}, in which {first.release} is live"
    with pytest.raises(UnfinishedError):
        ground.deploy(deadline_seconds=0.1)
    dag, first_tag = ground.fake.dags["churn_training"], {f"release:{first.release}"}
    while dag.tags == first_tag:
        time.sleep(0.05)
    with pytest.raises(UnfinishedError, match=reason):
        ground.deploy(deadline_seconds=0.1)
    assert ground.history()[-1] == "unconfirmed"
    # A commit of somebody else's on top is as good as ours.
    theirs = git(
        remote,
        *("-c", "user.name=other", "-c", "user.email=other@localhost", "commit-tree"),
        *("-p", "deploy/staging", "-m", "Theirs", "deploy/staging^{tree}"),
    )
    git(remote, "update-ref", "refs/heads/deploy/staging", theirs)
    ground.fake.held = theirs
    assert ground.deploy().unchanged
    assert ground.fake.dags["churn_training"].bundle_version == theirs
    # What nobody here can look into says nothing.
    store = ground.open().store
    assert store.release_at("0" * 40) is None
    assert store.release_at("--upload-pack=touch") is None


def test_destroy_is_a_commit_without_the_project(ground: Ground, tmp_path: Path) -> None:
    ground.deploy()
    take_away("churn", ground.open(), history=False, approve=lambda _: True, progress=ground.notes)
    remote = tmp_path / "remote.git"
    assert git(remote, "ls-tree", "-r", "--name-only", "deploy/staging") == ""
    assert ground.history() == ["deploy", "confirmed"]
    assert ground.live() is None


def test_another_airflow_than_the_one_that_proved_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD, "ground")
    with folder_ground(tmp_path) as ground:
        manifest = ground.root / "mlops.yaml"
        manifest.write_text(manifest.read_text() + 'airflow: "3.2"\n')
        ground.deploy()
    told = "`staging` runs Airflow 3.3.2; the DAGs are proved under 3.2"
    assert any(told in line for line in ground.notes.said)


def test_tags_of_the_release_over_tasks_of_before_are_not_live_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD, "ground")
    with folder_ground(tmp_path) as ground:
        first = ground.deploy()
        dag = ground.fake.dags["churn_training"]
        dag.tasks_from = first.release  # as within `min_serialized_dag_update_interval`
        ground.say("two")
        with pytest.raises(UnfinishedError, match="still runs the tasks of before"):
            ground.deploy(deadline_seconds=1.0)
        shown = ground.open().airflow.dag("churn_training")
        assert shown is not None
        assert release_of(shown) == first.release
        assert f"release:{first.release}" not in shown.tags
        dag.tasks_from = None
        assert ground.deploy().unchanged
