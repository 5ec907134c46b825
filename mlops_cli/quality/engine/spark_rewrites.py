"""What Spark means otherwise than DuckDB with the same words, put right on sqlglot's tree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from sqlglot import exp

_WHOLE: Final = ("TINYINT", "SMALLINT", "INT", "BIGINT")
_CASTS: Final = {"tinyint": "TINYINT", "smallint": "SMALLINT", "bigint": "BIGINT"}
_PLACE: Final = "_place_of_"
_SHAPE: Final = r"^\s*[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)\s*$"


def rewrite(tree: exp.Expr, now: datetime) -> exp.Expr:
    """Rewrite a tree that was read as Spark SQL so that DuckDB means the same by it.

    Args:
        tree: The tree.
        now: What the current time is, in UTC, as Spark has it on Glue.
    """
    from sqlglot import exp

    table: dict[type[exp.Expr], Callable[..., exp.Expr]] = {
        exp.Anonymous: lambda node: _named(node, now),
        exp.Like: _like,
        exp.ILike: _like,
        exp.IsNan: lambda node: _sql("COALESCE(ISNAN(CAST(@x AS DOUBLE)), FALSE)", x=node.this),
        exp.Substring: _substring,
        exp.Trim: _trim,
        # Spark's week starts with a Sunday that is 1, DuckDB's with one that is 0.
        exp.DayOfWeek: lambda node: _sql("(DAYOFWEEK(CAST(@x AS DATE)) + 1)", x=node.this),
        exp.Kurtosis: lambda node: _call("KURTOSIS_POP", node.this),
        exp.Quantile: _percentile,
        exp.CurrentTimestamp: lambda _node: _moment(now.isoformat(sep=" "), "TIMESTAMP"),
        exp.CurrentDate: lambda _node: _moment(now.date().isoformat(), "DATE"),
        # Spark's NULL is DuckDB's NaN, infinity or error.
        exp.Ln: lambda node: _sql("CASE WHEN @x > 0 THEN LN(@x) END", x=node.this),
        exp.Log: _log,
        exp.Mod: lambda node: _sql("(@a % NULLIF(@b, 0))", a=node.this, b=node.expression),
        exp.IntDiv: lambda node: _sql(
            "TRY_CAST(TRUNC(@a / NULLIF(@b, 0)) AS BIGINT)", a=node.this, b=node.expression
        ),
        exp.Left: lambda node: _sql("LEFT(@x, GREATEST(@n, 0))", x=node.this, n=node.expression),
        exp.Right: lambda node: _sql("RIGHT(@x, GREATEST(@n, 0))", x=node.this, n=node.expression),
        exp.Cast: _cast,
        exp.TryCast: _cast,
        exp.SHA2: _sha,
    }

    def change(node: exp.Expr) -> exp.Expr:
        found = table.get(type(node))
        return found(node) if found else node

    # From the leaves up, so that nothing which was written here is looked at again.
    for node in list(tree.walk(bfs=False))[::-1]:
        changed = change(node)
        if changed is not node:
            if node is tree:
                tree = changed
            else:
                node.replace(changed)
    return tree


def _sql(text: str, **parts: exp.Expr) -> exp.Expr:
    """Write DuckDB's SQL, with parts of the statement at `@name`."""
    from sqlglot import exp, parse_one

    # DuckDB has an operator `@`, so the places are columns meanwhile.
    tree = parse_one(text.replace("@", _PLACE), read="duckdb")
    for call in tree.find_all(exp.Func):
        call.meta["rewritten"] = True
    for node in list(tree.find_all(exp.Column)):
        node.replace(_grouped(parts[node.name.removeprefix(_PLACE)]))
    return tree


