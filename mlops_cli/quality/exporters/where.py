"""A `where`, which is Spark SQL, as alternatives of simple comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from .terms import CannotExportError

_MOST: Final = 64
_FLIPPED: Final = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_NEGATED: Final = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


@dataclass(frozen=True, slots=True)
class Atom:
    """One comparison of a column with values, or whether it has one (`NULL`, `NOT NULL`)."""

    column: str
    operator: str
    value: Any = None


Alternatives: TypeAlias = tuple[tuple[Atom, ...], ...]
"""Any of them must hold, and in it every atom."""

ALWAYS: Final[Alternatives] = ((),)


def alternatives(text: str | None) -> Alternatives:
    """Read a `where`; rows for which it is NULL are not kept, as in SQL.

    Raises:
        CannotExportError: It is more than comparisons of columns with values.
    """
    if text is None:
        return ALWAYS
    import sqlglot

    try:
        parsed = sqlglot.parse_one(text, read="spark")
    except sqlglot.errors.SqlglotError as error:
        raise CannotExportError("its `where` is no SQL condition") from error
    return _read(parsed, negated=False)


def both(first: Alternatives, second: Alternatives) -> Alternatives:
    """Both must hold.

    Raises:
        CannotExportError: That makes too many alternatives.
    """
    found = tuple(dict.fromkeys((*one, *other) for one in first for other in second))
    if len(found) > _MOST:
        raise CannotExportError("its `where` has too many alternatives")
    return found


def portable(text: str) -> tuple[str, bool]:
    """Write a `where` as standard SQL with names in quotes, and tell whether that is all of it.

    Raises:
        CannotExportError: It is no SQL condition.
    """
    import sqlglot
    from sqlglot import expressions as sql

    try:
        parsed = sqlglot.parse_one(text, read="spark")
    except sqlglot.errors.SqlglotError as error:
        raise CannotExportError("its `where` is no SQL condition") from error
    common = (sql.And, sql.Or, sql.Case, sql.If, sql.Coalesce)
    calls = [one for one in parsed.find_all(sql.Func) if not isinstance(one, common)]
    return parsed.sql(identify=True), not calls


def _read(node: Any, *, negated: bool) -> Alternatives:  # noqa: ANN401 -- sqlglot's tree
    from sqlglot import expressions as sql

    if isinstance(node, sql.Paren):
        return _read(node.this, negated=negated)
    if isinstance(node, sql.Not):
        return _read(node.this, negated=not negated)
    if isinstance(node, sql.And | sql.Or):
        first, second = _read(node.this, negated=negated), _read(node.expression, negated=negated)
        if isinstance(node, sql.And) != negated:
            return both(first, second)
        return (*first, *second)
    if isinstance(node, sql.Between):
        low = Atom(_column(node.this), ">=", _value(node.args["low"]))
        high = Atom(_column(node.this), "<=", _value(node.args["high"]))
        if negated:
            return ((_not(low),), (_not(high),))
        return ((low, high),)
    return (_with_value(_atom(node, negated=negated)),)


def _atom(node: Any, *, negated: bool) -> Atom:  # noqa: ANN401
    from sqlglot import expressions as sql

    if isinstance(node, sql.Is) and isinstance(node.expression, sql.Null):
        return Atom(_column(node.this), "NOT NULL" if negated else "NULL")
    if isinstance(node, sql.In) and node.expressions:
        values = [_value(one) for one in node.expressions]
        return Atom(_column(node.this), "NOT_IN" if negated else "IN", tuple(values))
    if isinstance(node, sql.Column):
        return Atom(node.name, "==", not negated)
    operator = _operators().get(type(node))
    if operator is None:
        raise CannotExportError(f"its `where` holds `{node.sql('spark')[:60]}`")
    left, right = node.this, node.expression
    if not isinstance(left, sql.Column):
        left, right, operator = right, left, _FLIPPED[operator]
    atom = Atom(_column(left), operator, _value(right))
    return _not(atom) if negated else atom


def _operators() -> dict[type, str]:
    from sqlglot import expressions as sql

    return {
        sql.EQ: "==",
        sql.NEQ: "!=",
        sql.LT: "<",
        sql.LTE: "<=",
        sql.GT: ">",
        sql.GTE: ">=",
    }


def _not(atom: Atom) -> Atom:
    return Atom(atom.column, _NEGATED[atom.operator], atom.value)


def _with_value(atom: Atom) -> tuple[Atom, ...]:
    # In SQL a row without a value is never different from one.
    if atom.operator in ("!=", "NOT_IN"):
        return (atom, Atom(atom.column, "NOT NULL"))
    return (atom,)


def _column(node: Any) -> str:  # noqa: ANN401
    from sqlglot import expressions as sql

    if isinstance(node, sql.Column) and not node.table:
        return str(node.name)
    raise CannotExportError(f"its `where` compares `{node.sql('spark')[:60]}`, which is no column")


def _value(node: Any) -> Any:  # noqa: ANN401
    from sqlglot import expressions as sql

    if isinstance(node, sql.Boolean):
        return bool(node.this)
    if isinstance(node, sql.Neg):
        value = _value(node.this)
        if not isinstance(value, str):
            return -value
    if isinstance(node, sql.Cast) and node.to.this in (
        sql.DataType.Type.DATE,
        sql.DataType.Type.TIMESTAMP,
    ):
        return _value(node.this)
    if isinstance(node, sql.Literal):
        if node.is_string:
            return str(node.this)
        return float(node.this) if "." in node.this or "e" in node.this.lower() else int(node.this)
    raise CannotExportError(f"its `where` compares with `{node.sql('spark')[:60]}`")
