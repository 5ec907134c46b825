"""Deploys into a bucket that a node copies from by itself: what goes live there, and when."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING

import pytest
from fakes import moto_server as moto
from fakes.airflow_side import load as load_pointers
from fakes.grounds import CLOCK, PASSWORD, Ground, s3_ground

from mlops_cli.core.errors import FailedError, UnfinishedError
from mlops_cli.deployment.destroy import take_away
from mlops_cli.deployment.rollback import roll_back
from mlops_cli.environments import record
from mlops_cli.environments.stores.s3 import S3Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fakes.fault_proxy import FaultProxy


@pytest.fixture
def ground(
    tmp_path: Path, s3_url: str, bucket: str, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ground]:
    monkeypatch.setenv(PASSWORD, "ground")
    with s3_ground(tmp_path, bucket, s3_url) as made:
        yield made


def test_from_a_first_deploy_over_a_change_and_back(ground: Ground, proxy: FaultProxy) -> None:
    first = ground.deploy()
    assert ground.word() == "one"
    assert ground.fake.dags["churn_training"].tags == {f"release:{first.release}"}
    ground.say("two")
    planned = ground.deploy(dry_run=True)
    assert [(file.change, file.path) for file in planned.files] == [("~", "churn/words.py")]
    assert planned.target.startswith("s3://")
    second = ground.deploy()
    assert (second.previous, ground.word()) == (first.release, "two")
    proxy.settle()
    proxy.clear()
    began = time.monotonic()
    back = roll_back(
        "churn", ground.open(), to=None, deadline_seconds=20, progress=ground.notes, clock=CLOCK
    )
    assert time.monotonic() - began < 5 + back.confirmed_seconds
    assert (back.release, ground.word()) == (first.release, "one")
    assert not [
        one
        for one in proxy.requests("PUT")
        if one.path.endswith((".py", ".json")) and "_releases/" in one.path
    ]


def test_what_is_live_already_costs_five_requests_and_one_question(
    ground: Ground, proxy: FaultProxy
) -> None:
    for number in range(60):
        (ground.root / f"churn/part_{number}.py").write_text(f"NUMBER = {number}\n")
    ground.deploy()
    proxy.settle()
    proxy.clear()
    ground.fake.requests.clear()
    again = ground.deploy()
    proxy.settle()
    asked = [(one.method, one.path) for one in proxy.requests()]
    assert again.unchanged
    assert len(asked) <= 5, asked
    assert {method for method, _ in asked} == {"GET"}
    assert ground.fake.asked("GET /api/v2/") == 1, ground.fake.requests


def test_a_node_never_sees_half_of_two_releases(ground: Ground, tmp_path: Path) -> None:
    parts = [ground.root / f"churn/part_{number}.py" for number in range(12)]
    text = "".join(f"from . import part_{n}\nassert part_{n}.W == WORD\n" for n in range(12))
    (ground.root / "churn/__init__.py").write_text(f"from .words import WORD\n{text}")

    def say(word: str) -> None:
        ground.say(word)
        for part in parts:
            part.write_text(f"W = '{word}'\n")

    over, seen, traces = threading.Event(), [], []

    def watch() -> None:
        while not over.is_set():
            found = load_pointers(ground.dags / "churn/churn.py")
            seen.extend(dag["word"] for dag in found.dags.values())
            traces.append(found.trace)

    say("word 0")
    ground.deploy()
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    for number in range(1, 5):
        say(f"word {number}")
        ground.deploy()
    over.set()
    watcher.join(10)
    assert not "".join(traces), traces
    assert sorted(seen, key=lambda word: int(word.split()[1])) == seen, "never back, never mixed"
    assert set(seen) <= {f"word {number}" for number in range(5)}


def test_a_release_is_one_archive_and_its_manifest(
    ground: Ground, proxy: FaultProxy, s3_url: str, bucket: str
) -> None:
    for number in range(60):
        (ground.root / f"churn/part_{number}.py").write_text(f"NUMBER = {number}\n")
    proxy.clear()
    first = ground.deploy()
    proxy.settle()
    asked = [(one.method, one.path) for one in proxy.requests()]
    assert len(asked) <= 30, asked
    inner = f"dags/churn/_releases/{first.release}/"
    there = moto.client(s3_url).list_objects_v2(Bucket=bucket, Prefix=inner)["Contents"]
    names = sorted(item["Key"].removeprefix(inner) for item in there)
    described = record.read_manifest(ground.open().store, first.release)
    assert described is not None
    assert described.archive is not None
    assert names == sorted(["MANIFEST.json", described.archive.name])
    assert "churn/part_59.py" in described.files


def test_files_somebody_deleted_are_put_back(ground: Ground, s3_url: str, bucket: str) -> None:
    first = ground.deploy()
    s3 = moto.client(s3_url)
    inner = f"dags/churn/_releases/{first.release}/"
    there = {item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=inner)["Contents"]}
    packed = next(key for key in there if key.endswith(".zip"))
    s3.delete_object(Bucket=bucket, Key=packed)
    again = ground.deploy()
    assert (again.release, again.unchanged) == (first.release, False)
    assert packed in {
        item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=inner)["Contents"]
    }


def test_a_release_of_plain_files_stays_live_is_followed_and_taken_back_to(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As every version of the tool before archives left it.
    with monkeypatch.context() as before:
        before.setattr(S3Store, "archives", False)
        first = ground.deploy()
    described = record.read_manifest(ground.open().store, first.release)
    assert described is not None
    assert described.archive is None
    assert ground.deploy().unchanged
    ground.say("two")
    second = ground.deploy()
    assert (second.previous, ground.word()) == (first.release, "two")
    back = roll_back(
        "churn", ground.open(), to=None, deadline_seconds=20, progress=ground.notes, clock=CLOCK
    )
    assert (back.release, ground.word()) == (first.release, "one")


def test_what_does_not_import_there_is_taken_back_with_its_trace(ground: Ground) -> None:
    first = ground.deploy()
    (ground.root / "dags/training.py").write_text("import airflow\nimport nowhere_to_be_found\n")
    with pytest.raises(FailedError, match="No module named 'nowhere_to_be_found'") as caught:
        ground.deploy(rollback_on_failure=True)
    assert f"rolled back to release `{first.release}`" in str(caught.value.state)
    deadline = time.monotonic() + 10
    while ground.word() != "one" and time.monotonic() < deadline:
        time.sleep(0.1)
    assert (ground.live(), ground.word()) == (first.release, "one")


def test_what_airflow_never_shows_is_unfinished_and_says_so_in_the_history(
    ground: Ground,
) -> None:
    first = ground.deploy()
    ground.say("two")
    ground.fake.frozen = True
    with pytest.raises(UnfinishedError, match=rf"it still is from release:{first.release}"):
        ground.deploy(deadline_seconds=2.0)
    assert ground.history()[-1] == "unconfirmed"


def test_a_file_that_changes_on_its_way_discards_the_release(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlops_cli.deployment import live as live_module

    first = ground.deploy()
    ground.say("two")
    real = live_module.apply

    def spoil(made, staged, *rest, **more):
        (staged.root / "churn/words.py").write_text("WORD = 'spoilt'\n")
        return real(made, staged, *rest, **more)

    monkeypatch.setattr(live_module, "apply", spoil)
    with pytest.raises(UnfinishedError, match="it changed while it was copied") as caught:
        ground.deploy()
    assert ground.live() == first.release
    assert first.release in f"{caught.value.state}" or "did not change" in f"{caught.value.state}"
    monkeypatch.undo()
    monkeypatch.setenv(PASSWORD, "ground")


def test_destroy_leaves_others_and_the_history(ground: Ground, s3_url: str, bucket: str) -> None:
    ground.deploy()
    s3 = moto.client(s3_url)
    for key in ("dags/churn/notes.txt", "dags/other.py"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"# mine\n")
    done = take_away(
        "churn", ground.open(), history=False, approve=lambda _: True, progress=ground.notes
    )
    assert done.left == ("notes.txt",)
    left = {item["Key"] for item in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    history = {key for key in left if re.fullmatch(r"mlops/churn/staging/_history/\d+\.json", key)}
    assert left == history | {"dags/churn/notes.txt", "dags/other.py"}
    assert len(history) == 2
    assert ground.fake.dags["churn_training"].is_paused
