"""Reads a data file strictly: what its columns are and what is in them.

It is always read in a child process: a damaged file may crash the engine.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import unquote, urlsplit

from mlops_cli.core.crashes import NO_MEMORY, engine_died
from mlops_cli.core.errors import ProjectError
from mlops_cli.core.forked import ChildDiedError, forked

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    from mlops_cli.core.progress import Progress
    from mlops_cli.quality import ColumnProfile, Profile, Source

T = TypeVar("T")
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

    def counts(self, column: ColumnProfile, *, progress: Progress) -> dict[str, int]:
        """Value to the number of its rows, for every value of a column.

        Raises:
            ProjectError: The file cannot be read any more.
        """
        if len(column.top) == column.distinct:
            return {str(value): count for value, count in column.top}
        name = '"' + column.name.replace('"', '""') + '"'
        query = f"SELECT {name}, count(*) FROM data WHERE {name} IS NOT NULL GROUP BY 1"  # noqa: S608

        def count(source: Source) -> dict[str, int]:
            with source.connect([column.name]) as connection:
                return {str(value): count for value, count in connection.execute(query).fetchall()}

        said = f"Counting the values of `{column.name}`"
        return look_into(self.location, self.path, count, said, progress)


def read(location: str, *, progress: Progress) -> Table:
    """Read the file and look at every column.

    Args:
        location: A path or a `file://` URI of a CSV or Parquet file.
        progress: Where to say what is being done.

    Raises:
        ProjectError: It cannot be read, or only by guessing.
    """
    path = _path(location)
    if path.suffix.lower() not in FORMATS:
        raise ProjectError(
            f"Could not read `{location}`: only {' and '.join(FORMATS)} files are training data"
        )
    with _telling(location):
        before = path.stat()
    profile, notes = look_into(location, path, _describe, f"Reading `{location}`", progress)
    return Table(
        location=location,
        path=path,
        size=before.st_size,
        modified=before.st_mtime_ns,
        rows=profile.rows,
        columns=profile.columns,
        notes=notes,
    )


def _describe(source: Source) -> tuple[Profile, tuple[str, ...]]:
    from mlops_cli import quality

    return quality.profile(source), source.notes


def look_into(
    location: str, path: Path, find: Callable[[Source], T], said: str, progress: Progress
) -> T:
    """Open the file in a child, find something out, and come back with it.

    Args:
        location: As the user named it.
        path: The file.
        find: What is done in the child; what it returns has to be something that can be pickled.
        said: What is being done, for who watches.
        progress: Where to say it.

    Raises:
        ProjectError: The file cannot be read, or it crashed the engine.
    """
    # Forked before the spinner starts: it is a thread, and only one thread can be forked.
    with forked(_look(location, path, find)) as coming, progress.step(said):
        try:
            return next(coming)
        except ChildDiedError as died:
            raise engine_died(location, died) from died


def _look(location: str, path: Path, find: Callable[[Source], T]) -> Generator[T, None, None]:
    from mlops_cli import quality

    with _telling(location):
        yield find(quality.open_source(str(path)))


@contextmanager
def _telling(location: str) -> Iterator[None]:
    """Say what is wrong with the file as an error of the project's."""
    from mlops_cli.quality import DataReadError

    try:
        yield
    except OSError as error:
        raise ProjectError(f"Could not read `{location}`: {error.strerror or error}") from error
    except MemoryError as error:
        raise ProjectError(
            f"Could not read `{location}`: memory ran out", hint=NO_MEMORY
        ) from error
    except DataReadError as error:
        raise ProjectError(error.message, hint=error.hint) from error


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
