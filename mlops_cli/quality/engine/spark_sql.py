"""Spark SQL, as `where` and CustomSql hold it, written for DuckDB; what cannot be is refused.

sqlglot reads and writes. What it would pass on without knowing whether DuckDB means the same is
not in the list of functions here, and is refused: a refusal is an ERROR, a guess might be green.
What is let through here is looked at once more on DuckDB's own tree before it runs.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from .spark_rewrites import rewrite
from .values import CannotEvaluateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlglot import exp

_LONGEST: Final = 65_536
_MISSING: Final = re.compile(r"Required keyword: '\w+' missing for <class '[\w.]+'>")
_ANSI: Final = re.compile(r"\x1b\[[0-9;]*m")
# Functions that mean the same in both once sqlglot and `spark_rewrites` have written them: the
# names of sqlglot's classes.
_NAMES: Final = """
And Or Xor Case If Coalesce Nullif Nvl2 DecodeCase IsNan CountIf LogicalAnd LogicalOr Exists
Abs Sign Ceil Floor Round Sqrt Cbrt Pow Exp Ln Log Greatest Least Pi Degrees Radians
Sin Cos Tan Asin Acos Atan Atan2 BitwiseCount
Length Lower Upper Trim Substring Left Right Concat ConcatWs Replace Reverse Repeat Pad
StrPosition Contains StartsWith EndsWith RegexpLike RegexpILike RegexpExtract
Levenshtein Ascii MD5 Space Translate JSONExtractScalar
Cast TryCast TsOrDsToDate TsOrDsAdd DateAdd DateSub DateDiff DateTrunc TimestampTrunc
AddMonths LastDay MonthsBetween Year Quarter Month Day Hour Minute Second DayOfMonth
DayOfWeek DayOfYear WeekOfYear TimeToStr StrToTime CurrentDate CurrentTimestamp
Count Sum Avg Min Max Stddev StddevSamp StddevPop Variance VariancePop Corr CovarPop
CovarSamp Median Quantile Kurtosis ArgMax ArgMin RowNumber Rank DenseRank Lag Lead
FirstValue LastValue Ntile PercentRank CumeDist
"""
_SAME: Final = frozenset(_NAMES.split())
_REFUSED: Final = {
    "Command": "a command",
    "Parameter": "a parameter",
    "Placeholder": "a parameter",
    "SessionParameter": "a parameter",
    "Lambda": "a function of its own",
    "TableSample": "a sample, which is another each time",
    "Into": "an INTO",
    "Kwarg": "a named argument",
    "Pivot": "a PIVOT",
    "Semicolon": "more than one statement",
}


def statement(text: str, now: datetime | None = None) -> str:
    """Write one SELECT.

    Raises:
        CannotEvaluateError: It is no single SELECT, or none that DuckDB could run alike.
    """
    tree = _read(text, "statement")
    return _write(tree, now, "statement", select=True)


def predicate(text: str, now: datetime | None = None) -> str:
    """Write one condition.

    Raises:
        CannotEvaluateError: It is no single condition, or none that DuckDB could run alike.
    """
    tree = _read(text, "`where`")
    return _write(tree, now, "`where`", select=False)


def named_columns(text: str, columns: Sequence[str]) -> list[str] | None:
    """Find the columns that a statement can be about; None where all may be meant.

    A column is always named by an identifier, but for `*`, a NATURAL join, and the name of a table
    in place of a column, which DuckDB takes for the whole row.
    """
    from sqlglot import exp

    try:
        tree = _read(text, "statement")
    except CannotEvaluateError:
        return []
    tables = {
        node.alias_or_name.lower() for node in tree.find_all(exp.Table, exp.Subquery, exp.CTE)
    }
    tables |= {node.name.lower() for node in tree.find_all(exp.Table)}
    names = set()
    for node in tree.walk():
        if isinstance(node, exp.Star) and not isinstance(node.parent, exp.Count):
            return None
        if isinstance(node, exp.Join) and node.method.upper() == "NATURAL":
            return None
        if isinstance(node, exp.Column) and node.name.lower() in tables:
            return None
        if isinstance(node, exp.Identifier):
            names.add(node.name.lower())
    return [column for column in columns if column.lower() in names]


def _read(text: str, what: str) -> exp.Expr:
    try:
        import sqlglot
    except ImportError as error:
        raise CannotEvaluateError(
            f"The {what} is Spark SQL, which `sqlglot` reads, and that is not installed: "
            "`pip install sqlglot`"
        ) from error
    if len(text) > _LONGEST:
        raise CannotEvaluateError(f"The {what} is longer than {_LONGEST:,} characters")
    import logging

    # It logs what it gives up on, besides giving up.
    logging.getLogger("sqlglot").addHandler(logging.NullHandler())
    try:
        found = sqlglot.parse(text, read="spark", error_level=sqlglot.ErrorLevel.RAISE)
    except Exception as error:  # it stumbles over odd text in many ways
        raise CannotEvaluateError(f"The {what} is no Spark SQL: {_reason(error)}") from error
    if len(found) != 1 or found[0] is None:
        many = "more than one" if len(found) > 1 else "no"
        raise CannotEvaluateError(f"The {what} holds {many} statement")
    return found[0]


def _write(tree: exp.Expr, now: datetime | None, what: str, *, select: bool) -> str:
    import sqlglot
    from sqlglot import exp

    if select and not isinstance(tree, exp.Query):
        raise CannotEvaluateError(f"The {what} is not one SELECT")
    if not select and not isinstance(tree, exp.Condition):
        raise CannotEvaluateError(f"The {what} is no condition")
    try:
        tree = rewrite(tree, now or datetime.now(UTC).replace(tzinfo=None))
        for node in tree.walk():
            _check(node, what)
        return tree.sql(
            dialect="duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE, comments=False
        )
    except CannotEvaluateError:
        raise
    except Exception as error:  # as above
        raise CannotEvaluateError(
            f"The {what} cannot be written for DuckDB: {_reason(error)}"
        ) from error


def _check(node: exp.Expr, what: str) -> None:
    from sqlglot import exp

    kind = type(node).__name__
    if kind in _REFUSED or isinstance(node, exp.DDL | exp.DML):
        held = _REFUSED.get(kind, f"{kind.upper()}")
        raise CannotEvaluateError(f"The {what} holds {held}, which is not allowed")
    if isinstance(node, exp.Table):
        _check_table(node, what)
    elif isinstance(node, exp.Func) and not _is_known(node):
        name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
        raise CannotEvaluateError(
            f"The {what} calls `{name.lower()}`, which is not known to mean the same in DuckDB"
        )


def _is_known(node: exp.Func) -> bool:
    from sqlglot import exp

    if node.meta.get("rewritten"):
        return True
    if isinstance(node, exp.Anonymous):
        return node.name.lower() == "range" and isinstance(node.parent, exp.Table)
    if isinstance(node, exp.Exists):
        # Spark's `exists(array, function)` would lose its function.
        return isinstance(node.this, exp.Query)
    return type(node).__name__ in _SAME


def _check_table(node: exp.Table, what: str) -> None:
    if node.args.get("db") or node.args.get("catalog"):
        raise CannotEvaluateError(
            f"The {what} names `{node.sql(dialect='spark')}`, and data sets have a simple name"
        )


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    from sqlglot.errors import SqlglotError

    if not isinstance(error, SqlglotError):
        return "it cannot be made sense of"
    lines = _ANSI.sub("", str(error)).strip().splitlines() or [type(error).__name__]
    said = _MISSING.sub("something is missing", lines[0])
    return said[:200].rstrip(". ")
