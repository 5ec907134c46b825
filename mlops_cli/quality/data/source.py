"""Opens data files strictly: what a reader would have to guess at is an error, never green data.

The one NULL rule for CSV: an empty field without quotes is NULL, and nothing else is. `""` is the
empty string; `NULL`, `N/A`, `NaN` and `-` are text, and turn their column into text.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from ..errors import DataReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    import duckdb

Load: TypeAlias = "Callable[[duckdb.DuckDBPyConnection, str, Sequence[str] | None], object]"
TYPES = ("integer", "number", "text", "boolean", "date", "timestamp")
_FORMATS = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "json lines",
    ".ndjson": "json lines",
    ".json": "json lines",
}
_MAGIC = (
    (b"\x1f\x8b", "a gzip file"),
    (b"PK\x03\x04", "a zip file (an Excel workbook is one too)"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ", "an xz file"),
    (b"\x28\xb5\x2f\xfd", "a zstd file"),
    (b"PAR1", "a Parquet file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"%PDF", "a PDF"),
    (b"\xff\xfe", "UTF-16 text"),
    (b"\xfe\xff", "UTF-16 text"),
)


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a source."""

    name: str
    type: str
    """integer, number, text, boolean, date, timestamp; `other` for nested and binary data."""
    note: str = ""
    """Why it is text although most of its values are not."""


@dataclass(frozen=True, slots=True)
class Source:
    """A data file that was read and understood; `connect` gives its rows."""

    uri: str
    format: str
    columns: tuple[Column, ...]
    rows: int
    notes: tuple[str, ...] = ()
    _load: Load = field(repr=False, compare=False, kw_only=True)
    _loaded: duckdb.DuckDBPyConnection | None = field(
        default=None, repr=False, compare=False, kw_only=True
    )
    """A locked connection that holds all of it already."""

    def connect(
        self,
        columns: Sequence[str] | None = None,
        *,
        beside: Mapping[str, Source] | None = None,
    ) -> duckdb.DuckDBPyConnection:
        """Open a locked connection with the table `data`, of these columns or of all.

        Args:
            columns: The columns of `data`.
            beside: Other sources, each as a table of its own, by the names of the tables.

        Raises:
            DataReadError: A file is broken inside.
        """
        from .connection import connect, lock

        if self._loaded is not None and not beside:
            return self._loaded.cursor()
        connection = connect()
        for table, source in {"data": self, **(beside or {})}.items():
            with reading(source.uri):
                source._load(connection, table, columns if source is self else None)  # noqa: SLF001
        lock(connection)
        return connection


def open_source(
    uri: str | Path, *, types: Mapping[str, str] | None = None, delimiter: str | None = None
) -> Source:
    r"""Open a local Parquet, CSV or JSON lines file.

    Args:
        uri: A path or a `file://` URI; always the literal name of one file.
        types: Types that columns must have, by name; the others are found out.
        delimiter: Of a CSV file; `,` by default, a tab for `.tsv`.

    Raises:
        DataReadError: The file is missing, broken, or could be read only by guessing.
    """
    path = _local_path(uri)
    _check_file(path)
    data_format = _format(path)
    _check_magic(path, data_format)
    _check_types(types or {})
    with reading(str(path)):
        if data_format == "parquet":
            from .parquet import open_parquet

            return open_parquet(path, types or {})
        if data_format == "csv":
            from .csv_file import open_csv

            default = "\t" if path.suffix.lower() == ".tsv" else ","
            return open_csv(path, types or {}, delimiter or default)
        from .json_lines import open_json_lines

        return open_json_lines(path, types or {})


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Turn what DuckDB and the system say about a file into our own error."""
    import duckdb

    try:
        yield
    except duckdb.Error as error:
        raise DataReadError(f"Could not read `{name}`: {_first_lines(str(error))}") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise DataReadError(f"Could not read `{name}`: {reason}") from error


def check_names(path: Path, names: Sequence[str]) -> None:
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


def check_type_names(path: Path, types: Mapping[str, str], names: Sequence[str]) -> None:
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


def _local_path(uri: str | Path) -> Path:
    text = str(uri)
    if not text.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in text):
        shown = text.encode("utf-8", "backslashreplace").decode()
        raise DataReadError(
            f"Could not read `{shown}`: its name is not UTF-8", hint="Give the file another name"
        )
    if "://" not in text:
        return Path(text)
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(text)
    if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
        raise DataReadError(
            f"Could not read `{text}`: only local files are read here",
            hint="Give a path, or a URI that starts with `file:///`",
        )
    return Path(unquote(parts.path))


def _format(path: Path) -> str:
    found = _FORMATS.get(path.suffix.lower())
    if found is None:
        raise DataReadError(
            f"Could not read `{path}`: its name does not say what it is",
            hint=f"Files end in {', '.join(_FORMATS)}",
        )
    return found


def _check_file(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise DataReadError(f"Could not read `{path}`: {reason.lower()}") from error
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "not a plain file"
        raise DataReadError(f"Could not read `{path}`: it is {what}")
    if not os.access(path, os.R_OK):
        raise DataReadError(f"Could not read `{path}`: permission denied")
    if path.stat().st_size == 0:
        raise DataReadError(f"Could not read `{path}`: it is empty, without even a header")


def _check_magic(path: Path, data_format: str) -> None:
    parquet = data_format == "parquet"
    with path.open("rb") as file:
        head = file.read(16)
        file.seek(max(0, path.stat().st_size - 4))
        tail = file.read(4)
    found = next((what for magic, what in _MAGIC if head.startswith(magic)), None)
    if not parquet and found:
        raise DataReadError(f"Could not read `{path}`: it is {found}", hint=_magic_hint(found))
    if parquet and not head.startswith(b"PAR1"):
        raise DataReadError(f"Could not read `{path}`: it is {found or 'not a Parquet file'}")
    if parquet and tail != b"PAR1":
        raise DataReadError(f"Could not read `{path}`: its end is missing, it was cut off")


def _magic_hint(found: str) -> str:
    if "UTF-16" in found:
        return "Convert it: `iconv -f UTF-16 -t UTF-8 IN > OUT`"
    if "Parquet" in found:
        return "Rename it so that it ends in .parquet"
    return "Unpack it first"


def _first_lines(text: str) -> str:
    """What DuckDB says, without its advice on how to guess and without the line it quotes."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    kept: list[str] = []
    for line in lines:
        if line.startswith(("Possible fixes", "Possible Solution", "*", "file =", "LINE ")):
            break
        if not line.startswith("Original Line"):
            kept.append(line)
    return " ".join(kept)[:300].rstrip(". ")
