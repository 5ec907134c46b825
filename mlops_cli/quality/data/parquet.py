"""Opens Parquet files: the footer now, and later only the columns that the rules name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .connection import connect, file_name, identifier
from .source import Source, check_names
from .stored import check_stored, selection, stored_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import duckdb


def open_parquet(path: Path, types: Mapping[str, str]) -> Source:
    """Open a Parquet file.

    Raises:
        DataReadError: It is broken, or a column is not of the type it should be.
    """
    connection = connect()
    scan = f"read_parquet({file_name(path)}, hive_partitioning=false)"
    described = connection.execute(f"DESCRIBE SELECT * FROM {scan}").fetchall()  # noqa: S608
    check_names(path, _stored_names(connection, path))
    columns = stored_columns([(row[0], row[1]) for row in described])
    check_stored(path, list(columns), types)
    (rows,) = connection.execute(
        f"SELECT num_rows FROM parquet_file_metadata({file_name(path)})"  # noqa: S608
    ).fetchone() or (0,)

    def load(target: duckdb.DuckDBPyConnection, table: str, wanted: Sequence[str] | None) -> None:
        target.execute(
            f"CREATE TABLE {identifier(table)} AS SELECT {selection(columns, wanted)} FROM {scan}"  # noqa: S608
        )

    def show(target: duckdb.DuckDBPyConnection, table: str, wanted: Sequence[str] | None) -> None:
        target.execute(
            f"CREATE VIEW {identifier(table)} AS SELECT {selection(columns, wanted)} FROM {scan}"  # noqa: S608
        )

    show(connection, "data", None)
    return Source(
        str(path), "parquet", tuple(columns), rows, _load=load, _show=show, _opened=connection
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
