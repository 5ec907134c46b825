"""A release in one archive: what is packed, and what the loader makes of it on a node."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fakes import airflow_side
from fakes.airflow_side import load as load_pointers
from fakes.clocks import FakeClock
from fakes.projects import say, write_project

from mlops_cli.core.errors import UnfinishedError
from mlops_cli.core.files import write_atomic
from mlops_cli.environments.release import archive, loader, manifest
from mlops_cli.environments.release.build import build, lay_out
from mlops_cli.project.loader import load

if TYPE_CHECKING:
    from mlops_cli.environments.release.build import Release

PYTHON = Path("/usr/bin/python3")
STUB = Path(airflow_side.__file__).parent / "airflow_stub"


@dataclasses.dataclass
class Node:
    """What a node has: a pointer, two archives, and a folder of its own for temporary files."""

    pointer: Path
    old: Release
    new: Release
    temporary: Path

    def point_to(self, current: Release, previous: Release | None = None) -> None:
        """Move the pointer, as a deploy does: never to one of the same length."""
        lengths = [self.pointer.stat().st_size] if self.pointer.exists() else []
        before = previous.id if previous else None
        text = loader.pointer("churn", "churn", current.id, before, lengths=lengths)
        write_atomic(self.pointer, text)

    def word(self) -> str | None:
        loaded = load_pointers(self.pointer)
        return loaded.dags.get("churn_training", {}).get("word")

    def source(self, release: Release) -> Path:
        return self.pointer.parent / "_releases" / release.id

    def archive(self, release: Release) -> Path:
        return next(self.source(release).glob("*.zip"))

    def unpacked(self, release: Release) -> Path:
        return next(self.temporary.glob(f"mlops-*/churn-*/{release.id}-*"))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "state"))
    return write_project(tmp_path)


def archived(root: Path, staging: Path, releases: Path) -> Release:
    """Build a release, and leave it in `releases` as a deploy into a bucket does."""
    made = build(load(root), "local", staging, python=PYTHON, clock=FakeClock())
    place = releases / made.id
    place.mkdir(parents=True)
    _, entry = archive.pack(made.root, made.manifest, place)
    described = dataclasses.replace(made.manifest, archive=entry)
    write_atomic(place / manifest.NAME, described.dumps())
    return dataclasses.replace(made, manifest=described)


@pytest.fixture
def node(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    """A node whose pointer names the second of two releases, then the first."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    releases = tmp_path / "dags/churn/_releases"
    old = archived(root, tmp_path / "staging", releases)
    say(root, "two")
    new = archived(root, tmp_path / "staging", releases)
    made = Node(tmp_path / "dags/churn/churn.py", old, new, temporary)
    made.point_to(new, old)
    return made


def test_the_same_files_make_the_same_archive_at_any_time(root: Path, tmp_path: Path) -> None:
    made = build(load(root), "local", tmp_path / "out", python=PYTHON, clock=FakeClock())
    packed, first = archive.pack(made.root, made.manifest, tmp_path)
    os.utime(made.root / "churn/words.py", (1, 1))
    _, second = archive.pack(made.root, made.manifest, tmp_path)
    assert first == second
    assert packed.name == f"{first.sha256[:16]}.zip"
    unpacked = dict(archive.unpack(packed.read_bytes(), made.manifest))
    assert unpacked == {path: (made.root / path).read_bytes() for path in made.manifest.files}


def test_a_file_that_changed_is_not_packed(root: Path, tmp_path: Path) -> None:
    made = build(load(root), "local", tmp_path / "out", python=PYTHON, clock=FakeClock())
    (made.root / "churn/words.py").write_text("WORD = 'bad'\n")
    with pytest.raises(UnfinishedError, match=r"`churn/words\.py`: it changed"):
        archive.pack(made.root, made.manifest, tmp_path)


def test_a_manifest_with_an_archive_is_newer_to_an_older_tool(node: Node) -> None:
    text = (node.source(node.new) / "MANIFEST.json").read_bytes()
    assert json.loads(text)["schema"] == 2
    assert manifest.loads(text) == node.new.manifest
    plain = dataclasses.replace(node.new.manifest, archive=None).dumps()
    assert json.loads(plain)["schema"] == 1
    assert "archive" not in json.loads(plain)


def test_what_an_archive_holds_is_unpacked_once_and_loaded(node: Node) -> None:
    dag = load_pointers(node.pointer).dags["churn_training"]
    assert (dag["word"], dag["tags"]) == ("two", [f"release:{node.new.id}"])
    place = node.unpacked(node.new)
    assert {path: (place / path).read_bytes() for path in node.new.manifest.files} == {
        path: (node.new.root / path).read_bytes() for path in node.new.manifest.files
    }
    assert place.parent.parent.stat().st_mode & 0o777 == 0o700
    before = (place / "churn/words.py").stat().st_ino
    assert node.word() == "two"
    assert (place / "churn/words.py").stat().st_ino == before
    assert not list(node.temporary.rglob("*.part"))


