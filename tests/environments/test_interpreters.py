"""Environments are there in full or not at all, and built once."""

from __future__ import annotations

import fcntl
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from somebody import until

from mlops_cli.core.errors import ProjectError, UnavailableError
from mlops_cli.core.progress import Silent
from mlops_cli.environments.interpreters import (
    DEFAULT_AIRFLOW,
    airflow_interpreter,
    airflow_versions,
    project_interpreter,
)
from mlops_cli.project.model import AIRFLOW_VERSIONS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A build that waits until it is told to go on.
SLOW_BACKEND = """
import pathlib, time, zipfile

INFO = {
    "METADATA": ("Metadata-Version: 2.1", "Name: slow", "Version: 1.0", ""),
    "WHEEL": ("Wheel-Version: 1.0", "Root-Is-Purelib: true", "Tag: py3-none-any", ""),
    "RECORD": (),
}

def build_wheel(folder, settings=None, metadata=None):
    pathlib.Path("started").touch()
    end = time.monotonic() + 60
    while not pathlib.Path("go").exists() and time.monotonic() < end:
        time.sleep(0.01)
    name = "slow-1.0-py3-none-any.whl"
    with zipfile.ZipFile(pathlib.Path(folder) / name, "w") as wheel:
        wheel.writestr("slow.py", "")
        for file, lines in INFO.items():
            wheel.writestr(f"slow-1.0.dist-info/{file}", "\\n".join(lines))
    return name
"""


class Steps:
    def __init__(self) -> None:
        self.texts: list[str] = []

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        self.texts.append(text)
        yield

    def note(self, text: str) -> None:
        self.texts.append(text)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("MLOPS_CACHE_DIR", str(folder))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "churn"
    folder.mkdir()
    # Nothing to install: what is tested here needs no package.
    (folder / "requirements.lock").write_text("# nothing\n")
    return folder


def test_an_environment_is_built_once_for_one_lock(cache: Path, root: Path) -> None:
    steps = Steps()
    python = project_interpreter(root, progress=steps)
    assert python.is_relative_to(cache / "projects")
    assert project_interpreter(root, progress=steps) == python
    assert steps.texts == ["Building the project's environment"]
    ran = subprocess.run(
        [python, "-c", "import sys; print(sys.prefix)"], check=True, capture_output=True
    )
    assert ran.stdout.decode().strip() == str(python.parents[1])


def test_another_lock_is_another_environment(cache: Path, root: Path) -> None:
    first = project_interpreter(root, progress=Silent())
    (root / "requirements.lock").write_text("# still nothing\n")
    assert project_interpreter(root, progress=Silent()) != first


def test_builds_at_once_wait_for_each_other(cache: Path, root: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        builds = [pool.submit(project_interpreter, root, progress=Silent()) for _ in range(4)]
        assert len({build.result() for build in builds}) == 1
    assert visible(cache / "projects") == 1
    assert not list((cache / "projects").glob(".*building*"))


def test_a_failed_build_says_why_and_keeps_nothing(cache: Path, root: Path) -> None:
    (root / "requirements.lock").write_text("./missing-1.0-py3-none-any.whl\n")
    with pytest.raises(UnavailableError, match="missing") as caught:
        project_interpreter(root, progress=Silent())
    assert caught.value.state == "Nothing of it was kept"
    assert visible(cache / "projects") == 0


BUILD = (
    "import sys, pathlib\n"
    "from mlops_cli.core.progress import Silent\n"
    "from mlops_cli.environments.interpreters import project_interpreter\n"
    "project_interpreter(pathlib.Path(sys.argv[1]), progress=Silent())\n"
)


def test_a_killed_build_is_not_taken_for_a_whole_one(cache: Path, root: Path) -> None:
    whole = 0
    for wait in (0.0, 0.02, 0.05, 0.1, 0.2):
        child = subprocess.Popen([sys.executable, "-c", BUILD, root])
        deadline = time.monotonic() + 20
        while not list((cache / "projects").glob(".*building*")) and time.monotonic() < deadline:
            if child.poll() is not None:
                break
            time.sleep(0.002)
        time.sleep(wait)
        child.kill()
        child.wait()
        whole = visible(cache / "projects")
    python = project_interpreter(root, progress=Silent())
    assert subprocess.run([python, "-c", ""], check=False).returncode == 0
    assert whole <= 1
    assert not list((cache / "projects").glob(".*building*")) or whole


def test_what_a_killed_build_started_ends_before_the_next_begins(cache: Path, root: Path) -> None:
    """`uv` survives whoever is killed above it; what it still writes must not be left for good."""
    package = root / "slow"
    package.mkdir()
    (package / "pyproject.toml").write_text(
        "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n"
        "[project]\nname = 'slow'\nversion = '1.0'\n"
    )
    (package / "backend.py").write_text(SLOW_BACKEND)
    (root / "requirements.lock").write_text(f"slow @ {package.as_uri()}\n")
    child = subprocess.Popen([sys.executable, "-c", BUILD, root])
    until((package / "started").exists, "the build had begun")
    child.kill()
    child.wait()
    [lock] = (cache / "projects").glob(".*.lock")
    with lock.open("w") as file, pytest.raises(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    (package / "go").touch()
    python = project_interpreter(root, progress=Silent())
    assert subprocess.run([python, "-c", "import slow"], check=False).returncode == 0
    assert not list((cache / "projects").glob(".*building*"))


def test_an_environment_whose_python_is_gone_is_built_again(cache: Path, root: Path) -> None:
    python = project_interpreter(root, progress=Silent())
    python.unlink()
    python.symlink_to("/nowhere/python")
    assert project_interpreter(root, progress=Silent()) == python
    assert subprocess.run([python, "-c", ""], check=False).returncode == 0


def test_a_project_without_a_lock_is_told_how_to_make_one(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match=r"requirements\.lock") as caught:
        project_interpreter(tmp_path, progress=Silent())
    assert "uv pip compile" in str(caught.value.hint)


def test_an_airflow_version_without_a_lock_names_those_there_are(cache: Path) -> None:
    with pytest.raises(ProjectError, match=f"`1.9`: only .*`{DEFAULT_AIRFLOW}`"):
        airflow_interpreter("1.9", progress=Silent())
    assert DEFAULT_AIRFLOW in airflow_versions()
    assert set(airflow_versions()) == set(AIRFLOW_VERSIONS), "each that mlops.yaml takes has a lock"


@pytest.mark.real
def test_the_managed_airflow_has_its_bytecode_and_its_providers() -> None:
    python = airflow_interpreter(DEFAULT_AIRFLOW, progress=Silent())
    code = (
        "import airflow, importlib.util as u, pathlib;"
        "import airflow.providers.amazon, airflow.providers.slack, airflow.providers.smtp;"
        "print(airflow.__version__, pathlib.Path(u.cache_from_source(airflow.__file__)).exists())"
    )
    ran = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    assert ran.stdout.split()[-1] == "True", ran.stderr
    assert ran.stdout.startswith(f"{DEFAULT_AIRFLOW}.")


def visible(folder: Path) -> int:
    return sum(not path.name.startswith(".") for path in folder.glob("*"))
