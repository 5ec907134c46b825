"""What a release holds, what it refuses, and what the loader makes of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fakes.airflow_side import load as load_pointers
from fakes.clocks import FakeClock
from fakes.projects import say, write_project

from mlops_cli.core.errors import ProjectError, UsageError
from mlops_cli.core.files import write_atomic
from mlops_cli.environments.release import loader, manifest, source
from mlops_cli.environments.release.build import build, lay_out
from mlops_cli.project.loader import load

if TYPE_CHECKING:
    from typing import Any

    from mlops_cli.environments.release.build import Release

PYTHON = Path("/usr/bin/python3")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "state"))
    return write_project(tmp_path)


def built(root: Path, destination: Path, clock: FakeClock | None = None) -> Release:
    return build(load(root), "local", destination, python=PYTHON, clock=clock or FakeClock())


def test_a_release_is_the_tree_a_dag_needs_and_its_manifest(root: Path, tmp_path: Path) -> None:
    (root / "churn/__pycache__").mkdir()
    (root / "churn/__pycache__/words.pyc").touch()
    (root / "churn/.hidden").touch()
    release = built(root, tmp_path / "out")
    files = {p.relative_to(release.root).as_posix() for p in release.root.rglob("*") if p.is_file()}
    assert files == {
        "MANIFEST.json",
        "churn/__init__.py",
        "churn/words.py",
        "dags/training.py",
        "quality/raw.dqdl",
        "requirements.lock",
        "settings.json",
    }
    assert release.id == f"20260301T120000Z-{release.manifest.digest[:12]}"
    assert set(release.manifest.files) == files - {"MANIFEST.json"}
    read = manifest.loads((release.root / manifest.NAME).read_bytes())
    assert read == release.manifest
    assert read.dag_ids == ("churn_training",)


def test_settings_are_resolved_when_the_release_is_built(root: Path, tmp_path: Path) -> None:
    release = built(root, tmp_path / "out")
    settings = json.loads((release.root / "settings.json").read_text())
    assert settings["release"] == release.id
    assert settings["dag_ids"] == {"training": "churn_training"}
    assert settings["model"]["source"] == (root / "data/rows.csv").as_uri()
    assert settings["paths"] == {
        "python": str(PYTHON),
        "runs": str(tmp_path / "state/projects/churn/runs"),
        "data": str(tmp_path / "state/projects/churn/data"),
        "tracking_uri": f"sqlite:///{tmp_path}/state/mlflow/mlflow.db",
        "artifacts": str(tmp_path / "state/mlflow/artifacts"),
    }


def test_the_same_content_has_the_same_digest_at_any_time_and_commit(
    root: Path, tmp_path: Path
) -> None:
    first = built(root, tmp_path / "a")
    clock = FakeClock()
    clock.sleep(3600)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "init", "-q", root], check=True)
    subprocess.run([*git, "-C", root, "add", "-A"], check=True)
    subprocess.run([*git, "-C", root, "commit", "-qm", "first"], check=True)
    (root / "churn/words.py").write_bytes(b'WORD = "one"\r\n')
    second = built(root, tmp_path / "b", clock)
    assert first.id != second.id
    assert first.manifest.digest == second.manifest.digest
    assert (first.manifest.commit, second.manifest.dirty) == (None, True)
    assert second.manifest.commit
    say(root, "two")
    assert built(root, tmp_path / "c").manifest.digest != first.manifest.digest


def test_everything_that_must_not_be_released_is_named_at_once(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "LIMIT_BYTES", 1000)
    key = "AKIA" + "Z" * 16
    (tmp_path / "elsewhere.py").touch()
    (root / "dags/training.py").unlink()
    (root / "churn/secret.py").write_text(f'\nKEY = "{key}"\n')
    (root / "churn/merge.py").write_text("<<<<<<< HEAD\nx = 1\n")
    (root / "churn/big.bin").write_bytes(bytes(2000))
    (root / "churn/out.py").symlink_to(tmp_path / "elsewhere.py")
    (root / "churn/loop").symlink_to(root / "churn")
    (root / "churn/gone.py").symlink_to(root / "nothing.py")
    os.mkfifo(root / "quality/pipe")
    with pytest.raises(ProjectError, match="8 problems") as caught:
        built(root, tmp_path / "out")
    found = {(item.code, item.at.path.name) for item in caught.value.diagnostics if item.at}
    assert found == {
        ("MLP502", "dags"),
        ("MLP503", "gone.py"),
        ("MLP503", "loop"),
        ("MLP503", "out.py"),
        ("MLP504", "pipe"),
        ("MLP505", "big.bin"),
        ("MLP506", "merge.py"),
        ("MLP507", "secret.py"),
    }
    assert all(key not in str(item) for item in caught.value.diagnostics)
    assert not (tmp_path / "out").exists()


def test_an_unknown_environment_is_a_usage_error(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no environment `prod`"):
        build(load(root), "prod", tmp_path, python=PYTHON, clock=FakeClock())


# --- the loader ------------------------------------------------------------------------------


@pytest.fixture
def two(root: Path, tmp_path: Path) -> tuple[Path, Release, Release]:
    """A DAGs folder whose pointer names the second of two releases, then the first."""
    dags = tmp_path / "dags"
    old = lay_out(load(root), "local", dags, python=PYTHON, clock=FakeClock())
    new = lay_out(say(root, "two"), "local", dags, python=PYTHON, clock=FakeClock())
    write_atomic(dags / "churn/churn.py", loader.pointer("churn", "churn", new.id, old.id))
    return dags / "churn/churn.py", old, new


def test_the_current_release_is_loaded_and_says_so(two: tuple[Path, Release, Release]) -> None:
    pointer, _, new = two
    dag = load_pointers(pointer).dags["churn_training"]
    assert (dag["word"], dag["tags"]) == ("two", [f"release:{new.id}"])


@pytest.mark.parametrize("damage", ["MANIFEST.json", "churn/words.py", "short"])
def test_while_the_current_release_is_incomplete_the_previous_one_is_loaded(
    two: tuple[Path, Release, Release], damage: str
) -> None:
    pointer, old, new = two
    if damage == "short":
        (new.root / "churn/words.py").write_text("WORD")
    else:
        (new.root / damage).unlink()
    dag = load_pointers(pointer).dags["churn_training"]
    assert (dag["word"], dag["tags"]) == ("one", [f"release:{old.id}"])


def test_without_a_complete_release_the_import_fails_and_names_them(
    two: tuple[Path, Release, Release],
) -> None:
    pointer, old, new = two
    shutil.rmtree(pointer.parent / "_releases")
    loaded = load_pointers(pointer)
    assert loaded.dags == {}
    assert f"no release of churn is complete here: {new.id}, {old.id}" in loaded.trace


def test_two_projects_and_two_releases_in_one_process_do_not_mix(
    two: tuple[Path, Release, Release], tmp_path: Path
) -> None:
    pointer, old, _ = two
    other = load(write_project(tmp_path / "other", name="fraud", word="three"))
    lay_out(other, "local", tmp_path / "dags", python=PYTHON, clock=FakeClock())
    again = tmp_path / "again/churn/churn.py"
    shutil.copytree(pointer.parent, again.parent)
    write_atomic(again, loader.pointer("churn", "churn", old.id))
    dags = load_pointers(pointer, tmp_path / "dags/fraud/fraud.py", again).dags
    assert dags["fraud_training"]["word"] == "three"
    assert dags["churn_training"]["word"] == "one"


def test_a_pointer_differs_in_length_from_those_before_it() -> None:
    lengths: set[int] = set()
    for _ in range(6):
        text = loader.pointer("churn", "churn", "r2", "r1", lengths=lengths)
        compile(text, "churn.py", "exec")
        assert len(text) not in lengths
        lengths.add(len(text))
    assert loader.names(text) == ("r2", "r1")
    assert set(loader.sizes(text) or ()) < lengths, "the next one need not ask the history"
    assert b"airflow" in text.lower()
    assert b"dag" in text.lower()


def test_a_foreign_file_names_no_release() -> None:
    assert loader.names(b"import airflow\nCURRENT = 1\n") is None


def test_only_an_engine_that_is_not_the_default_stands_in_the_settings(
    root: Path, tmp_path: Path
) -> None:
    def settings(environment: str) -> dict[str, Any]:
        release = build(load(root), environment, tmp_path / "out", python=PYTHON, clock=FakeClock())
        return json.loads((release.root / "settings.json").read_text())

    glue = "{role: Reader, location: s3://flowers/churn, database: churn}"
    with (root / "mlops.yaml").open("a") as manifest:
        manifest.write(f"  cloud: {{kind: local, quality: glue, glue: {glue}}}\n")
    assert not {"quality", "glue"} & set(settings("local"))
    assert settings("cloud")["quality"] == "glue"
    assert settings("cloud")["glue"]["database"] == "churn"
    assert settings("cloud")["paths"]["quality_python"] is None