def _grouped(node: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    plain = isinstance(node, exp.Column | exp.Literal | exp.Paren | exp.Func)
    joined = not isinstance(node, exp.Paren) and isinstance(
        node, exp.Binary | exp.Connector | exp.Unary
    )
    return node.copy() if plain and not joined else exp.Paren(this=node.copy())


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    from sqlglot import exp

    made = exp.Anonymous(this=name, expressions=[one.copy() for one in arguments])
    made.meta["rewritten"] = True
    return made


def _named(node: exp.Anonymous, now: datetime) -> exp.Expr:
    """Functions of Spark that sqlglot passes on as it finds them."""
    from sqlglot import exp

    name, given = node.name.lower(), node.expressions
    if name == "now" and not given:
        return _moment(now.isoformat(sep=" "), "TIMESTAMP")
    if name == "pmod" and len(given) == 2:
        return _sql("(((@a % NULLIF(@b, 0)) + @b) % NULLIF(@b, 0))", a=given[0], b=given[1])
    if len(given) != 1:
        return node
    (one,) = given
    if name in _CASTS:
        return _cast(exp.TryCast(this=one.copy(), to=exp.DataType.build(_CASTS[name])))
    forms = {
        "isnull": "(@x IS NULL)",
        "isnotnull": "(NOT @x IS NULL)",
        "mean": "AVG(@x)",
        "std": "STDDEV(@x)",
        "every": "BOOL_AND(@x)",
        "bool_and": "BOOL_AND(@x)",
        "some": "BOOL_OR(@x)",
        "any": "BOOL_OR(@x)",
        "bool_or": "BOOL_OR(@x)",
    }
    return _sql(forms[name], x=one) if name in forms else node


def _like(node: exp.Expr) -> exp.Expr:
    """A backslash escapes in Spark's patterns, and in DuckDB's only when that is said."""
    from sqlglot import exp

    if isinstance(node.parent, exp.Escape):
        return node
    pattern = node.expression
    if isinstance(pattern, exp.Literal) and "\\" not in pattern.name:
        return node
    return exp.Escape(this=node.copy(), expression=exp.Literal.string("\\"))


def _substring(node: exp.Substring) -> exp.Expr:
    """For Spark the first character is 1, and 0 too."""
    from sqlglot import exp

    start = node.args.get("start")
    if start is None or (isinstance(start, exp.Literal) and start.name != "0"):
        return node
    changed = node.copy()
    changed.set("start", _sql("(CASE WHEN @x = 0 THEN 1 ELSE @x END)", x=start))
    return changed


def _trim(node: exp.Trim) -> exp.Expr:
    """Spark trims spaces alone."""
    from sqlglot import exp

    if node.expression:
        return node
    changed = node.copy()
    changed.set("expression", exp.Literal.string(" "))
    return changed


def _log(node: exp.Log) -> exp.Expr:
    base, value = node.this, node.args.get("expression")
    if value is None:
        return _sql("CASE WHEN @x > 0 THEN LN(@x) END", x=base)
    return _sql("CASE WHEN @b > 0 AND @x > 0 THEN LN(@x) / LN(@b) END", b=base, x=value)


def _percentile(node: exp.Quantile) -> exp.Expr:
    return _call("QUANTILE_CONT", node.this, node.args["quantile"])


def _sha(node: exp.SHA2) -> exp.Expr:
    length = node.args.get("length")
    return _call("SHA256", node.this) if length is None or length.name in ("0", "256") else node


def _moment(text: str, type_name: str) -> exp.Expr:
    from sqlglot import exp

    return exp.cast(exp.Literal.string(text), type_name)


def _cast(node: exp.Expr) -> exp.Expr:
    """A cast that fails is NULL; one to a whole number cuts off, where DuckDB rounds."""
    from sqlglot import exp

    to, value = node.args["to"], node.this
    if to.this in (exp.DataType.Type.TIMESTAMPTZ, exp.DataType.Type.TIMESTAMPLTZ):
        to = exp.DataType.build("TIMESTAMP")
    if to.this.name in _WHOLE and not isinstance(value, exp.Literal):
        cut = _sql(
            "CASE WHEN TYPEOF(@x) = 'VARCHAR' "
            f"AND NOT REGEXP_MATCHES(CAST(@x AS VARCHAR), '{_SHAPE}') THEN NULL "
            "ELSE TRUNC(TRY_CAST(@x AS DECIMAL(38, 18))) END",
            x=value,
        )
        return exp.TryCast(this=exp.Paren(this=cut), to=to.copy())
    return exp.TryCast(this=value.copy(), to=to.copy())
