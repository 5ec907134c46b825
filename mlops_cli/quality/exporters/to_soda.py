"""Soda 4: a data contract as YAML. It is only generated: Soda has a licence of its own.

A rule is as many checks as it takes to mean the same; all of them must hold. The `qualifier` of a
check names its rule. What Soda's own checks would judge otherwise is written as SQL.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ..language import model
from ..language.printer import quote
from .loss import Translated
from .soda_check import (
    ROWS,
    Dataset,
    Made,
    SodaCheck,
    column_of,
    filter_of,
    kept,
    measured,
    missing,
    threshold_of,
    without_rows,
)
from .soda_queries import aggregate_match, custom_sql, integrity, row_count_match
from .soda_values import data_type, freshness, length, values
from .sql_text import ANSI
from .terms import CannotExportError, needed
from .where import portable
from .yaml_text import write_yaml

if TYPE_CHECKING:
    from collections.abc import Callable

    from .loss import ExportedRule, Written


NOTES: Final = (
    "Made for data contracts of Soda 4; set `SODA_CORE_TELEMETRY_ENABLED=false` where it runs",
    "Expressions are standard SQL with names in double quotes",
    "A column of another type than the rule is about is an error in DQDL, and may be cast here",
)


_LONGEST_NAME: Final = 250


def translate(rule: model.Rule, dataset: Dataset) -> Made:
    """Translate one rule.

    Raises:
        CannotExportError: There are no checks that mean it.
    """
    if rule.type in _REASONS or rule.type not in _RULES:
        raise CannotExportError(_REASONS.get(rule.type, "there is no check of this kind"))
    if rule.where is None:
        return _RULES[rule.type](rule, dataset)
    where, standard = portable(rule.where.value)
    made = _RULES[rule.type](replace(rule, where=model.Text(quote(where)[1:-1])), dataset)
    if standard:
        return made
    read = "a function of its `where` is Spark's, and the data source reads it"
    return Translated(made.parts, (*made.differences, read))


def write(written: Written[SodaCheck], dataset: Dataset) -> str:
    """Write the contract; comments at its head list the rules, and those that are lost."""
    there = [exported for exported, _ in written.parts]
    notes: list[dict[str, Any]] = [{"source": dataset.source, "table": dataset.table}]
    notes += [_note(one) for one in there]
    notes += [
        _note(one) | {"reason": "; ".join(one.reasons)}
        for one in written.rules
        if one not in there and one.name.startswith("Rule_")
    ]
    head = "".join(f"# dqdl: {json.dumps(note)}\n" for note in notes)
    contract: dict[str, Any] = {"dataset": f"{dataset.source}/{dataset.schema}/{dataset.table}"}
    columns: dict[str, list[Any]] = {}
    checks: list[Any] = []
    needing = []
    for exported, parts in written.parts:
        for position, part in enumerate((one for one in parts if one != ROWS), start=1):
            name = exported.name if position == 1 else f"{exported.name}_{position}"
            about = {"name": " ".join(exported.rule.split())[:_LONGEST_NAME], "qualifier": name}
            place = checks if part.column is None else columns.setdefault(part.column, [])
            place.append({part.type: about | part.body})
        if ROWS in parts:
            needing.append(exported.name)
    # Soda wants the key even when it is about no column.
    contract["columns"] = [{"name": name, "checks": own} for name, own in columns.items()]
    if needing:
        about = {"name": f"There are rows: {' '.join(needing)}", "qualifier": "rows"}
        checks.insert(0, {ROWS.type: about | ROWS.body})
    if checks:
        contract["checks"] = checks
    return head + write_yaml(contract)


def _note(rule: ExportedRule) -> dict[str, Any]:
    return {"name": rule.name, "rule": rule.rule, "line": rule.line}


def _there(rule: model.Rule) -> tuple[SodaCheck, ...]:
    """The column has a value at all; with a `where`, only that there are rows."""
    if rule.where is not None:
        return (ROWS,)
    value = f"count({ANSI.name(column_of(rule))})"
    return (SodaCheck("metric", {"expression": value, "threshold": {"must_be_greater_than": 0}}),)


def _row_count(rule: model.Rule, _dataset: Dataset) -> Made:
    condition = needed(rule.condition)
    threshold = threshold_of(condition)
    if threshold is None:
        counted = f"count({kept(rule, '1')})" if rule.where else "count(*)"
        return Translated((measured(condition, expression=counted),))
    return Translated((SodaCheck("row_count", {"threshold": threshold} | filter_of(rule)),))


def _columns_query(dataset: Dataset, also: str = "") -> str:
    return (
        "FROM information_schema.columns "
        f"WHERE table_schema = {ANSI.text(dataset.schema)} "
        f"AND table_name = {ANSI.text(dataset.table)}{also}"
    )


def _column_count(rule: model.Rule, dataset: Dataset) -> Made:
    query = ("count(*)", _columns_query(dataset))
    return Translated((measured(needed(rule.condition), query=query),))


def _exists(rule: model.Rule, dataset: Dataset) -> Made:
    also = f" AND column_name = {ANSI.text(column_of(rule))}"
    query = f"SELECT count(*) {_columns_query(dataset, also)}"
    return Translated((SodaCheck("metric", {"query": query, "threshold": {"must_be": 1}}),))


def _complete(rule: model.Rule, _dataset: Dataset) -> Made:
    return Translated((missing(rule), ROWS))


def _completeness(rule: model.Rule, _dataset: Dataset) -> Made:
    filled = f"CASE WHEN {ANSI.name(column_of(rule))} IS NULL THEN 0.0 ELSE 1.0 END"
    share = measured(needed(rule.condition), expression=f"avg({kept(rule, filled)})")
    return Translated((share, ROWS), without_rows(rule))


def _groups(rule: model.Rule, dataset: Dataset) -> str:
    """The number of rows of each key; a row whose keys are all NULL has none."""
    names = [ANSI.name(parameter.value) for parameter in rule.parameters]
    keyed = " OR ".join(f"{name} IS NOT NULL" for name in names)
    also = f" AND ({rule.where.value})" if rule.where is not None else ""
    return (
        f"FROM (SELECT count(*) AS n FROM {dataset.sql()} "  # noqa: S608
        f"WHERE ({keyed}){also} GROUP BY {', '.join(names)}) AS counted"
    )


_SINGLE: Final = "sum(CASE WHEN n = 1 THEN 1.0 ELSE 0.0 END)"


_ALL: Final = model.Comparison("=", model.Number("1"))


def _unique(rule: model.Rule, dataset: Dataset) -> Made:
    if len(rule.parameters) > 1:
        return _grouped(f"{_SINGLE} / sum(n)", _ALL, rule, dataset)
    unique = SodaCheck("duplicate", filter_of(rule), column_of(rule))
    text = ("it passes where its `where` keeps rows without any value",) if rule.where else ()
    return Translated((unique, *_there(rule), ROWS), text)


def _grouped(value: str, condition: model.Condition, rule: model.Rule, dataset: Dataset) -> Made:
    query = (value, _groups(rule, dataset))
    # Without a key there is no value, and what was not measured has not passed.
    count = {"query": f"SELECT count(*) {query[1]}", "threshold": {"must_be_greater_than": 0}}
    there = () if rule.where is not None else (SodaCheck("metric", count),)
    parts = (measured(condition, query=query), *there, ROWS)
    return Translated(parts, without_rows(rule))


def _by_key(value: str) -> Callable[[model.Rule, Dataset], Made]:
    return lambda rule, dataset: _grouped(value, needed(rule.condition), rule, dataset)


def _primary_key(rule: model.Rule, dataset: Dataset) -> Made:
    filled = [missing(rule, parameter.value) for parameter in rule.parameters]
    unique = _unique(rule, dataset)
    differs = without_rows(rule) if len(rule.parameters) > 1 else ()
    return Translated((*filled, unique.parts[0], ROWS), differs)


def _distinct(rule: model.Rule, _dataset: Dataset) -> Made:
    name = ANSI.name(column_of(rule))
    null = kept(rule, f"CASE WHEN {name} IS NULL THEN 1 ELSE 0 END")
    value = f"count(DISTINCT {kept(rule, name)}) + max({null})"
    found = measured(needed(rule.condition), expression=value)
    return Translated((found, ROWS), without_rows(rule))


def _aggregate(function: str) -> Callable[[model.Rule, Dataset], Made]:
    def made(rule: model.Rule, _dataset: Dataset) -> Made:
        condition = needed(rule.condition)
        threshold = threshold_of(condition)
        if function in ("avg", "sum") and threshold is not None:
            body = {"function": function, "threshold": threshold} | filter_of(rule)
            found = SodaCheck("aggregate", body, column_of(rule))
        else:
            value = f"{function}({kept(rule, ANSI.name(column_of(rule)))})"
            found = measured(condition, expression=value)
        return Translated((found, *_there(rule), ROWS), without_rows(rule))

    return made


def _correlation(rule: model.Rule, _dataset: Dataset) -> Made:
    first, second = (ANSI.name(parameter.value) for parameter in rule.parameters)
    value = f"corr({kept(rule, first)}, {second})"
    found = measured(needed(rule.condition), expression=value)
    constant = "it is not evaluated when a column is constant or has no values, and DQDL fails"
    return Translated((found, ROWS), (constant, *without_rows(rule)))


_RULES: Final[dict[str, Callable[[model.Rule, Dataset], Made]]] = {
    "RowCount": _row_count,
    "ColumnCount": _column_count,
    "RowCountMatch": row_count_match,
    "Completeness": _completeness,
    "IsComplete": _complete,
    "Uniqueness": _by_key(f"{_SINGLE} / sum(n)"),
    "UniqueValueRatio": _by_key(f"{_SINGLE} / count(*)"),
    "IsUnique": _unique,
    "IsPrimaryKey": _primary_key,
    "DistinctValuesCount": _distinct,
    "Mean": _aggregate("avg"),
    "Sum": _aggregate("sum"),
    "StandardDeviation": _aggregate("stddev_pop"),
    "Variance": _aggregate("var_pop"),
    "Entropy": _by_key("ln(sum(n)) - sum(n * ln(n)) / sum(n)"),
    "ColumnCorrelation": _correlation,
    "ColumnLength": length,
    "ColumnValues": values,
    "ColumnDataType": data_type,
    "ColumnExists": _exists,
    "DataFreshness": freshness,
    "CustomSql": custom_sql,
    "ReferentialIntegrity": integrity,
    "AggregateMatch": aggregate_match,
}


_REASONS: Final = {
    "ColumnNamesMatchPattern": "no check looks at the names of all columns",
    "DatasetMatch": "no check compares two data sets row by row",
    "SchemaMatch": "no check compares the columns of two data sets",
}
