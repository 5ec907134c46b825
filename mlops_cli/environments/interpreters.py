"""Builds the Python environments beside ours: Airflow's, one per version, and each project's own.

An environment is named after what it holds, built by `uv` in a folder beside its place and moved
there in one rename: a folder that exists is complete, whatever was killed while building.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import ProjectError, UnavailableError
from mlops_cli.core.files import remove_tree
from mlops_cli.core.processes import child_environment, run
from mlops_cli.project.paths import QUALITY_TOOLS, cache_dir, quality_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_cli.core.progress import Progress

DEFAULT_AIRFLOW: Final = "3.3"
PROJECT_LOCK: Final = "requirements.lock"

_LOCKS: Final = Path(__file__).parent / "locks"
_BUILD_SECONDS: Final = 1800
_SHOWN_LINES: Final = 8


def airflow_versions() -> tuple[str, ...]:
    """The Airflow versions there is a lock for, newest first."""
    names = [path.stem.removeprefix("airflow-") for path in _LOCKS.glob("airflow-*.txt")]
    return tuple(sorted(names, key=lambda name: [int(part) for part in name.split(".")])[::-1])


def built_airflow(version: str) -> Path | None:
    """The same interpreter when it is there already; nothing is built."""
    lock = _LOCKS / f"airflow-{version}.txt"
    if not lock.is_file():
        return None
    python = cache_dir() / "airflow" / f"{version}-{_digest(lock)}" / "bin" / "python"
    return python if _usable(python) else None


def airflow_interpreter(version: str, *, progress: Progress) -> Path:
    """The Python that has Airflow `version` and its providers; built on first use.

    Args:
        version: Major and minor, such as `3.3`.
        progress: Told when something has to be built.

    Raises:
        ProjectError: There is no lock for that version.
        UnavailableError: `uv` could not build the environment.
    """
    if version not in airflow_versions():
        raise ProjectError(
            f"Could not choose Airflow `{version}`: only "
            f"{', '.join(f'`{name}`' for name in airflow_versions())} can be managed here",
            hint=f'Set `airflow: "{airflow_versions()[0]}"` in `mlops.yaml`',
        )
    lock = _LOCKS / f"airflow-{version}.txt"
    place = cache_dir() / "airflow" / f"{version}-{_digest(lock)}"
    return _interpreter(lock, place, what=f"Airflow {version}", progress=progress)


def project_interpreter(root: Path, *, progress: Progress) -> Path:
    """The Python that has exactly what the project's `requirements.lock` names.

    Args:
        root: The folder that holds `requirements.lock`: a project or a release.
        progress: Told when something has to be built.

    Raises:
        ProjectError: The folder has no `requirements.lock`.
        UnavailableError: `uv` could not build the environment.
    """
    lock = root / PROJECT_LOCK
    if not lock.is_file():
        raise ProjectError(
            f"Could not build the project's environment: `{lock}` does not exist",
            hint="Write it with `uv pip compile pyproject.toml -o requirements.lock`",
        )
    place = cache_dir() / "projects" / _digest(lock)
    return _interpreter(lock, place, what="the project's environment", progress=progress)


def quality_python(root: Path, engine: str) -> Path | None:
    """Where the Python of what runs the gates is, or will be; None when the gates need none.

    Args:
        root: The project.
        engine: `quality` of the environment in `mlops.yaml`.

    Raises:
        ProjectError: It needs one, and the project has no lock for it.
    """
    if engine not in QUALITY_TOOLS:
        return None
    lock = root / quality_lock(engine)
    if not lock.is_file():
        from mlops_cli.quality.exporters import lock_file

        ours = shlex.quote(str(lock_file(engine)))
        raise ProjectError(
            f"Could not choose the packages of `{engine}`: `{lock}` does not exist",
            hint=f"Take the tested ones: `cp {ours} {shlex.quote(str(lock))}`",
        )
    return cache_dir() / "projects" / _digest(lock) / "bin" / "python"


def quality_interpreter(root: Path, engine: str, *, progress: Progress) -> Path | None:
    """The Python that has Great Expectations or Soda; None when the gates need neither.

    Args:
        root: The project.
        engine: `quality` of the environment in `mlops.yaml`.
        progress: Told when something has to be built.

    Raises:
        ProjectError: The project has no lock for it.
        UnavailableError: `uv` could not build the environment.
    """
    python = quality_python(root, engine)
    if python is None:
        return None
    place = python.parents[1]
    what = f"the environment of `{engine}`"
    return _interpreter(root / quality_lock(engine), place, what=what, progress=progress)


def _digest(lock: Path) -> str:
    # The Python belongs to the name: an upgraded one must not find the old one's packages.
    content = lock.read_bytes() + f"\n{sys.implementation.cache_tag} {sys.platform}".encode()
    return hashlib.sha256(content).hexdigest()[:12]


def _interpreter(lock: Path, place: Path, *, what: str, progress: Progress) -> Path:
    python = place / "bin" / "python"
    if _usable(python):
        return python
    place.parent.mkdir(parents=True, exist_ok=True)
    with progress.step(f"Building {what}"), _only_builder(place) as held:
        if not _usable(python):  # another process may have built it while we waited
            remove_tree(place)
            _build(lock, place, held, what=what)
    return python


def _usable(python: Path) -> bool:
    # The link breaks when the Python below it is removed; then the environment is built again.
    return python.exists() and os.access(python, os.X_OK)


@contextmanager
def _only_builder(place: Path) -> Iterator[int]:
    with (place.parent / f".{place.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        for left_over in place.parent.glob(f".{place.name}.building-*"):
            remove_tree(left_over)
        yield file.fileno()


def _build(lock: Path, place: Path, held: int, *, what: str) -> None:
    temporary = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name}.building-"))
    venv = temporary / "venv"
    try:
        new = ("venv", "--quiet", "--relocatable", "--python", sys.executable)
        _uv(*new, venv, held=held, what=what)
        # Bytecode now: without it Airflow takes three times as long to import, every time.
        compiled = ("--quiet", "--compile-bytecode")
        _uv("pip", "sync", *compiled, "--python", venv, lock, held=held, what=what)
        venv.rename(place)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _uv(*arguments: str | Path, held: int, what: str) -> None:
    import uv

    environment = child_environment({"UV_NO_PROGRESS": "1", "UV_PYTHON_DOWNLOADS": "never"})
    finished = run(
        [uv.find_uv_bin(), *arguments],
        timeout_seconds=_BUILD_SECONDS,
        # Not the user's folder: a `pyproject.toml` there would change how uv resolves.
        cwd=cache_dir(),
        env=environment,
        # Where we are killed, uv goes on for a while; until it ends it is still the only builder.
        pass_fds=(held,),
    )
    if finished.returncode == 0:
        return
    reason = f"uv did not finish in {_BUILD_SECONDS} s" if finished.timed_out else "uv failed"
    lines = [line for line in finished.output.splitlines() if line.strip()][-_SHOWN_LINES:]
    raise UnavailableError(
        f"Could not build {what}: {reason}" + "".join(f"\n  {line}" for line in lines),
        hint="Check that the package registry uv is set up for answers, then run it again",
        state="Nothing of it was kept",
    )
