"""Takes a sample of the training data that says the same to the gate as all of it does."""

from __future__ import annotations

import dataclasses
import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_cli.runtime.steps import local_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mlops_cli.project.model import Project
    from mlops_cli.quality import Source

ROWS: Final = 500
_GROWTH: Final = 4
# Enough of each class for cross-validation and for both sides of the split.
_ROWS_OF_A_CLASS: Final = 20


@dataclass(frozen=True, slots=True)
class Sample:
    """What a trial run reads."""

    uri: str | None
    """None: the source itself, whole."""
    rows: int | None
    of_rows: int | None


def take(project: Project, folder: Path, *, rows: int = ROWS) -> Sample:
    """Write a sample of the project's training data, unless it is small anyway.

    The classes keep their shares, and each keeps at least a few rows. The sample grows until the
    ruleset of the gate `raw` passes on it; data on which the ruleset fails is used whole, so that
    the gate shows it.

    Args:
        project: The project; its `model.source` is read.
        folder: Where the sample is written.
        rows: About how many rows to take.
    """
    from mlops_cli.quality import QualityError, check, open_source, parse

    path = local_file(project)
    if path is None:
        return Sample(None, None, None)
    columns = dict(project.model.columns)
    try:
        source = open_source(path, types=columns)
        if source.rows <= rows:
            return Sample(None, source.rows, source.rows)
        ruleset = parse((project.root / project.model.quality["raw"]).read_text(encoding="utf-8"))
        if not check(ruleset, _only(source, columns)).passed:
            return Sample(None, source.rows, source.rows)
        while rows * _GROWTH <= source.rows:
            written = folder / f"sample-{rows}.csv"
            count = _write(source, project, written, rows)
            if check(ruleset, written, types=columns).passed:
                return Sample(written.as_uri(), count, source.rows)
            rows *= _GROWTH
    except (QualityError, OSError, KeyError):
        # The pipeline reads the same data with the same code, and says it in its own words.
        return Sample(None, None, None)
    return Sample(None, source.rows, source.rows)


def local_file(project: Project) -> Path | None:
    """The file of the training data, when it is a file of this machine."""
    try:
        return project.root / local_path(project.model.source)
    except ValueError:
        return None


def _only(source: Source, columns: Mapping[str, str]) -> Source:
    kept = tuple(column for column in source.columns if column.name in columns)
    return dataclasses.replace(source, columns=kept)


def _write(source: Source, project: Project, path: Path, rows: int) -> int:
    columns = list(project.model.columns)
    names = ", ".join(_quoted(name) for name in columns)
    group = _quoted(project.model.target) if project.model.task == "classification" else "1"
    query = f"""
        WITH numbered AS (SELECT {names}, row_number() OVER () AS "#number" FROM data),
        ranked AS (
            SELECT *, row_number() OVER (PARTITION BY {group} ORDER BY hash("#number")) AS "#rank",
                count(*) OVER (PARTITION BY {group}) AS "#size"
            FROM numbered
        )
        SELECT {names} FROM ranked
        WHERE "#rank" <= greatest({_ROWS_OF_A_CLASS}, ceil("#size" * {rows / source.rows}))
        ORDER BY "#number"
    """  # noqa: S608 -- only names of columns, quoted
    with source.connect(columns) as connection:
        found = connection.execute(query).fetchall()
    lines = [_line(columns), *(_line(row) for row in found)]
    path.write_text("".join(lines), encoding="utf-8", newline="")
    return len(found)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _line(values: Iterable[object]) -> str:
    return ",".join(_field(value) for value in values) + "\n"


def _field(value: object) -> str:
    """A CSV field as `quality` reads it: nothing is NULL, text is always in quotes."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dt.date, dt.datetime)):
        return value.isoformat(sep=" ") if isinstance(value, dt.datetime) else value.isoformat()
    return _quoted(value) if isinstance(value, str) else str(value)
