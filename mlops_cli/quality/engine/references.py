"""Rules that compare the data with a second data set, each with a query of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..data.connection import identifier
from .measurement import Context, Found, Measure, Query, Single, Verdict, held, judge, whole
from .values import CannotEvaluateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..data.source import Column

_AGGREGATE = re.compile(r"\s*(sum|avg)\s*\(\s*(.+?)\s*\)\s*", re.IGNORECASE | re.DOTALL)


def row_count_match(rule: Single, context: Context, _where: str | None) -> Measure:
    """Compare the number of rows with that of the reference.

    Raises:
        CannotEvaluateError: The reference is not given, or has no rows to divide by.
    """
    name = rule.parameters[0].value
    rows = context.reference(name).rows
    if not rows:
        raise CannotEvaluateError(f"The data set `{name}` has no rows to compare with")
    return Measure(
        {},
        lambda found: judge(
            rule,
            f"RowCountMatch with `{name}`",
            f"Dataset.{name}.RowCountMatch",
            whole(found["kept"]) / rows,
        ),
        needs_rows=False,
    )


def schema_match(rule: Single, context: Context, _where: str | None) -> Measure:
    """Count the columns that the reference has too, with the same name and the same stored type.

    Raises:
        CannotEvaluateError: The reference is not given.
    """
    name = rule.parameters[0].value
    theirs = dict(_stored(context, context.reference(name).table))
    ours = dict(_stored(context, "data"))
    same = [column for column, stored in ours.items() if theirs.get(column) == stored]
    # As Glue has it: tables of different width have nothing in common.
    share = len(same) / len(ours) if len(ours) == len(theirs) else 0.0
    verdict = judge(rule, f"SchemaMatch with `{name}`", f"Dataset.{name}.SchemaMatch", share)
    if not verdict.passed:
        verdict = Verdict(False, f"{verdict.message}; {_difference(ours, theirs)}", verdict.metrics)
    return Measure({}, lambda _found: verdict, needs_rows=False)


def _stored(context: Context, table: str) -> list[tuple[str, str]]:
    rows = context.connection.execute(f"DESCRIBE {identifier(table)}").fetchall()
    return [(row[0], row[1]) for row in rows]


def _difference(ours: dict[str, str], theirs: dict[str, str]) -> str:
    if len(ours) != len(theirs):
        return f"the data has {len(ours)} columns, and the reference {len(theirs)}"
    for column, stored in ours.items():
        if column not in theirs:
            return f"the reference has no column `{column}`"
        if theirs[column] != stored:
            return f"`{column}` is {stored} here and {theirs[column]} there"
    return "the columns are the same"


def referential_integrity(rule: Single, context: Context, _where: str | None) -> Measure:
    """Count the rows whose key the reference holds; a key with NULL is in none.

    Raises:
        CannotEvaluateError: The reference or a column is not there.
    """
    name, rest = _split(rule.parameters[1].value, context)
    reference = context.reference(name)
    theirs = [context.reference_column(one, name) for one in _names(rest.strip().strip("{}"))]
    ours = [context.column(one) for one in _names(rule.parameters[0].value)]
    if len(ours) != len(theirs):
        raise CannotEvaluateError(
            f"ReferentialIntegrity compares {len(ours)} columns with {len(theirs)}"
        )
    text = (
        "SELECT count(*) AS found FROM data AS ours SEMI JOIN "  # noqa: S608
        f"{identifier(reference.table)} AS theirs ON {_equal(ours, theirs, '=')}"
    )

    def finish(found: Found) -> Verdict:
        share = whole(found["found"]) / whole(found["kept"])
        key = f"Column.{name}.ReferentialIntegrity"
        return judge(rule, f"ReferentialIntegrity with `{name}`", key, share)

    row = _exists(reference.table, _equal(ours, theirs, "="))
    return Measure({}, finish, Query(text, ("found",)), row=row)


def aggregate_match(rule: Single, context: Context, _where: str | None) -> Measure:
    """Divide an aggregate by another, of the same data or of a reference.

    Raises:
        CannotEvaluateError: One of them is no `sum(…)` or `avg(…)` of a column of numbers.
    """
    parsed = [_aggregate(parameter.value, context) for parameter in rule.parameters]
    columns = ",".join(dict.fromkeys(column for column, _ in parsed))
    first, second = (sql for _, sql in parsed)
    text = f"SELECT ({first}) AS first, ({second}) AS second"

    def finish(found: Found) -> Verdict:
        above, below = found["first"], found["second"]
        # As Glue has it: nothing is all of nothing, and no share of nothing is something.
        share = above / below if below else float(above == below)
        return judge(rule, "AggregateMatch", f"Column.{columns}.AggregateMatch", share)

    return Measure({}, finish, Query(text, ("first", "second")))


def _aggregate(text: str, context: Context) -> tuple[str, str]:
    matched = _AGGREGATE.fullmatch(text)
    if matched is None:
        raise CannotEvaluateError(f"`{text}` is no `sum(column)` or `avg(column)`")
    function, name = matched[1].lower(), matched[2]
    table = "data"
    if "." not in name or name in {column.name for column in context.columns}:
        column = context.column(name)
    else:
        whose, rest = _split(name, context)
        if whose == context.primary:
            column = context.column(rest)
        else:
            column = context.reference_column(rest, whose)
            table = context.reference(whose).table
    if column.type not in ("integer", "number"):
        raise CannotEvaluateError(f"AggregateMatch is about numbers, and {held(column)}")
    value = f"CAST({identifier(column.name)} AS DOUBLE)"
    return (
        column.name,
        f"SELECT coalesce({function}({value}), 0) FROM {identifier(table)}",  # noqa: S608
    )


def dataset_match(rule: Single, context: Context, _where: str | None) -> Measure:
    """Count the rows that the reference has with the same key and the same values.

    Raises:
        CannotEvaluateError: The reference or a column is not there.
    """
    name = rule.parameters[0].value
    reference = context.reference(name)
    keys = _pairs(rule.parameters[1].value, context, name)
    if len(rule.parameters) > 2:
        compared = _pairs(rule.parameters[2].value, context, name)
    else:
        used = {ours.name for ours, _ in keys}
        rest = [column for column in context.columns if column.name not in used]
        compared = [(one, context.reference_column(one.name, name)) for one in rest]
    ours, theirs = [pair[0] for pair in keys], [pair[1] for pair in keys]
    same = _equal(
        [one for one, _ in compared], [one for _, one in compared], "IS NOT DISTINCT FROM"
    )
    text = (
        f"SELECT ({_repeated('data', ours)}) AS ours, "  # noqa: S608
        f"({_repeated(reference.table, theirs)}) AS theirs, "
        f"(SELECT count(*) FROM data AS ours JOIN {identifier(reference.table)} AS theirs "
        f"ON {_equal(ours, theirs, '=')} WHERE {same or 'true'}) AS found"
    )
    row = _exists(reference.table, f"{_equal(ours, theirs, '=')} AND {same or 'true'}")
    return Measure({}, _matched(rule, name), Query(text, ("ours", "theirs", "found")), row=row)


def _matched(rule: Single, name: str) -> Callable[[Found], Verdict]:
    def finish(found: Found) -> Verdict:
        for whose, count in (("the data", found["ours"]), (f"`{name}`", found["theirs"])):
            if count:
                keys = "1 key occurs" if count == 1 else f"{count} keys occur"
                return Verdict(False, f"{keys} more than once in {whose}")
        share = whole(found["found"]) / whole(found["kept"])
        key = f"Dataset.{name}.DatasetMatch"
        return judge(rule, f"DatasetMatch with `{name}`", key, share)

    return finish


def _repeated(table: str, keys: Sequence[Column]) -> str:
    names = ", ".join(identifier(key.name) for key in keys)
    return (
        f"SELECT count(*) FROM (SELECT 1 FROM {identifier(table)} "  # noqa: S608
        f"GROUP BY {names} HAVING count(*) > 1)"
    )


def _exists(table: str, condition: str) -> str:
    """SQL for whether the reference holds a row like this one."""
    return f"EXISTS (SELECT 1 FROM {identifier(table)} AS theirs WHERE {condition})"  # noqa: S608


def _equal(ours: Sequence[Column], theirs: Sequence[Column], sign: str) -> str:
    return " AND ".join(
        f"ours.{identifier(one.name)} {sign} theirs.{identifier(other.name)}"
        for one, other in zip(ours, theirs, strict=True)
    )


def _pairs(text: str, context: Context, name: str) -> list[tuple[Column, Column]]:
    """Read `a->b,c`: a column of the data and one of the reference, each."""
    found = []
    for part in _names(text):
        ours, _, theirs = part.partition("->")
        found.append(
            (
                context.column(ours.strip()),
                context.reference_column((theirs or ours).strip(), name),
            )
        )
    return found


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise CannotEvaluateError(f"`{text}` is no list of columns")
    return names


def _split(text: str, context: Context) -> tuple[str, str]:
    """Split `name.rest`; a name that was given may hold points itself."""
    given = [one for one in (*context.references, context.primary) if text.startswith(f"{one}.")]
    name = max(given, key=len, default=text.partition(".")[0])
    return name, text[len(name) + 1 :]
