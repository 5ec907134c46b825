"""Opens data files strictly: what a reader would have to guess at is an error, never green data.

The one NULL rule for CSV: an empty field without quotes is NULL, and nothing else is. `""` is the
empty string; `NULL`, `N/A`, `NaN` and `-` are text, and turn their column into text.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TypeAlias

from ..errors import DataReadError
from .connection import without_kind
from .local_file import Stamp, check_file, check_format, check_magic, local_path, stamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import duckdb

    from .remote import Fetched, Transferred

Load: TypeAlias = "Callable[[duckdb.DuckDBPyConnection, str, Sequence[str] | None], object]"
TYPES = ("integer", "number", "text", "boolean", "date", "timestamp")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a source."""

    name: str
    type: str
    """integer, number, text, boolean, date, timestamp; `other` for nested and binary data."""
    note: str = ""
    """Why it is text although most of its values are not."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the file of a source is."""

    path: Path
    stamp: Stamp
    delimiter: str
    fetched: Fetched | None = None
    """The copy that was made of a remote file."""


@dataclass(frozen=True, slots=True)
class Source:
    """Data that was read and understood; `scan` and `connect` give its rows."""

    uri: str
    format: str
    columns: tuple[Column, ...]
    rows: int
    notes: tuple[str, ...] = ()
    place: Place | None = field(default=None, compare=False)
    """The file it is read from; None for a frame."""
    _load: Load = field(repr=False, compare=False, kw_only=True)
    """Makes a table of these columns or of all."""
    _show: Load | None = field(default=None, repr=False, compare=False, kw_only=True)
    """Makes a view on the file or frame itself, where that can be read without a copy."""
    _opened: duckdb.DuckDBPyConnection | None = field(
        default=None, repr=False, compare=False, kw_only=True
    )
    """A connection that has all of it already, as `data`."""

    @property
    def is_loaded(self) -> bool:
        """Whether all of it was loaded when it was opened, onto a connection that is locked."""
        return self._opened is not None and self._show is None

    def connect(
        self,
        columns: Sequence[str] | None = None,
        *,
        beside: Mapping[str, Source] | None = None,
        sink: Path | None = None,
    ) -> duckdb.DuckDBPyConnection:
        """Open a locked connection with the table `data`, of these columns or of all.

        Args:
            columns: The columns of `data`.
            beside: Other sources, each as a table of its own, by the names of the tables.
            sink: A database file to attach as `sink`, the one file that can be written then.

        Raises:
            DataReadError: A file is broken inside.
        """
        from .connection import connect, literal, lock

        if self._opened is not None and self._show is None and not beside and sink is None:
            return self._opened.cursor()
        connection = connect()
        for table, source in {"data": self, **(beside or {})}.items():
            with reading(source.uri):
                source._load(connection, table, columns if source is self else None)  # noqa: SLF001
        if sink is not None:
            connection.execute(f"ATTACH {literal(str(sink))} AS sink")
        lock(connection)
        return connection

    def scan(self, *, beside: Mapping[str, Source] | None = None) -> duckdb.DuckDBPyConnection:
        """Open a connection on which `data` is read from its file each time it is queried.

        Nothing is copied, and a query reads only the columns it names. Such a connection is not
        locked: no SQL that a user wrote may run on it.

        Args:
            beside: Other sources, each under a name of its own.

        Raises:
            DataReadError: A file is broken inside.
        """
        from .connection import connect

        if self._opened is not None and not beside:
            return self._opened.cursor()
        connection = connect()
        for name, source in {"data": self, **(beside or {})}.items():
            with reading(source.uri):
                (source._show or source._load)(connection, name, None)  # noqa: SLF001
        return connection

    def check_whole(self, columns: Sequence[str]) -> None:
        """Read these columns to their end, for the error that a query on them hides.

        Raises:
            DataReadError: One of them cannot be read.
        """
        from contextlib import closing

        from .connection import identifier

        hashes = [f"bit_xor(hash({identifier(column)}))" for column in columns]
        if hashes:
            with reading(self.uri), closing(self.scan()) as connection:
                connection.execute(f"SELECT {', '.join(hashes)} FROM data")  # noqa: S608

    def check_unchanged(self) -> None:
        """Make sure that it is still the file that was opened.

        Raises:
            DataReadError: It was written to or replaced.
        """
        if self.place is not None and stamp(self.place.path) != self.place.stamp:
            raise DataReadError(f"Could not read `{self.uri}`: it changed while it was read")

    def write(self, path: Path) -> None:
        """Write all of it into a Parquet file of its own.

        Raises:
            DataReadError: It cannot be.
        """
        from contextlib import closing

        from .connection import literal

        with reading(self.uri), closing(self.scan()) as connection:
            connection.execute(f"COPY data TO {literal(str(path))} (FORMAT parquet)")

    def close(self) -> None:
        """Let go of what it holds open, and remove what was fetched for it."""
        if self._opened is not None:
            self._opened.close()
        if self.place is not None and self.place.fetched is not None:
            self.place.fetched.remove()


