"""One freshly generated, valid project for the session; each test gets a copy to break."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlops_cli.checks import validate
from mlops_cli.cli.app import main
from mlops_cli.core.progress import Silent
from mlops_cli.project.paths import cache_dir

STATIC = ("MLP1", "MLP2", "MLP30", "MLP38", "MLP4", "MLP6", "MLP7")


@pytest.fixture(scope="session")
def pristine(tmp_path_factory):
    """The Iris project as `mlops new` writes it."""
    folder = tmp_path_factory.mktemp("pristine")
    assert main(["new", "iris", "--into", str(folder), "--defaults", "--no-git", "--quiet"]) == 0
    return folder / "iris"


@pytest.fixture
def project(pristine, tmp_path):
    """A copy that may be broken."""
    return Path(shutil.copytree(pristine, tmp_path / "iris"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """No answer of another test is remembered; interpreters are shared, they take minutes."""
    shared = cache_dir()
    own = tmp_path / "cache"
    own.mkdir()
    for name in ("airflow", "projects"):
        (shared / name).mkdir(parents=True, exist_ok=True)
        (own / name).symlink_to(shared / name, target_is_directory=True)
    monkeypatch.setenv("MLOPS_CACHE_DIR", str(own))
    return own


@pytest.fixture
def static(project):
    """Run all checks that need no Airflow."""

    def run(**options):
        return validate(project, select=STATIC, progress=Silent(), **options)

    return run


@pytest.fixture
def everything(project):
    """Run all checks."""

    def run(**options):
        return validate(project, progress=Silent(), **options)

    return run
