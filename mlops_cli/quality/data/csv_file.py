"""Opens CSV files: their shape is checked byte by byte before DuckDB reads them."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import DataReadError
from .connection import connect, file_name, literal
from .source import Column, Source, check_names
from .typed import RAW, table_source, type_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import duckdb

_CHUNK = 1 << 20
_LONGEST_FIELD = 1 << 30
_OTHER_DELIMITERS = {";": ";", "\t": r"\t", "|": "|", ",": ","}
_NUMERIC = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


@dataclass(slots=True)
class Bytes:
    """What was counted in one pass over a text file."""

    quotes: int = 0
    delimiters: int = 0
    line_feeds: int = 0
    returns: int = 0
    pairs: int = 0
    nuls: int = 0
    ends_with_line: bool = False


def open_csv(path: Path, types: Mapping[str, str], delimiter: str) -> Source:
    """Open a CSV file with a header; fields in `"`, UTF-8.

    Raises:
        DataReadError: Its rows are not all of one shape, or it is no CSV of this delimiter.
    """
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise DataReadError(f"`{delimiter}` cannot be a delimiter", hint="It is one character")
    connection = connect()
    columns, counted = _load(connection, path, types, delimiter, "data")
    known = {column.name: column.type for column in columns}
    return table_source(
        connection,
        path,
        "csv",
        columns,
        nul_notes(counted),
        load=lambda other, table, _columns: _load(other, path, known, delimiter, table),
    )


def _load(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    types: Mapping[str, str],
    delimiter: str,
    table: str,
) -> tuple[list[Column], Bytes]:
    counted = count_bytes(path, delimiter)
    names = _header(path, delimiter)
    records = _records(path, delimiter, counted, len(names))
    columns = ", ".join(f"'c{position}': 'VARCHAR'" for position in range(len(names)))
    connection.execute(
        f"CREATE TABLE {RAW} AS SELECT * FROM read_csv({file_name(path)}, auto_detect=false, "  # noqa: S608
        f"header=true, delim={literal(delimiter)}, quote='\"', escape='\"', "
        f"columns={{{columns}}}, nullstr='', allow_quoted_nulls=false, strict_mode=true, "
        f"null_padding=false, ignore_errors=false, compression='none', hive_partitioning=false)"
    )
    (read,) = connection.execute(f"SELECT count(*) FROM {RAW}").fetchone() or (0,)  # noqa: S608
    if read != records:
        raise DataReadError(
            f"Could not read `{path}`: it has {records} rows by its line ends and {read} by its "
            "quotes"
        )
    return type_table(connection, path, names, types, fixed={}, table=table), counted


def nul_notes(counted: Bytes) -> tuple[str, ...]:
    """Report NUL bytes, which nobody sees in an editor."""
    return (
        (f"The file holds {counted.nuls} NUL byte{'' if counted.nuls == 1 else 's'}",)
        if counted.nuls
        else ()
    )


def count_bytes(path: Path, delimiter: str) -> Bytes:
    """Check that a file is UTF-8 and count what decides its shape.

    Raises:
        DataReadError: It is not UTF-8.
    """
    counted = Bytes()
    decoder = codecs.getincrementaldecoder("utf-8")()
    mark = delimiter.encode()
    last = b""
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                line = counted.line_feeds + chunk[: error.start].count(b"\n") + 1
                raise _not_utf8(path, line) from error
            _count(counted, chunk, mark, last)
            last = chunk[-1:]
    try:
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise _not_utf8(path, counted.line_feeds + 1) from error
    counted.ends_with_line = last in (b"\n", b"\r")
    return counted


def _count(counted: Bytes, chunk: bytes, mark: bytes, last: bytes) -> None:
    counted.quotes += chunk.count(b'"')
    counted.delimiters += chunk.count(mark)
    counted.line_feeds += chunk.count(b"\n")
    counted.returns += chunk.count(b"\r")
    counted.pairs += chunk.count(b"\r\n") + (last == b"\r" and chunk.startswith(b"\n"))
    counted.nuls += chunk.count(b"\0")


def _not_utf8(path: Path, line: int) -> DataReadError:
    return DataReadError(
        f"Could not read `{path}`: line {line} is not UTF-8",
        hint="Convert it, for example from Latin-1: `iconv -f LATIN1 -t UTF-8 IN > OUT`",
    )


def _header(path: Path, delimiter: str) -> list[str]:
    names = next(_rows(path, delimiter), [])
    if not names:
        raise DataReadError(f"Could not read `{path}`: its first line is blank, not a header")
    if len(names) == 1:
        for other, shown in _OTHER_DELIMITERS.items():
            if other != delimiter and other in names[0]:
                raise DataReadError(
                    f"Could not read `{path}`: with the delimiter `{delimiter}` it has one column",
                    hint=f"Set the delimiter to `{shown}`: `--delimiter '{shown}'`",
                )
    numeric = sum(_NUMERIC.fullmatch(name) is not None for name in names)
    if numeric * 2 >= len(names):
        raise DataReadError(
            f"Could not read `{path}`: its first line holds values, not names",
            hint="Put a line with the names of the columns first",
        )
    check_names(path, names)
    return names


def _records(path: Path, delimiter: str, counted: Bytes, width: int) -> int:
    """Count the rows below the header, and make sure that each has as many fields as it."""
    if not counted.quotes:
        _check_line_ends(path, counted)
        ends = counted.line_feeds or counted.returns
        records = ends + (not counted.ends_with_line) - 1
        # A shorter row would be seen by DuckDB; a longer one makes this sum too great.
        if width > 1 and counted.delimiters == (records + 1) * (width - 1):
            return records
    return _count_rows(path, delimiter, width)


def _check_line_ends(path: Path, counted: Bytes) -> None:
    both = counted.line_feeds and counted.returns
    if both and not counted.pairs == counted.returns == counted.line_feeds:
        raise DataReadError(
            f"Could not read `{path}`: its lines end in different ways",
            hint="Convert it: `dos2unix FILE`",
        )


def _count_rows(path: Path, delimiter: str, width: int) -> int:
    records = -1
    blank = 0
    for number, row in enumerate(_rows(path, delimiter), start=1):
        if not row:
            blank = blank or number
            continue
        if blank:
            raise DataReadError(f"Could not read `{path}`: record {blank} is a blank line")
        if len(row) != width:
            raise DataReadError(
                f"Could not read `{path}`: record {number} has {len(row)} "
                f"field{'' if len(row) == 1 else 's'}, and the header has {width}"
            )
        records += 1
    return records


def _rows(path: Path, delimiter: str) -> Iterator[list[str]]:
    import csv

    limit = csv.field_size_limit(_LONGEST_FIELD)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            try:
                for row in reader:
                    _check_quotes(path, row, reader.line_num)
                    yield row
            except csv.Error as error:
                raise DataReadError(
                    f"Could not read `{path}`: the quotes round line {reader.line_num} "
                    f"do not match ({error})"
                ) from error
    finally:
        csv.field_size_limit(limit)


def _check_quotes(path: Path, row: list[str], line: int) -> None:
    for value in row:
        if value[:1] in (" ", "\t") and value.lstrip().startswith('"'):
            raise DataReadError(
                f"Could not read `{path}`: line {line} has a blank before a quote",
                hint="Remove the blanks after the delimiters",
            )
