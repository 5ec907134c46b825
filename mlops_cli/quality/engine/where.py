"""Lets a `where` into SQL only when it is one boolean expression about the row."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ..data.connection import without_kind
from .spark_sql import predicate
from .values import CannotEvaluateError

if TYPE_CHECKING:
    from datetime import datetime

    import duckdb

_QUOTED = re.compile(r"'(?:[^']|'')*'")
_EMPTY_PARTS = ("where_clause", "having", "qualify", "sample")
_REFUSED = {
    "SUBQUERY": "a subquery",
    "WINDOW": "a window function",
    "PARAMETER": "a parameter",
    "STAR": "a `*`",
}


def where_sql(connection: duckdb.DuckDBPyConnection, text: str, now: datetime | None = None) -> str:
    """Write a `where`, which is Spark SQL, for DuckDB and in parentheses, and check it.

    Args:
        connection: The connection that has the data.
        text: The condition.
        now: What the current time is.

    Raises:
        CannotEvaluateError: It is no single condition that DuckDB understands for this data.
    """
    import duckdb

    found = f"({predicate(text, now)})"
    try:
        _check_shape(connection, found)
        described = connection.execute(f"DESCRIBE SELECT {found} FROM data").fetchall()  # noqa: S608
        if described[0][1] != "BOOLEAN":
            raise CannotEvaluateError(f"The `where` gives {described[0][1]}, not true or false")
        connection.execute(f"SELECT 1 FROM data WHERE {found} LIMIT 0")  # noqa: S608
    except duckdb.Error as error:
        raise CannotEvaluateError(f"The `where` cannot be used: {first_line(error)}") from error
    return found


def first_line(error: Exception) -> str:
    """What DuckDB says, in one line and without values of the data, which it quotes."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return without_kind(_QUOTED.sub("'…'", lines[0]))[:200].rstrip(". !")


def _check_shape(connection: duckdb.DuckDBPyConnection, found: str) -> None:
    import json

    row = connection.execute("SELECT json_serialize_sql(?)", [f"SELECT {found}"]).fetchone()
    parsed: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if parsed.get("error"):
        raise CannotEvaluateError(
            f"The `where` is no SQL condition: {parsed.get('error_message', 'syntax error')}"
        )
    statements = parsed["statements"]
    node = statements[0]["node"] if len(statements) == 1 else {}
    if not _is_one_expression(node):
        raise CannotEvaluateError("The `where` is more than one condition")
    _refuse(node["select_list"][0])


def _is_one_expression(node: dict[str, object]) -> bool:
    source = node.get("from_table")
    selected = node.get("select_list")
    return (
        node.get("type") == "SELECT_NODE"
        and isinstance(source, dict)
        and source.get("type") == "EMPTY"
        and isinstance(selected, list)
        and len(selected) == 1
        and not any(node.get(part) for part in _EMPTY_PARTS)
        and not node.get("modifiers")
        and not node.get("group_expressions")
    )


def _refuse(expression: object) -> None:
    pending = [expression]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            what = _REFUSED.get(str(item.get("class")))
            if what:
                raise CannotEvaluateError(f"The `where` holds {what}, which is not allowed")
            pending.extend(item.values())
        elif isinstance(item, list):
            pending.extend(item)
