"""Columns whose types are stored with them: what the rules see of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import DataReadError
from .connection import identifier
from .source import Column, check_type_names

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

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


def stored_columns(described: Sequence[tuple[str, str]]) -> dict[Column, str]:
    """Give each column, and how rules see it, from the names and types that DuckDB describes."""
    found = {}
    for name, sql_type in described:
        column = Column(name, _type(sql_type))
        found[column] = _seen(column, sql_type)
    return found


def check_stored(name: Path | str, columns: Sequence[Column], types: Mapping[str, str]) -> None:
    """Compare the types of columns with those that were asked for.

    Raises:
        DataReadError: A column is of another type, or is not there.
    """
    check_type_names(name, types, [column.name for column in columns])
    for column in columns:
        wanted = types.get(column.name, column.type)
        if wanted != column.type and (wanted, column.type) != ("number", "integer"):
            raise DataReadError(
                f"Could not read column `{column.name}` of `{name}` as {wanted}: "
                f"it is stored as {column.type}"
            )


def selection(columns: Mapping[Column, str], wanted: Sequence[str] | None) -> str:
    """Write the list of a SELECT: these columns, or all."""
    chosen = [sql for column, sql in columns.items() if wanted is None or column.name in wanted]
    # A table needs one column at least, and the count of rows needs any.
    return ", ".join(chosen or [next(iter(columns.values()))])


def _type(sql_type: str) -> str:
    base = sql_type.split("(", 1)[0]
    if base in _INTEGERS or base.lstrip("U") in _INTEGERS:
        return "integer"
    if base == "DECIMAL":
        return "number"
    if base == "ENUM":
        return "text"
    return _TYPES.get(sql_type, "other")


def _seen(column: Column, sql_type: str) -> str:
    name = identifier(column.name)
    if sql_type == "TIMESTAMP WITH TIME ZONE":
        return f"make_timestamp(epoch_us({name})) AS {name}"
    if column.type == "timestamp":
        return f"CAST({name} AS TIMESTAMP) AS {name}"
    if column.type == "text" and sql_type != "VARCHAR":
        return f"CAST({name} AS VARCHAR) AS {name}"
    return name
