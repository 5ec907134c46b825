"""Rules with SQL of their own, and those about a second data set, as queries of a Soda contract."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .loss import Translated
from .soda_check import ROWS, Dataset, Made, SodaCheck, column_of, measured, threshold_of
from .sql_text import ANSI
from .terms import CannotExportError, needed, shown

if TYPE_CHECKING:
    from ..language import model

_AGGREGATE: Final = re.compile(r"\s*(sum|avg)\s*\(\s*(.+?)\s*\)\s*", re.IGNORECASE | re.DOTALL)


def custom_sql(rule: model.Rule, dataset: Dataset) -> Made:
    """Translate `CustomSql` that gives one value.

    Raises:
        CannotExportError: It gives rows, or cannot be read.
    """
    if rule.condition is None:
        raise CannotExportError("its SQL gives the rows that pass, and a check asks for the others")
    import sqlglot
    from sqlglot import expressions as sql

    try:
        tree = sqlglot.parse_one(column_of(rule), read="spark")
    except sqlglot.errors.SqlglotError as error:
        raise CannotExportError("its SQL cannot be read") from error
    for table in tree.find_all(sql.Table):
        name = dataset.table if table.name == "primary" else table.name
        alias = table.alias or table.name
        table.set("this", sql.to_identifier(name, quoted=True))
        table.set("db", sql.to_identifier(dataset.schema, quoted=True))
        table.set("alias", sql.TableAlias(this=sql.to_identifier(alias, quoted=True)))
    threshold = threshold_of(rule.condition)
    if threshold is None:
        raise CannotExportError(f"its value cannot be compared so: `{shown(rule.condition)}`")
    found = SodaCheck("metric", {"query": tree.sql(identify=True), "threshold": threshold})
    read = "its SQL is Spark's, and the data source reads it"
    return Translated((found,), (read,))


def _table(dataset: Dataset, name: str) -> str:
    return f"the data set `{name}` has to be the table `{dataset.schema}.{name}`"


def row_count_match(rule: model.Rule, dataset: Dataset) -> Made:
    """Translate `RowCountMatch`."""
    other = column_of(rule)
    value = f"count(*) * 1.0 / (SELECT count(*) FROM {dataset.sql(other)})"  # noqa: S608
    found = measured(needed(rule.condition), query=(value, f"FROM {dataset.sql()}"))
    return Translated((found,), (_table(dataset, other),))


def integrity(rule: model.Rule, dataset: Dataset) -> Made:
    """Translate `ReferentialIntegrity`.

    Raises:
        CannotExportError: Its columns are not named in pairs.
    """
    reference = rule.parameters[1].value
    other, dot, rest = reference.partition(".")
    ours = [one.strip() for one in column_of(rule).split(",")]
    theirs = [one.strip() for one in rest.strip().strip("{}").split(",")]
    if not dot or len(ours) != len(theirs):
        raise CannotExportError(f"`{reference}` is not `data set.{{columns}}` of as many columns")
    pairs = " AND ".join(
        f"theirs.{ANSI.name(there)} = ours.{ANSI.name(here)}"
        for here, there in zip(ours, theirs, strict=True)
    )
    held = f"EXISTS (SELECT 1 FROM {dataset.sql(other)} AS theirs WHERE {pairs})"  # noqa: S608
    value = f"avg(CASE WHEN {held} THEN 1.0 ELSE 0.0 END)"
    query = (value, f"FROM {dataset.sql()} AS ours")
    return Translated(
        (measured(needed(rule.condition), query=query), ROWS), (_table(dataset, other),)
    )


def aggregate_match(rule: model.Rule, dataset: Dataset) -> Made:
    """Translate `AggregateMatch`.

    Raises:
        CannotExportError: An aggregate is no sum and no mean.
    """
    tables: list[str] = []
    first, second = (_one(parameter.value, dataset, tables) for parameter in rule.parameters)
    equal = f"CASE WHEN {first} = {second} THEN 1.0 ELSE 0.0 END"
    value = f"CASE WHEN {second} = 0 THEN {equal} ELSE {first} * 1.0 / {second} END"
    found = measured(needed(rule.condition), query=(value, ""))
    return Translated((found, ROWS), tuple(_table(dataset, one) for one in tables))


def _one(text: str, dataset: Dataset, tables: list[str]) -> str:
    matched = _AGGREGATE.fullmatch(text)
    if matched is None:
        raise CannotExportError(f"`{text}` is no `sum(column)` or `avg(column)`")
    other, dot, column = matched[2].partition(".")
    name = column if dot else other
    if dot and other != "primary":
        tables.append(other)
        return f"(SELECT {matched[1]}({ANSI.name(name)}) FROM {dataset.sql(other)})"  # noqa: S608
    return f"(SELECT {matched[1]}({ANSI.name(name)}) FROM {dataset.sql()})"  # noqa: S608
