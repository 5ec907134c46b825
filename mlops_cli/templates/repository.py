"""Puts a new project under version control; never asks, never hangs, never stands in the way."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from mlops_cli.core.processes import child_environment, run

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_cli.core.processes import Finished

_TIMEOUT_SECONDS: Final = 3.0
# The user's hooks, signing and background work could ask a question or write elsewhere.
_CONFIGURATION: Final = (
    "init.defaultBranch=main",
    f"core.hooksPath={os.devnull}",
    "core.fsmonitor=false",
    "commit.gpgSign=false",
    "user.useConfigOnly=true",
    "gc.auto=0",
    "maintenance.auto=false",
)
_COMMAND: Final = ("git", *(part for setting in _CONFIGURATION for part in ("-c", setting)))


class Repository(StrEnum):
    """What became of version control."""

    COMMITTED = "committed"
    STARTED = "started"
    """A repository without a commit."""
    ENCLOSING = "enclosing"
    """The project lies in a repository already."""
    NONE = "none"


def start(project: Path, *, beside: Path) -> tuple[Repository, str | None]:
    """Make `project` a git repository with one commit, unless `beside` lies in one already.

    Returns:
        What was done, and a warning when it is less than that.
    """
    try:
        enclosing = _git(beside, "rev-parse", "--is-inside-work-tree")
        if enclosing.timed_out:
            return Repository.NONE, f"Version control was skipped: {_reason(enclosing)}"
        if enclosing.returncode == 0:
            return Repository.ENCLOSING, None
        made = _git(project, "init", "--quiet", "--template=")
        if made.returncode:
            return Repository.NONE, f"Version control was skipped: {_reason(made)}"
        for arguments in (
            ("add", "--all"),
            ("commit", "--quiet", "--no-verify", "--message", "Start the project"),
        ):
            done = _git(project, *arguments)
            if done.returncode:
                return Repository.STARTED, f"Nothing was committed yet: {_reason(done)}"
    except OSError:
        return Repository.NONE, "Version control was skipped: git is not installed"
    return Repository.COMMITTED, None


def _git(folder: Path, *arguments: str) -> Finished:
    # A GIT_DIR of the caller (a hook runs us) would make this repository theirs.
    environment = {k: v for k, v in child_environment().items() if not k.startswith("GIT_DIR")}
    for name in ("GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_TEMPLATE_DIR"):
        environment.pop(name, None)
    environment |= {"GIT_TERMINAL_PROMPT": "0", "GIT_EDITOR": "true", "LC_ALL": "C"}
    return run(
        [*_COMMAND, *arguments],
        timeout_seconds=_TIMEOUT_SECONDS,
        cwd=folder,
        env=environment,
        keep_lines=40,
    )


def _reason(finished: Finished) -> str:
    if finished.timed_out:
        return f"git did not answer within {_TIMEOUT_SECONDS:.0f} s"
    if "user.name" in finished.output or "user.email" in finished.output:
        return 'git does not know you (`git config --global user.name "…"` and `user.email`)'
    lines = finished.output.strip().splitlines()
    return f"git says: {lines[-1]}" if lines else f"git ended with {finished.returncode}"
