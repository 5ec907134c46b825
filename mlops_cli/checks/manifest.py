"""MLP1xx: `mlops.yaml`, and the data it names."""

from __future__ import annotations

import csv
import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.diagnostics import Severity
from mlops_cli.project.paths import MANIFEST

from .base import Finding, check
from .sample import local_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .subject import Subject

_FILE: Final = Path(MANIFEST)
_HEADER_BYTES: Final = 64 * 1024


@check("MLP101")
def manifest_is_valid(subject: Subject) -> Iterator[Finding]:
    """`mlops.yaml` can be read and every value in it fits.

    Why: every other command reads it; a key that nobody knows is a setting that does nothing.

    Fix: follow the line and column. All problems are shown at once, with near names for unknown
    keys. Your editor can check while you type, with the JSON Schema that `mlops schema` prints.
    """
    for problem in subject.problems:
        at = problem.at
        yield Finding(
            problem.summary,
            _FILE,
            at.line if at else None,
            at.column if at else None,
            hint=problem.hint,
            subject=at.subject if at else None,
        )


@check("MLP103", severity=Severity.WARNING, requires=("MLP101",))
def source_exists(subject: Subject) -> Iterator[Finding]:
    """The training data is where `model.source` says.

    Why: a run whose first task finds no file is a run lost; better to know now.

    Fix: put the file there, or name another path or URI in `mlops.yaml`. It is a warning, because
    data is often kept out of the repository and is absent on a build machine.
    """
    path = local_source(subject)
    if path is not None and not path.is_file():
        assert subject.project is not None  # noqa: S101 -- a source was found in it
        yield Finding(
            f"`model.source`: the file `{subject.project.model.source}` is not there",
            _FILE,
            subject="model.source",
        )


@check("MLP104", requires=("MLP101", "MLP103"))
def source_has_the_columns(subject: Subject) -> Iterator[Finding]:
    """The training data has every feature and the target.

    Why: the first step selects these columns by name, and fails on the first one missing.

    Fix: correct the name in `model.features` or `model.target`, or the header of the file. Only
    the header of a CSV file is looked at here; other formats are read when the pipeline runs.
    """
    header = source_header(subject)
    if header is None or subject.project is None:
        return
    for column in subject.project.model.columns:
        if column not in header:
            near = difflib.get_close_matches(column, header, n=3)
            yield Finding(
                f"`model.source`: `{subject.project.model.source}` has no column `{column}`",
                _FILE,
                subject="model.features",
                hint=f"Did you mean {', '.join(f'`{name}`' for name in near)}?" if near else None,
            )


def local_source(subject: Subject) -> Path | None:
    """The file of the training data, when it is a file of this machine."""
    return None if subject.project is None else local_file(subject.project)


def source_header(subject: Subject) -> list[str] | None:
    """The column names of the training data, when it is a CSV file that is there."""
    path = local_source(subject)
    if path is None or path.suffix.lower() != ".csv" or not path.is_file():
        return None
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        start = file.readline(_HEADER_BYTES)
    return next(csv.reader([start]), [])
