"""Opens JSON lines: one flat object on each line; a key that is missing is NULL."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import DataReadError
from .connection import connect, engine, file_name, literal
from .csv_file import Bytes, count_bytes, nul_notes
from .source import Column, Source, check_names
from .typed import RAW, table_source, type_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import duckdb

_WIDER = {"integer": "number"}
_INTEGERS = {"BIGINT", "UBIGINT"}
_NUMBERS = _INTEGERS | {"DOUBLE", "HUGEINT", "UHUGEINT"}


def open_json_lines(path: Path, types: Mapping[str, str]) -> Source:
    """Open a JSON lines file.

    Raises:
        DataReadError: A line is no flat object, or a key holds values of several types.
    """
    connection = connect()
    columns, counted = _load(connection, path, types, "data")
    known = {column.name: column.type for column in columns}
    return table_source(
        connection,
        path,
        "json lines",
        columns,
        nul_notes(counted),
        load=lambda other, table, _columns: _load(other, path, known, table),
    )


def _load(
    connection: duckdb.DuckDBPyConnection, path: Path, types: Mapping[str, str], table: str
) -> tuple[list[Column], Bytes]:
    counted = count_bytes(path, ",")
    try:
        connection.execute(
            f"CREATE TABLE lines AS SELECT json FROM read_ndjson_objects({file_name(path)}, "  # noqa: S608
            "ignore_errors=false, compression='none', hive_partitioning=false)"
        )
    except engine().Error:
        _check_lines(path)
        raise
    names = _names(connection, path)
    fixed = {}
    for name in names:
        found = _type(connection, path, name)
        if found is None:
            continue
        fixed[name] = found
        if types.get(name, found) not in (found, _WIDER.get(found)):
            raise DataReadError(
                f"Could not read column `{name}` of `{path}` as {types[name]}: it holds {found}"
            )
    selected = ", ".join(
        f"json_extract_string(json, {_path(name)}) AS c{position}"
        for position, name in enumerate(names)
    )
    connection.execute(f"CREATE TABLE {RAW} AS SELECT {selected} FROM lines")  # noqa: S608
    connection.execute("DROP TABLE lines")
    columns = type_table(connection, path, names, types, fixed=fixed, table=table)
    return columns, counted


def _check_lines(path: Path) -> None:
    """Find the line that is no JSON: DuckDB names the one behind it.

    Raises:
        DataReadError: There is one.
    """
    import json

    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            try:
                json.loads(line)
            except (ValueError, RecursionError) as error:
                if not line.strip():
                    continue
                reason = getattr(error, "msg", "it is nested too deeply")
                raise DataReadError(
                    f"Could not read `{path}`: line {number} is no JSON: {reason}",
                    hint="Write one object `{…}` on each line",
                ) from error


def _names(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    row = connection.execute(
        "SELECT min(rowid) + 1 FROM lines WHERE json_type(json) <> 'OBJECT'"
    ).fetchone()
    if row and row[0]:
        raise DataReadError(
            f"Could not read `{path}`: line {row[0]} is not an object",
            hint="Write one object `{…}` on each line, without a list round them",
        )
    row = connection.execute(
        "SELECT min(rowid) + 1 FROM lines "
        "WHERE len(json_keys(json)) <> len(list_distinct(json_keys(json)))"
    ).fetchone()
    if row and row[0]:
        raise DataReadError(f"Could not read `{path}`: line {row[0]} has the same key twice")
    found = connection.execute(
        "SELECT key FROM (SELECT rowid AS line, unnest(json_keys(json)) AS key, "
        "generate_subscripts(json_keys(json), 1) AS position FROM lines) "
        "GROUP BY key ORDER BY min(line), arg_min(position, line)"
    ).fetchall()
    names = [name for (name,) in found]
    if not names:
        raise DataReadError(f"Could not read `{path}`: its objects are empty")
    for name in names:
        if '"' in name or "\\" in name:
            raise DataReadError(f"Could not read `{path}`: the key `{name}` holds a quote")
    check_names(path, names)
    return names


def _type(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> str | None:
    """The type the JSON itself says; None for text and for nothing but nulls."""
    found = connection.execute(
        f"SELECT DISTINCT json_type(json, {_path(name)}) FROM lines"  # noqa: S608
    ).fetchall()
    kinds = {kind for (kind,) in found} - {None, "NULL"}
    if kinds & {"OBJECT", "ARRAY"}:
        raise DataReadError(f"Could not read `{path}`: `{name}` holds nested values")
    if not kinds or kinds == {"VARCHAR"}:
        return None
    if kinds == {"BOOLEAN"}:
        return "boolean"
    if kinds <= _INTEGERS:
        return "integer"
    if kinds <= _NUMBERS:
        _check_doubles(connection, path, name)
        return "number"
    raise DataReadError(f"Could not read `{path}`: `{name}` holds values of several types")


def _check_doubles(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Refuse what no double holds: DuckDB takes NaN, which JSON has not, and rounds long numbers.

    Raises:
        DataReadError: There is such a value.
    """
    value = f"json_extract_string(json, {_path(name)})"
    row = connection.execute(
        f"SELECT line, value, whole FROM (SELECT rowid + 1 AS line, {value} AS value, "  # noqa: S608
        f"regexp_full_match({value}, '[+-]?[0-9]+') AS whole FROM lines "
        f"WHERE json_type(json, {_path(name)}) = 'DOUBLE') "
        "WHERE whole OR NOT coalesce(isfinite(TRY_CAST(value AS DOUBLE)), false) LIMIT 1"
    ).fetchone()
    if row is None:
        return
    line, shown, whole = row
    if whole:
        raise DataReadError(
            f"Could not read `{path}`: `{name}` of line {line} is a whole number of more than 64 "
            "bits",
            hint='Write it as text, in quotes: `"…"`',
        )
    known = "no value of JSON" if shown.lstrip("+-").isalpha() else "too large for a number"
    raise DataReadError(
        f"Could not read `{path}`: `{name}` of line {line} is {known}: `{shown[:40]}`",
        hint="Write `null` where there is no number",
    )


def _path(name: str) -> str:
    return literal(f'$."{name}"')
