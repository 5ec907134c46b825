"""CustomSql: one SELECT, on a locked connection, in a transaction that reads only, and in time.

The statement is Spark SQL: `spark_sql` writes it for DuckDB or refuses it, and what it wrote is
looked at again on DuckDB's own tree.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from decimal import Decimal
from threading import Timer
from typing import TYPE_CHECKING, Any

from ..data.connection import identifier
from ..language.model import Rule
from ..language.printer import write_condition
from .measurement import (
    Context,
    Found,
    Measure,
    Single,
    Verdict,
    judge,
    shown,
    whole,
)
from .profiles import REPEATED_ROWS
from .spark_sql import statement
from .values import CannotEvaluateError, meets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    import duckdb


def custom_sql(rule: Single, context: Context, _where: str | None) -> Measure:
    """Run a statement of the user: for one value, or for the rows that pass.

    Raises:
        CannotEvaluateError: It is not one SELECT.
    """
    sql = from_spark(rule.parameters[0].value, context.now)
    _check_select(context.connection, sql)
    by_rows = isinstance(rule, Rule) and rule.condition is None

    def finish(found: Found) -> Verdict:
        with _reading(context) as connection:
            if by_rows:
                return _rows(rule, connection, context, sql, whole(found["kept"]))
            return _value(rule, connection, sql)

    return Measure({}, finish, needs_rows=by_rows)


def passes(rule: Single, context: Context) -> Callable[[duckdb.DuckDBPyConnection], str] | None:
    """Write, for a locked connection, SQL for whether a statement gives a row of `data AS ours`.

    None for a statement that gives one value. Its own verdict comes first, and apart: what had
    none there is not run again.
    """
    if not isinstance(rule, Rule) or rule.condition is not None:
        return None
    text = rule.parameters[0].value

    def row(connection: duckdb.DuckDBPyConnection) -> str:
        sql = from_spark(text, context.now)
        _check_select(connection, sql)
        same = _same(_columns(connection, context, sql))
        return f"EXISTS (SELECT 1 FROM ({sql}\n) AS passing WHERE {same})"  # noqa: S608

    return row


def from_spark(text: str, now: datetime | None = None) -> str:
    """Write a statement of Spark SQL as DuckDB means the same.

    Raises:
        CannotEvaluateError: It is not one SELECT, or cannot be written.
    """
    return statement(text, now)


def _check_select(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    row = connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
    parsed: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
    if parsed.get("error"):
        reason = parsed.get("error_message", "syntax error")
        raise CannotEvaluateError(f"The statement is not one SELECT: {reason}")
    if len(parsed["statements"]) != 1:
        raise CannotEvaluateError("The statement is more than one SELECT")


@contextmanager
def _reading(context: Context) -> Iterator[duckdb.DuckDBPyConnection]:
    """Name the data sets as the ruleset does, for this statement alone, and limit its time."""
    import duckdb

    with context.connection.cursor() as connection:
        tables = {"primary": "data", context.primary: "data"}
        tables |= {name: reference.table for name, reference in context.references.items()}
        for name, table in tables.items():
            connection.execute(
                f"CREATE TEMP VIEW {identifier(name)} AS "  # noqa: S608
                f"SELECT * FROM memory.main.{identifier(table)}"
            )
        connection.execute("BEGIN TRANSACTION READ ONLY")
        timer = Timer(context.seconds, connection.interrupt)
        timer.start()
        try:
            yield connection
        except duckdb.InterruptException as error:
            raise CannotEvaluateError(
                f"The statement took longer than {shown(context.seconds)} seconds"
            ) from error
        finally:
            timer.cancel()


def _value(rule: Single, connection: duckdb.DuckDBPyConnection, sql: str) -> Verdict:
    rows = connection.execute(sql).fetchmany(2)
    if len(rows) != 1 or len(rows[0]) != 1:
        return Verdict(False, "The statement did not give exactly one value")
    (value,) = rows[0]
    if value is not None and (
        isinstance(value, bool) or not isinstance(value, int | float | Decimal)
    ):
        raise CannotEvaluateError("The statement gave a value that is no number")
    exact = float(value) if isinstance(value, Decimal) else value
    key = "Dataset.*.CustomSQL"
    return judge(rule, "The value of the statement", key, exact, missing="The statement gave NULL")


def _rows(
    rule: Single, connection: duckdb.DuckDBPyConnection, context: Context, sql: str, rows: int
) -> Verdict:
    same = _same(_columns(connection, context, sql))
    join = "JOIN" if REPEATED_ROWS.applies(context) else "SEMI JOIN"
    row = connection.execute(
        f"SELECT count(*) FROM memory.main.data AS ours {join} ({sql}\n) AS passing ON {same}"  # noqa: S608
    ).fetchone()
    share = whole(row[0] if row else None) / rows
    metrics = {"Dataset.*.CustomSQL.Compliance": share}
    threshold = rule.threshold if isinstance(rule, Rule) else None
    if share == 1.0 if threshold is None else meets(share, threshold):
        return Verdict(True, metrics=metrics)
    wanted = "1" if threshold is None else write_condition(threshold)
    message = f"The share of rows that the statement gives is {shown(share)}, and should be"
    return Verdict(False, f"{message} {wanted}", metrics)


def _columns(connection: duckdb.DuckDBPyConnection, context: Context, sql: str) -> list[str]:
    """What a statement returns; all of it must be columns of the data."""
    # The line end closes a comment that would otherwise swallow the parenthesis.
    described = connection.execute(f"DESCRIBE SELECT * FROM ({sql}\n)").fetchall()  # noqa: S608
    names = [row[0] for row in described]
    for name in names:
        context.column(name)
    return names


def _same(names: list[str]) -> str:
    return " AND ".join(
        f"ours.{identifier(name)} IS NOT DISTINCT FROM passing.{identifier(name)}" for name in names
    )