@pytest.mark.parametrize("damage", ["no manifest", "no archive", "short", "other bytes", "half"])
def test_until_the_archive_is_whole_the_release_before_is_loaded(node: Node, damage: str) -> None:
    packed, data = node.archive(node.new), node.archive(node.new).read_bytes()
    text = (node.source(node.new) / "MANIFEST.json").read_bytes()
    if damage == "no manifest":
        (node.source(node.new) / "MANIFEST.json").unlink()
    elif damage == "no archive":
        packed.unlink()
    elif damage == "half":
        (node.source(node.new) / "MANIFEST.json").write_bytes(text[: len(text) // 2])
    else:
        packed.write_bytes(data[:-1] if damage == "short" else data[:-200] + bytes(200))
    assert node.word() == "one"
    packed.write_bytes(data)
    (node.source(node.new) / "MANIFEST.json").write_bytes(text)
    assert node.word() == "two"


@pytest.mark.parametrize("gone", ["one file", "a file cut short", "all of it"])
def test_what_somebody_cleans_away_is_unpacked_again(node: Node, gone: str) -> None:
    assert node.word() == "two"
    place = node.unpacked(node.new)
    if gone == "one file":
        (place / "churn/words.py").unlink()
    elif gone == "a file cut short":
        (place / "churn/words.py").write_text("")
    else:
        shutil.rmtree(place.parent.parent)
    assert node.word() == "two"


def test_many_processes_may_unpack_at_once(node: Node) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(lambda _: node.word(), range(16))) == {"two"}
    assert not list(node.temporary.rglob("*.part"))


def test_who_is_killed_while_it_unpacks_leaves_no_half_file(
    node: Node, root: Path, tmp_path: Path
) -> None:
    for number in range(600):
        (root / f"churn/part_{number}.py").write_text(f"NUMBER = {number}\n" * 50)
    say(root, "four")
    big = archived(root, tmp_path / "staging", node.pointer.parent / "_releases")
    node.point_to(big, node.new)
    sizes = {path: entry.size for path, entry in big.manifest.files.items()}
    half = 0
    for _ in range(5):
        child = subprocess.Popen(
            [sys.executable, "-c", "import runpy, sys; runpy.run_path(sys.argv[1])", node.pointer],
            env={**os.environ, "PYTHONPATH": str(STUB)},
        )
        while child.poll() is None and not list(node.temporary.glob("mlops-*/*/*/churn/p*")):
            time.sleep(0.001)
        child.kill()
        child.wait(10)
        place = node.unpacked(big)
        there = {path: place / path for path in sizes if (place / path).exists()}
        assert all(path.stat().st_size == sizes[name] for name, path in there.items())
        half = len(there)
        if half < len(sizes):
            break
        shutil.rmtree(place)
    assert 0 < half < len(sizes), "it was killed half way"
    assert node.word() == "four"


def test_the_archive_may_go_once_it_is_unpacked(node: Node) -> None:
    assert node.word() == "two"
    node.archive(node.new).unlink()
    assert node.word() == "two"


@pytest.mark.parametrize("whose", ["a link", "writable by all"])
def test_code_is_not_loaded_from_where_somebody_else_may_write(node: Node, whose: str) -> None:
    assert node.word() == "two"
    ours = node.unpacked(node.new).parent.parent
    if whose == "a link":
        ours.rename(ours.with_name("elsewhere"))
        ours.symlink_to(ours.with_name("elsewhere"))
    else:
        ours.chmod(0o777)
    loaded = load_pointers(node.pointer)
    assert loaded.dags == {}
    assert f"somebody else may write to {ours}" in loaded.trace
    # Not taken for a copy that is not done yet: the deploy says what is wrong.
    assert "is complete here" not in loaded.trace


def test_a_node_that_cannot_unpack_says_why(node: Node) -> None:
    (node.temporary / f"mlops-{os.getuid()}").write_text("a file")
    trace = load_pointers(node.pointer).trace
    assert "no release of churn can be used here" in trace
    assert f"{node.new.id}: " in trace


def test_what_was_unpacked_goes_a_day_after_the_release_has_gone(node: Node) -> None:
    node.point_to(node.old)
    assert node.word() == "one"
    node.point_to(node.new)
    assert node.word() == "two"
    old, long_ago = node.unpacked(node.old), time.time() - 25 * 3600
    os.utime(old, (long_ago, long_ago))
    assert node.word() == "two"
    assert old.exists(), "the release is still here, and may be gone back to"
    shutil.rmtree(node.source(node.old))
    os.utime(node.unpacked(node.new), (long_ago, long_ago))
    assert node.word() == "two"
    assert not old.exists()
    assert time.time() - node.unpacked(node.new).stat().st_mtime < 60, "it is in use"


def test_a_task_in_flight_keeps_the_files_of_a_release_just_gone(node: Node) -> None:
    node.point_to(node.old)
    assert node.word() == "one"
    old = node.unpacked(node.old)
    shutil.rmtree(node.source(node.old))
    node.point_to(node.new)
    assert node.word() == "two"
    assert (old / "churn/words.py").exists()


def test_plain_and_packed_releases_follow_each_other(
    node: Node, root: Path, tmp_path: Path
) -> None:
    say(root, "three")
    plain = lay_out(load(root), "local", tmp_path / "dags", python=PYTHON, clock=FakeClock())
    node.point_to(plain, node.new)
    assert node.word() == "three"
    (plain.root / "churn/words.py").unlink()
    assert node.word() == "two"


def test_two_bundles_on_one_node_do_not_share_what_is_unpacked(node: Node, tmp_path: Path) -> None:
    assert node.word() == "two"
    shutil.copytree(node.pointer.parent.parent, tmp_path / "other")
    other = dataclasses.replace(node, pointer=tmp_path / "other/churn/churn.py")
    assert other.word() == "two"
    assert len(list(node.temporary.glob("mlops-*/churn-*"))) == 2
