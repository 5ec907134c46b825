"""Reads a data file strictly, once: what its columns are and what is in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from mlops_cli.core.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_cli.core.progress import Progress
    from mlops_cli.quality import ColumnProfile, Profile, Source

FORMATS: Final = (".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class Table:
    """A data file that could be read without guessing."""

    location: str
    """As the user named it."""
    path: Path
    size: int
    modified: int
    """In nanoseconds; a file that changes while it is used is not used."""
    rows: int
    columns: tuple[ColumnProfile, ...]
    notes: tuple[str, ...]
    """What is odd about the file although it could be read."""
    source: Source

    @property
    def is_uri(self) -> bool:
        """The user named it by a URI and wants it to stay where it is."""
        return "://" in self.location

    def column(self, name: str) -> ColumnProfile | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)

    def profile(self, names: Sequence[str]) -> Profile:
        """The profile of some of the columns, in that order."""
        from mlops_cli.quality import Profile

        chosen = tuple(column for name in names if (column := self.column(name)))
        return Profile(str(self.path), self.rows, chosen)

    def counts(self, column: ColumnProfile) -> dict[str, int]:
        """Value to the number of its rows, for every value of a column.

        Raises:
            ProjectError: The file cannot be read any more.
        """
        if len(column.top) == column.distinct:
            return {str(value): count for value, count in column.top}
        from mlops_cli import quality

        name = '"' + column.name.replace('"', '""') + '"'
        query = f"SELECT {name}, count(*) FROM data WHERE {name} IS NOT NULL GROUP BY 1"  # noqa: S608
        try:
            connection = self.source.connect([column.name])
        except quality.DataReadError as error:
            raise ProjectError(error.message, hint=error.hint) from error
        with connection:
            return {str(value): count for value, count in connection.execute(query).fetchall()}


def read(location: str, *, progress: Progress) -> Table:
    """Read the file and look at every column.

    Args:
        location: A path or a `file://` URI of a CSV or Parquet file.
        progress: Where to say what is being done.

    Raises:
        ProjectError: It cannot be read, or only by guessing.
    """
    from mlops_cli import quality

    path = _path(location)
    if path.suffix.lower() not in FORMATS:
        raise ProjectError(
            f"Could not read `{location}`: only {' and '.join(FORMATS)} files are training data"
        )
    try:
        before = path.stat()
        with progress.step(f"Reading `{location}`"):
            source = quality.open_source(str(path))
            profile = quality.profile(source)
    except OSError as error:
        raise ProjectError(f"Could not read `{location}`: {error.strerror or error}") from error
    except quality.DataReadError as error:
        raise ProjectError(error.message, hint=error.hint) from error
    return Table(
        location=location,
        path=path,
        size=before.st_size,
        modified=before.st_mtime_ns,
        rows=profile.rows,
        columns=profile.columns,
        notes=source.notes,
        source=source,
    )


def _path(location: str) -> Path:
    parts = urlsplit(location) if "://" in location else None
    if parts is None:
        return Path(location).absolute()
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise ProjectError(
            f"Could not read `{location}`: only a file on this machine can be looked into",
            hint="Give a local sample of it as `--data`, then set `model.source` in `mlops.yaml`",
        )
    return Path(unquote(parts.path))
