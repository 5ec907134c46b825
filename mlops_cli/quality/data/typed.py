"""Finds out what columns of text hold, and casts them; never by what most values look like."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import DataReadError
from .connection import identifier, lock
from .source import Column, Source, check_type_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb

    from .source import Load

# Leading zeros make a text (a post code), and so does an integer that no 64 bits hold (an id).
_INTEGER = "[+-]?(0|[1-9][0-9]{0,17})"
_DIGITS = "[+-]?[0-9]{1,18}"
_NUMBER = r"[+-]?((0|[1-9][0-9]{0,14})(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?"
_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIMESTAMP = _DATE + r"[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?Z?"
_GUESSED = ("boolean", "integer", "number", "date", "timestamp")
_SQL_TYPES = {
    "integer": "BIGINT",
    "number": "DOUBLE",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}
_NOTED_SHARE = 0.5
RAW = "raw_text"


def holds(type_name: str, column: str, *, given: bool = False) -> str:
    """SQL that is true for a text that is a value of the type; more lenient when it is given."""
    if type_name == "text":
        return "true"
    if type_name == "boolean":
        return f"regexp_full_match({column}, '(?i)true|false')"
    if type_name == "integer":
        return f"regexp_full_match({column}, '{_DIGITS if given else _INTEGER}')"
    if type_name == "number":
        wide = f"regexp_full_match({column}, '{_DIGITS}') OR " if given else ""
        cast = f"coalesce(isfinite(TRY_CAST({column} AS DOUBLE)), false)"
        return f"({wide}regexp_full_match({column}, '{_NUMBER}')) AND {cast}"
    pattern = _DATE if type_name == "date" else _TIMESTAMP
    return f"regexp_full_match({column}, '{pattern}') AND {_cast(type_name, column)} IS NOT NULL"


def type_table(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    names: Sequence[str],
    types: Mapping[str, str],
    *,
    fixed: Mapping[str, str],
    table: str,
) -> list[Column]:
    """Turn the table of text `c0, c1, …` into a table of typed, named columns.

    Args:
        connection: Where both tables are.
        path: For messages.
        names: The names of the columns, in order.
        types: The types that were asked for.
        fixed: The types the file itself says, for columns that need no finding out.
        table: The name of the new table.

    Raises:
        DataReadError: A column does not hold what it should.
    """
    check_type_names(path, types, names)
    columns = []
    for position, name in enumerate(names):
        text = f"c{position}"
        if name in types:
            _enforce(connection, path, name, text, types[name])
            columns.append(Column(name, types[name]))
        elif name in fixed:
            columns.append(Column(name, fixed[name]))
        else:
            columns.append(_infer(connection, name, text))
    selected = ", ".join(
        f"{_cast(column.type, f'c{position}')} AS {identifier(column.name)}"
        for position, column in enumerate(columns)
    )
    connection.execute(
        f"CREATE TABLE {identifier(table)} AS SELECT {selected} FROM {RAW}"  # noqa: S608
    )
    connection.execute(f"DROP TABLE {RAW}")
    return columns


def table_source(
    connection: duckdb.DuckDBPyConnection,
    path: Path,
    data_format: str,
    columns: Sequence[Column],
    notes: Sequence[str],
    *,
    load: Load,
) -> Source:
    """Lock a connection that holds the table `data` and make a source of it."""
    lock(connection)
    (rows,) = connection.execute("SELECT count(*) FROM data").fetchone() or (0,)
    return Source(
        str(path),
        data_format,
        tuple(columns),
        rows,
        tuple(notes),
        _load=load,
        _opened=connection,
    )


def _infer(connection: duckdb.DuckDBPyConnection, name: str, text: str) -> Column:
    counts = ", ".join(f"count(*) FILTER ({holds(one, text)})" for one in _GUESSED)
    row = connection.execute(f"SELECT count({text}), {counts} FROM {RAW}").fetchone() or ()  # noqa: S608
    filled, matches = row[0], dict(zip(_GUESSED, row[1:], strict=True))
    if filled:
        for type_name in _GUESSED:
            if matches[type_name] == filled:
                return Column(name, type_name)
    near = max(matches, key=lambda one: matches[one])
    note = ""
    if filled and matches[near] > filled * _NOTED_SHARE:
        note = f"{filled - matches[near]} of its {filled} values cannot be read as {near}"
    return Column(name, "text", note)


def _enforce(
    connection: duckdb.DuckDBPyConnection, path: Path, name: str, text: str, type_name: str
) -> None:
    wrong = f"{text} IS NOT NULL AND NOT ({holds(type_name, text, given=True)})"
    row = connection.execute(
        f"SELECT count(*), min(rowid) + 1 FROM {RAW} WHERE {wrong}"  # noqa: S608
    ).fetchone()
    if row is not None and row[0]:
        raise DataReadError(
            f"Could not read column `{name}` of `{path}` as {type_name}: "
            f"{row[0]} of its values cannot be, the first in row {row[1]}"
        )


def _cast(type_name: str, column: str) -> str:
    if type_name == "text":
        return column
    if type_name == "timestamp":
        return f"TRY_CAST(rtrim({column}, 'Z') AS TIMESTAMP)"
    return f"TRY_CAST({column} AS {_SQL_TYPES[type_name]})"
