"""Where the results of `mlops quality check --history` are kept, and under which names.

They stand in `.mlops/quality/<ruleset>.jsonl` of the project that the ruleset is in, or beside the
ruleset where there is no project. A data file is known by its path in there, so that a project can
move; files elsewhere by their whole path, and what is remote by its URI without user and query.
Files that hold the same data on different days need a name in common: `--history-name`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlops_cli.core.errors import ProjectError
from mlops_cli.project.paths import find_project

from .outputs import local_file

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_cli.quality import FileHistory


def history_of(ruleset: Path, data: str, *, name: str | None = None) -> FileHistory:
    """Find the history of a ruleset on a data file.

    Args:
        ruleset: The ruleset's file.
        data: The data as the user named it.
        name: What the data set is called; by default it goes by where it is.
    """
    from mlops_cli.quality import FileHistory

    ruleset = ruleset.absolute()
    home = _home(ruleset)
    return FileHistory(
        home / ".mlops" / "quality" / f"{ruleset.stem}.jsonl",
        ruleset=_within(ruleset, home),
        data_set=name or data_set(data, home),
    )


def data_set(data: str, home: Path) -> str:
    """Name a data set by where it is."""
    if (local := local_file(data)) is not None:
        return _within(local.absolute(), home)
    parts = urlsplit(data)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _home(ruleset: Path) -> Path:
    try:
        return find_project(ruleset.parent)
    except ProjectError:
        return ruleset.parent


def _within(path: Path, home: Path) -> str:
    resolved, root = path.resolve(), home.resolve()
    return resolved.relative_to(root).as_posix() if resolved.is_relative_to(root) else str(resolved)
