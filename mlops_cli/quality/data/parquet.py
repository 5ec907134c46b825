"""Opens Parquet files: the footer now, and later only the columns that the rules name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import DataReadError
from .connection import connect, file_name, identifier
from .source import Column, Source, check_names, check_type_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb

_TYPES = {
    "BOOLEAN": "boolean",
    "DATE": "date",
    "VARCHAR": "text",
    "UUID": "text",
    "FLOAT": "number",
    "DOUBLE": "number",
    "TIMESTAMP": "timestamp",
    "TIMESTAMP_S": "timestamp",
    "TIMESTAMP_MS": "timestamp",
    "TIMESTAMP_NS": "timestamp",
    "TIMESTAMP WITH TIME ZONE": "timestamp",
}
_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT"}


def open_parquet(path: Path, types: Mapping[str, str]) -> Source:
    """Open a Parquet file.

    Raises:
        DataReadError: It is broken, or a column is not of the type it should be.
    """
    connection = connect()
    scan = f"read_parquet({file_name(path)}, hive_partitioning=false)"
    described = connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()  # noqa: S608
    check_names(path, _stored_names(connection, path))
    stored = {name: sql_type for name, sql_type, *_ in described}
    columns = tuple(Column(name, _type(sql_type)) for name, sql_type in stored.items())
    _check(path, columns, types)
    (rows,) = connection.execute(f"SELECT count(*) FROM {scan}").fetchone() or (0,)  # noqa: S608
    connection.close()

    def load(target: duckdb.DuckDBPyConnection, table: str, wanted: Sequence[str] | None) -> None:
        chosen = [column for column in columns if wanted is None or column.name in wanted]
        # A table needs one column at least, and the count of rows needs any.
        chosen = chosen or list(columns[:1])
        selected = ", ".join(_select(column, stored[column.name]) for column in chosen)
        target.execute(
            f"CREATE TABLE {identifier(table)} AS SELECT {selected} FROM {scan}"  # noqa: S608
        )

    return Source(str(path), "parquet", columns, rows, _load=load)


def _check(path: Path, columns: Sequence[Column], types: Mapping[str, str]) -> None:
    check_type_names(path, types, [column.name for column in columns])
    for column in columns:
        wanted = types.get(column.name, column.type)
        if wanted != column.type and (wanted, column.type) != ("number", "integer"):
            raise DataReadError(
                f"Could not read column `{column.name}` of `{path}` as {wanted}: "
                f"it is stored as {column.type}"
            )


def _stored_names(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """The names of the columns as stored: a reader would rename the second of two equal ones."""
    rows = connection.execute(
        f"SELECT name, num_children FROM parquet_schema({file_name(path)})"  # noqa: S608
    ).fetchall()
    names: list[str] = []
    pending: list[int] = [rows[0][1] or 0]
    for name, children in rows[1:]:
        while pending and pending[-1] == 0:
            pending.pop()
        if len(pending) == 1:
            names.append(name)
        pending[-1] -= 1
        if children:
            pending.append(children)
    return names


def _type(sql_type: str) -> str:
    base = sql_type.split("(", 1)[0]
    if base in _INTEGERS or base.lstrip("U") in _INTEGERS:
        return "integer"
    if base == "DECIMAL":
        return "number"
    if base == "ENUM":
        return "text"
    return _TYPES.get(sql_type, "other")


def _select(column: Column, sql_type: str) -> str:
    name = identifier(column.name)
    if sql_type == "TIMESTAMP WITH TIME ZONE":
        return f"make_timestamp(epoch_us({name})) AS {name}"
    if column.type == "timestamp":
        return f"CAST({name} AS TIMESTAMP) AS {name}"
    if column.type == "text" and sql_type != "VARCHAR":
        return f"CAST({name} AS VARCHAR) AS {name}"
    return name
