"""The passport: who served when, and whether anybody changed it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlops_cli.core.errors import ProjectError, UsageError
from mlops_cli.core.exits import Exit
from mlops_cli.models.history import history
from mlops_cli.models.place import place_of
from mlops_cli.runtime import passport

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_cli.project.model import Project

LIFE = (
    ("2026-08-01T06:00:00+00:00", "registered", "1", {}),
    ("2026-08-01T06:00:01+00:00", "approved", "1", {"by": "ada", "reason": "the first"}),
    ("2026-08-01T06:00:02+00:00", "promoted", "1", {"by": "ada", "run": "m-1", "release": "r1"}),
    ("2026-08-02T06:00:00+00:00", "scored", "1", {"rows": 10}),
    ("2026-09-01T12:00:00+00:00", "promoted", "2", {"by": "policy auto"}),
    ("2026-09-03T12:00:00+00:00", "rolled_back", "1", {"by": "bo", "reason": "false alarms"}),
)


@pytest.fixture
def path(project: Project) -> Path:
    found = place_of(project, "local").passport
    for at, event, version, facts in LIFE:
        passport.add(found, {"event": event, "version": version, **facts})
        lines = found.read_text().splitlines()
        # Written at that moment: the digest of the next entry is made of it.
        entry = {**json.loads(lines[-1]), "at": at}
        found.write_text("".join(f"{line}\n" for line in [*lines[:-1], json.dumps(entry)]))
    return found


@pytest.mark.parametrize(
    ("at", "served"),
    [
        ("2026-07-31", []),
        ("2026-08-01", [1]),
        ("2026-08-15", [1]),
        ("2026-09-01", [2, 1]),
        ("2026-09-01T11:59:59", [1]),
        ("2026-09-01T12:00:00", [2]),
        ("2026-09-02", [2]),
        ("2026-09-01T14:00:00+02:00", [2]),
        ("2030-01-01", [1]),
    ],
)
def test_who_served_then(project: Project, path: Path, at: str, served: list[int]) -> None:
    found = history(project, None, "local", version=None, at=at)
    assert [one.version for one in found.services] == served


def test_why_it_served(project: Project, path: Path) -> None:
    now, _, first = history(project, "churn", "local", version=None, at=None).services
    assert (first.by, first.reason, first.run, first.release) == ("ada", "the first", "m-1", "r1")
    assert (now.version, now.event, now.by, now.reason) == (1, "rolled_back", "bo", "false alarms")
    assert now.until is None


def test_the_entries_of_one_version(project: Project, path: Path) -> None:
    found = history(project, "churn", "local", version=1, at=None)
    assert [entry.event for entry in found.entries] == [
        "registered",
        "approved",
        "promoted",
        "scored",
        "rolled_back",
    ]
    with pytest.raises(UsageError, match="nothing about version 7"):
        history(project, "churn", "local", version=7, at=None)


@pytest.mark.parametrize("at", ["yesterday", "2026-13-01", "2026-09-31"])
def test_a_moment_that_is_none_is_refused(project: Project, path: Path, at: str) -> None:
    with pytest.raises(UsageError, match="it is no day and no moment"):
        history(project, "churn", "local", version=None, at=at)


def test_an_untouched_passport_is_sound(project: Project, path: Path) -> None:
    found = history(project, "churn", "local", version=None, at=None)
    assert (found.broken, found.exit_code) == (None, Exit.DONE)


@pytest.mark.parametrize("number", range(len(LIFE) - 1))
def test_a_line_that_was_changed_or_taken_out_is_found(
    project: Project, path: Path, number: int
) -> None:
    lines = path.read_text().splitlines(keepends=True)
    entry = {**json.loads(lines[number]), "by": "nobody"}
    path.write_text("".join([*lines[:number], json.dumps(entry) + "\n", *lines[number + 1 :]]))
    changed = history(project, "churn", "local", version=None, at=None)
    assert (changed.broken, changed.exit_code) == (number + 2, Exit.NO)
    path.write_text("".join([*lines[:number], *lines[number + 1 :]]))
    missing = history(project, "churn", "local", version=None, at=None)
    assert (missing.broken, missing.exit_code) == (number + 1, Exit.NO)


def test_before_the_first_training_there_is_none(project: Project) -> None:
    with pytest.raises(ProjectError, match="nothing is written down"):
        history(project, "churn", "local", version=None, at=None)
