"""What is live in one environment goes to another as it is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import pytest
from fakes.airflow_server import FakeAirflow
from fakes.grounds import PASSWORD, Ground, add_environment, airflow_text, folder_ground, s3_ground

from mlops_cli.core.errors import ConflictError, UnfinishedError, UsageError
from mlops_cli.environments import record
from mlops_cli.environments.release import archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass
class Pair:
    staging: Ground
    production: Ground


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setenv(PASSWORD, "ground")
    with (
        folder_ground(tmp_path) as staging,
        folder_ground(
            tmp_path, "production", root=staging.root, more=", protected: true"
        ) as production,
    ):
        yield Pair(staging, production)


def files_of(ground: Ground, release: str) -> dict[str, bytes]:
    root = ground.dags / "churn/_releases" / release
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_the_very_same_files_go_live_with_the_settings_of_the_new_place(pair: Pair) -> None:
    first = pair.staging.deploy()
    # The working tree has gone on meanwhile; nothing of that is promoted.
    pair.staging.say("not yet proven")
    planned = pair.production.deploy(promote_from="staging", dry_run=True)
    assert planned.promoted_from == "staging"
    done = pair.production.deploy(promote_from="staging")
    assert (done.promoted_from, done.unchanged) == ("staging", False)
    there, here = files_of(pair.staging, first.release), files_of(pair.production, done.release)
    same = there.keys() - {"settings.json", "MANIFEST.json"}
    assert {name: here[name] for name in same} == {name: there[name] for name in same}
    settings = json.loads(here["settings.json"])
    assert (settings["environment"], settings["release"]) == ("production", done.release)
    assert settings["model"] == json.loads(there["settings.json"])["model"]
    assert pair.production.word() == "one"
    again = pair.production.deploy(promote_from="staging")
    assert (again.unchanged, again.release) == (True, done.release)
    # Deploying the same source directly is the same release, too.
    pair.staging.say("one")
    assert pair.production.deploy().unchanged
    two = pair.staging.open().store, pair.production.open().store
    manifests = [
        record.read_manifest(store, name)
        for store, name in zip(two, (first.release, done.release), strict=True)
    ]
    assert manifests[0].commit == manifests[1].commit
    assert planned.content == pair.staging.deploy(dry_run=True).content


def test_what_no_airflow_confirmed_is_not_promoted(pair: Pair) -> None:
    with pytest.raises(ConflictError, match="nothing of `churn` is live there") as caught:
        pair.production.deploy(promote_from="staging")
    assert caught.value.hint == "Deploy it there first: `mlops deploy --env staging`"
    place = f"{{kind: folder, path: '{pair.staging.dags}'}}"
    with FakeAirflow().serving() as blind:  # it never looks into the folder
        blind.password = "ground"
        add_environment(pair.staging.root, "staging", airflow_text(blind, place))
        with pytest.raises(UnfinishedError):
            pair.staging.deploy(deadline_seconds=0.5)
        with pytest.raises(ConflictError, match="no Airflow has confirmed it in `staging`"):
            pair.production.deploy(promote_from="staging")
        assert pair.production.live() is None


def test_a_release_that_was_damaged_is_not_promoted(pair: Pair) -> None:
    first = pair.staging.deploy()
    (pair.staging.dags / f"churn/_releases/{first.release}/churn/words.py").write_text("WORD = 1\n")
    with pytest.raises(UnfinishedError, match=r"`churn/words.py` is damaged there"):
        pair.production.deploy(promote_from="staging")


def test_what_lies_in_a_bucket_as_one_archive_goes_on_as_it_is(
    tmp_path: Path, s3_url: str, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PASSWORD, "ground")
    with (
        s3_ground(tmp_path, bucket, s3_url) as staging,
        folder_ground(tmp_path, "production", root=staging.root) as production,
    ):
        first = staging.deploy()
        done = production.deploy(promote_from="staging")
        stored = staging.open().store
        described = record.read_manifest(stored, first.release)
        assert described is not None
        assert described.archive is not None
        packed = record.release_key(first.release, described.archive.name)
        found = stored.read(packed)
        assert found is not None
        there = dict(archive.unpack(found.data, described))
        here = files_of(production, done.release)
        assert here.keys() == {*there, "MANIFEST.json"}
        assert {name for name in there if here[name] != there[name]} == {"settings.json"}
        assert record.read_manifest(production.open().store, done.release).archive is None
        # Other bytes in the same size: nothing but the SHA-256 tells.
        stored.put(
            packed, bytes(len(found.data)), sha256=sha256(bytes(len(found.data))).hexdigest()
        )
        with pytest.raises(UnfinishedError, match=rf"`{described.archive.name}` is damaged there"):
            production.deploy(promote_from="staging")
        assert production.live() == done.release


@pytest.mark.parametrize(("source", "reason"), [("production", "it is there"), ("lab", "no env")])
def test_a_pair_that_cannot_be_is_a_usage_error(pair: Pair, source: str, reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        pair.production.deploy(promote_from=source)


def test_a_kept_plan_of_a_promotion_promotes(pair: Pair, tmp_path: Path) -> None:
    pair.staging.deploy()
    pair.production.deploy(promote_from="staging", plan_to=tmp_path / "plan.json")
    pair.staging.say("two")
    pair.staging.deploy()
    with pytest.raises(ConflictError, match="content is not what was planned"):
        pair.production.deploy(plan_from=tmp_path / "plan.json")
    pair.staging.say("one")
    pair.staging.deploy()
    done = pair.production.deploy(plan_from=tmp_path / "plan.json")
    assert (done.promoted_from, pair.production.word()) == ("staging", "one")
