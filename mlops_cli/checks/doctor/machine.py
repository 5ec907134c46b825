"""This machine: what a deploy needs here, before anybody else is asked."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, Final

from mlops_cli.project.environments import AirflowEnvironment, GitPlace, LocalEnvironment
from mlops_cli.project.paths import cache_dir, data_dir

from .report import failed, passed, warning

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from .examination import Patient
    from .report import Finding

_LEAST_FREE: Final = 2 * 1024**3


def folders(patient: Patient) -> Iterator[Finding]:  # noqa: ARG001 -- every check's form
    """State and interpreters can be kept."""
    for name, folder in (("MLOPS_DATA_DIR", data_dir()), ("MLOPS_CACHE_DIR", cache_dir())):
        there = _nearest(folder)
        if not os.access(there, os.W_OK | os.X_OK):
            yield failed(
                "folders",
                f"`{folder}` cannot be written to",
                f"Choose another: `export {name}=DIR`",
            )
            continue
        free = shutil.disk_usage(there).free
        if free < _LEAST_FREE:
            yield warning(
                "folders",
                f"`{folder}` has {free / 1024**3:.1f} GB left",
                f"Free some, or choose another: `export {name}=DIR`",
            )
        else:
            yield passed("folders", f"`{folder}` can be written to")


def git(patient: Patient) -> Iterator[Finding]:
    """Releases name their commit; in a git store they are one."""
    if found := shutil.which("git"):
        yield passed("git", f"`{found}`")
        return
    spec = patient.spec
    needed = isinstance(spec, AirflowEnvironment) and isinstance(spec.store, GitPlace)
    say = failed if needed else warning
    yield say("git", "there is no git on this machine", "Install it: `apt-get install git`")


def paths(patient: Patient) -> Iterator[Finding]:
    """Steps run with an interpreter the workers have."""
    spec = patient.spec
    if isinstance(spec, LocalEnvironment):
        return
    if spec.paths.python:
        yield passed("paths", f"steps run with `{spec.paths.python}` on the workers")
        return
    yield warning(
        "paths",
        "steps run with this machine's interpreter, which workers elsewhere do not have",
        f"Name theirs: `environments.{patient.name}.paths.python` in `mlops.yaml`",
    )


def _nearest(folder: Path) -> Path:
    while not folder.exists():
        folder = folder.parent
    return folder


MACHINE_CHECKS: Final[Mapping[str, Callable[[Patient], Iterable[Finding]]]] = {
    "folders": folders,
    "git": git,
    "paths": paths,
}