def open_source(
    data: object,
    *,
    types: Mapping[str, str] | None = None,
    delimiter: str | None = None,
    progress: Transferred | None = None,
) -> Source:
    r"""Open a Parquet, CSV or JSON lines file, or a table in memory.

    Args:
        data: A path or a URI (`file://`, `s3://`, `https://`, `http://`, or what fsspec knows),
            always the literal name of one file; or a table of pandas, polars or pyarrow.
        types: Types that columns must have, by name; the others are found out.
        delimiter: Of a CSV file; `,` by default, a tab for `.tsv`.
        progress: Told the bytes that were fetched of a remote file, and how many there are.

    Raises:
        DataReadError: The data is missing, broken, or could be read only by guessing.
    """
    _check_types(types or {})
    if not isinstance(data, str | Path):
        from .frames import open_frame

        return open_frame(data, types or {})
    text = str(data)
    if "://" in text and not text.lower().startswith("file://"):
        return _open_remote(text, types or {}, delimiter, progress)
    path = local_path(text)
    check_file(path)
    return _open(path, types or {}, delimiter)


def _open(
    path: Path, types: Mapping[str, str], delimiter: str | None, fetched: Fetched | None = None
) -> Source:
    data_format = check_format(path)
    check_magic(path, data_format)
    default = "\t" if path.suffix.lower() == ".tsv" else ","
    place = Place(path, stamp(path), default if delimiter is None else delimiter, fetched)
    with reading(str(path)):
        if data_format == "parquet":
            from .parquet import open_parquet

            found = open_parquet(path, types)
        elif data_format == "csv":
            from .csv_file import open_csv

            found = open_csv(path, types, place.delimiter)
        else:
            from .json_lines import open_json_lines

            found = open_json_lines(path, types)
    return replace(found, place=place)


def _open_remote(
    uri: str,
    types: Mapping[str, str],
    delimiter: str | None,
    progress: Transferred | None,
) -> Source:
    from .remote import fetch, public

    check_format(PurePosixPath(public(uri)), public(uri))
    fetched = fetch(uri, progress=progress)
    try:
        check_file(fetched.path)
        return replace(_open(fetched.path, types, delimiter, fetched), uri=public(uri))
    except DataReadError as error:
        fetched.remove()
        # The readers know the copy alone, and its name says nothing to anybody.
        message = error.message.replace(str(fetched.path), public(uri))
        raise DataReadError(message, hint=error.hint) from error
    except BaseException:
        fetched.remove()
        raise


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn what DuckDB and the system say about a file into our own error."""
    from .connection import engine

    try:
        yield
    except engine().Error as error:
        raise DataReadError(f"Could not read `{name}`: {_first_lines(str(error))}") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataReadError(f"Could not read `{name}`: {reason}") from error


def check_names(path: Path | str, names: Sequence[str]) -> None:
    """Refuse column names that are missing, or that DuckDB or Spark could not tell apart."""
    seen: dict[str, str] = {}
    for position, name in enumerate(names, start=1):
        if not name.strip():
            raise DataReadError(f"Could not read `{path}`: column {position} has no name")
        other = seen.get(name.lower())
        if other == name:
            raise DataReadError(f"Could not read `{path}`: two columns are called `{name}`")
        if other is not None:
            raise DataReadError(
                f"Could not read `{path}`: the columns `{other}` and `{name}` differ only in case"
            )
        seen[name.lower()] = name


def check_type_names(path: Path | str, types: Mapping[str, str], names: Sequence[str]) -> None:
    """Refuse types for columns that are not there."""
    for name in types:
        if name not in names:
            raise DataReadError(
                f"Could not read `{path}`: it has no column `{name}`",
                hint=f"Its columns are {', '.join(f'`{one}`' for one in names[:20])}",
            )


def _check_types(types: Mapping[str, str]) -> None:
    for name, type_name in types.items():
        if type_name not in TYPES:
            raise DataReadError(
                f"Column `{name}` cannot have the type `{type_name}`",
                hint=f"The types are {', '.join(TYPES)}",
            )


def _first_lines(text: str) -> str:
    """What DuckDB says, without its advice on how to guess and without the line it quotes."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    kept: list[str] = []
    for line in lines:
        if line.startswith(("Possible ", "*", "file =", "LINE ")):
            break
        if not line.startswith("Original Line"):
            kept.append(line)
    return without_kind(" ".join(kept))[:300].rstrip(". ")
