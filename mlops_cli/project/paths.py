"""Where things lie: the project, and the user's data and cache folders."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from mlops_cli.core.errors import ProjectError

MANIFEST: Final = "mlops.yaml"
QUALITY_TOOLS: Final = ("great-expectations", "soda")
"""What runs gates in a Python environment of its own."""


def data_dir() -> Path:
    """Where local state lives: the local Airflow, its runs, the local model registry."""
    return _dir("MLOPS_DATA_DIR", "user_data_path")


def cache_dir() -> Path:
    """What can be built again: interpreters and cached check results."""
    return _dir("MLOPS_CACHE_DIR", "user_cache_path")


def _dir(variable: str, kind: str) -> Path:
    if given := os.environ.get(variable):
        return expanded(given).absolute()
    import platformdirs

    path: Path = getattr(platformdirs, kind)("mlops")
    return path


def expanded(text: str) -> Path:
    """A path as it was typed, with `~` resolved; `~name` stays where nobody has that name."""
    return Path(os.path.expanduser(text))  # noqa: PTH111 -- pathlib raises where it is nobody


def find_project(start: Path) -> Path:
    """The nearest folder at or above `start` that holds `mlops.yaml`.

    Raises:
        ProjectError: There is none.
    """
    start = start.absolute()
    for folder in (start, *start.parents):
        if (folder / MANIFEST).is_file():
            return folder
    raise ProjectError(
        f"Could not find `{MANIFEST}` in `{start}` or any folder above it",
        hint="Go into a project, name one with `--project DIR`, or make one: `mlops new NAME`",
    )


def quality_lock(tool: str) -> str:
    """The lock of a tool that runs gates, relative to the project."""
    return f"quality/{tool}.lock"
