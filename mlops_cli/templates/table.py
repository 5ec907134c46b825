"""Reads a data file strictly, once: what its columns are and what is in them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from mlops_cli.core.errors import ProjectError

if TYPE_CHECKING:
    from mlops_cli.core.progress import Progress

FORMATS: Final = (".csv", ".parquet")


@dataclass(frozen=True, slots=True)
class Column:
    """What is in one column."""

    name: str
    type: str
    """`integer`, `number`, `text`, `boolean`, `date` or `timestamp`."""
    nulls: int
    distinct: int
    low: Any
    high: Any


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
    columns: tuple[Column, ...]
    profile: Any
    """What the quality room found; its rules are proposed from it."""

    @property
    def is_uri(self) -> bool:
        """The user named it by a URI and wants it to stay where it is."""
        return "://" in self.location

    def column(self, name: str) -> Column | None:
        """The column of that name."""
        return next((column for column in self.columns if column.name == name), None)


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
        raise ProjectError(
            f"Could not read `{location}`: {error.message}", hint=error.hint
        ) from error
    return Table(
        location=location,
        path=path,
        size=before.st_size,
        modified=before.st_mtime_ns,
        rows=profile.rows,
        columns=tuple(
            Column(found.name, found.type, found.nulls, found.distinct, found.min, found.max)
            for found in profile.columns
        ),
        profile=profile,
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
