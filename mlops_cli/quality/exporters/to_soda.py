"""Soda 4: a data contract as YAML. It is only generated: Soda has a licence of its own.

A rule is as many checks as it takes to mean the same; all of them must hold. The `qualifier` of a
check names its rule. What Soda's own checks would judge otherwise is written as SQL.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from ..language import model
from ..language.printer import quote
from .loss import Translated
from .sql_text import ANSI, CLOCK, moves, numbers_sql, predicate
from .terms import (
    CannotExportError,
    ends,
    needed,
    null_meets,
    range_of,
    share_at_least,
    shown,
    tag,
    values_of,
    worth,
)
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

_AGGREGATE: Final = re.compile(r"\s*(sum|avg)\s*\(\s*(.+?)\s*\)\s*", re.IGNORECASE | re.DOTALL)
_THRESHOLDS: Final = {
    "=": "must_be",
    "!=": "must_not_be",
    ">": "must_be_greater_than",
    ">=": "must_be_greater_than_or_equal",
    "<": "must_be_less_than",
    "<=": "must_be_less_than_or_equal",
}
_TYPES: Final = {
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "integer": "INTEGER",
    "long": "BIGINT",
    "double": "DOUBLE PRECISION",
    "float": "REAL",
}
_LONGEST_NAME: Final = 250
_UNITS: Final = {"minutes": "MINUTE", "hours": "HOUR", "days": "DAY"}


@dataclass(frozen=True, slots=True)
class Dataset:
    """What the contract is about: `source/schema/table`."""

    source: str = "mlops"
    schema: str = "main"
    table: str = "data"

    def sql(self, table: str = "") -> str:
        """A table of its schema."""
        return f"{ANSI.name(self.schema)}.{ANSI.name(table or self.table)}"


@dataclass(frozen=True, slots=True)
class SodaCheck:
    """One check: of a column, or of the whole data."""

    type: str
    body: dict[str, Any]
    column: str | None = None


_ROWS: Final = SodaCheck("row_count", {"threshold": {"must_be_greater_than": 0}})
_Made = Translated[SodaCheck]


def translate(rule: model.Rule, dataset: Dataset) -> _Made:
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
        for position, part in enumerate((one for one in parts if one != _ROWS), start=1):
            name = exported.name if position == 1 else f"{exported.name}_{position}"
            about = {"name": " ".join(exported.rule.split())[:_LONGEST_NAME], "qualifier": name}
            place = checks if part.column is None else columns.setdefault(part.column, [])
            place.append({part.type: about | part.body})
        if _ROWS in parts:
            needing.append(exported.name)
    # Soda wants the key even when it is about no column.
    contract["columns"] = [{"name": name, "checks": own} for name, own in columns.items()]
    if needing:
        about = {"name": f"There are rows: {' '.join(needing)}", "qualifier": "rows"}
        checks.insert(0, {_ROWS.type: about | _ROWS.body})
    if checks:
        contract["checks"] = checks
    return head + write_yaml(contract)


def _note(rule: ExportedRule) -> dict[str, Any]:
    return {"name": rule.name, "rule": rule.rule, "line": rule.line}


def _column(rule: model.Rule) -> str:
    return rule.parameters[0].value


def _filter(rule: model.Rule) -> dict[str, str]:
    return {"filter": rule.where.value} if rule.where is not None else {}


def _kept(rule: model.Rule, value: str) -> str:
    """A value for the rows that are kept, and NULL for the others."""
    return f"CASE WHEN ({rule.where.value}) THEN {value} END" if rule.where is not None else value


def _threshold(condition: model.Condition) -> dict[str, Any] | None:
    if isinstance(condition, model.Comparison):
        return {_THRESHOLDS[condition.operator]: worth(condition.operand)}
    if isinstance(condition, model.Between) and not condition.negated:
        low, high = ends(condition)
        return {"must_be_between": {"greater_than": low, "less_than": high}}
    return None


def _measured(
    condition: model.Condition, *, expression: str = "", query: tuple[str, str] | None = None
) -> SodaCheck:
    """Compare the value of an expression, or of `SELECT value rest`."""
    threshold = _threshold(condition)
    value = query[0] if query else expression
    if threshold is None:
        value = f"CASE WHEN {numbers_sql(value, condition)} THEN 1 ELSE 0 END"
        threshold = {"must_be": 1}
    said = {"query": f"SELECT {value} {query[1]}"} if query else {"expression": value}
    return SodaCheck("metric", said | {"threshold": threshold})


def _there(rule: model.Rule) -> tuple[SodaCheck, ...]:
    """The column has a value at all; with a `where`, only that there are rows."""
    if rule.where is not None:
        return (_ROWS,)
    value = f"count({ANSI.name(_column(rule))})"
    return (SodaCheck("metric", {"expression": value, "threshold": {"must_be_greater_than": 0}}),)


def _without_rows(rule: model.Rule) -> tuple[str, ...]:
    if rule.where is None:
        return ()
    return ("it is not evaluated when its `where` keeps no row, and DQDL passes",)


def _row_count(rule: model.Rule, _dataset: Dataset) -> _Made:
    condition = needed(rule.condition)
    threshold = _threshold(condition)
    if threshold is None:
        counted = f"count({_kept(rule, '1')})" if rule.where else "count(*)"
        return Translated((_measured(condition, expression=counted),))
    return Translated((SodaCheck("row_count", {"threshold": threshold} | _filter(rule)),))


def _columns_query(dataset: Dataset, also: str = "") -> str:
    return (
        "FROM information_schema.columns "
        f"WHERE table_schema = {ANSI.text(dataset.schema)} "
        f"AND table_name = {ANSI.text(dataset.table)}{also}"
    )


def _column_count(rule: model.Rule, dataset: Dataset) -> _Made:
    query = ("count(*)", _columns_query(dataset))
    return Translated((_measured(needed(rule.condition), query=query),))


def _exists(rule: model.Rule, dataset: Dataset) -> _Made:
    also = f" AND column_name = {ANSI.text(_column(rule))}"
    query = f"SELECT count(*) {_columns_query(dataset, also)}"
    return Translated((SodaCheck("metric", {"query": query, "threshold": {"must_be": 1}}),))


def _missing(rule: model.Rule, column: str = "") -> SodaCheck:
    return SodaCheck("missing", _filter(rule), column or _column(rule))


def _complete(rule: model.Rule, _dataset: Dataset) -> _Made:
    return Translated((_missing(rule), _ROWS))


def _completeness(rule: model.Rule, _dataset: Dataset) -> _Made:
    filled = f"CASE WHEN {ANSI.name(_column(rule))} IS NULL THEN 0.0 ELSE 1.0 END"
    share = _measured(needed(rule.condition), expression=f"avg({_kept(rule, filled)})")
    return Translated((share, _ROWS), _without_rows(rule))


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


def _unique(rule: model.Rule, dataset: Dataset) -> _Made:
    if len(rule.parameters) > 1:
        return _grouped(f"{_SINGLE} / sum(n)", _ALL, rule, dataset)
    unique = SodaCheck("duplicate", _filter(rule), _column(rule))
    text = ("it passes where its `where` keeps rows without any value",) if rule.where else ()
    return Translated((unique, *_there(rule), _ROWS), text)


def _grouped(value: str, condition: model.Condition, rule: model.Rule, dataset: Dataset) -> _Made:
    query = (value, _groups(rule, dataset))
    # Without a key there is no value, and what was not measured has not passed.
    count = {"query": f"SELECT count(*) {query[1]}", "threshold": {"must_be_greater_than": 0}}
    there = () if rule.where is not None else (SodaCheck("metric", count),)
    parts = (_measured(condition, query=query), *there, _ROWS)
    return Translated(parts, _without_rows(rule))


def _by_key(value: str) -> Callable[[model.Rule, Dataset], _Made]:
    return lambda rule, dataset: _grouped(value, needed(rule.condition), rule, dataset)


def _primary_key(rule: model.Rule, dataset: Dataset) -> _Made:
    filled = [_missing(rule, parameter.value) for parameter in rule.parameters]
    unique = _unique(rule, dataset)
    differs = _without_rows(rule) if len(rule.parameters) > 1 else ()
    return Translated((*filled, unique.parts[0], _ROWS), differs)


def _distinct(rule: model.Rule, _dataset: Dataset) -> _Made:
    name = ANSI.name(_column(rule))
    null = _kept(rule, f"CASE WHEN {name} IS NULL THEN 1 ELSE 0 END")
    value = f"count(DISTINCT {_kept(rule, name)}) + max({null})"
    found = _measured(needed(rule.condition), expression=value)
    return Translated((found, _ROWS), _without_rows(rule))


def _aggregate(function: str) -> Callable[[model.Rule, Dataset], _Made]:
    def made(rule: model.Rule, _dataset: Dataset) -> _Made:
        condition = needed(rule.condition)
        threshold = _threshold(condition)
        if function in ("avg", "sum") and threshold is not None:
            body = {"function": function, "threshold": threshold} | _filter(rule)
            found = SodaCheck("aggregate", body, _column(rule))
        else:
            value = f"{function}({_kept(rule, ANSI.name(_column(rule)))})"
            found = _measured(condition, expression=value)
        return Translated((found, *_there(rule), _ROWS), _without_rows(rule))

    return made


def _correlation(rule: model.Rule, _dataset: Dataset) -> _Made:
    first, second = (ANSI.name(parameter.value) for parameter in rule.parameters)
    value = f"corr({_kept(rule, first)}, {second})"
    found = _measured(needed(rule.condition), expression=value)
    constant = "it is not evaluated when a column is constant or has no values, and DQDL fails"
    return Translated((found, _ROWS), (constant, *_without_rows(rule)))


def _length(rule: model.Rule, _dataset: Dataset) -> _Made:
    value = f"coalesce(length({ANSI.name(_column(rule))}), 0)"
    return Translated((_failed(rule, numbers_sql(value, needed(rule.condition))), _ROWS))


def _failed(rule: model.Rule, meets: str) -> SodaCheck:
    failing = f"NOT ({meets})"
    if rule.where is not None:
        failing = f"({rule.where.value}) AND {failing}"
    return SodaCheck("failed_rows", {"expression": failing})


def _share(rule: model.Rule, meets: str, threshold: model.Condition) -> _Made:
    met = f"CASE WHEN {meets} THEN 1.0 ELSE 0.0 END"
    found = _measured(threshold, expression=f"avg({_kept(rule, met)})")
    return Translated((found, _ROWS), _without_rows(rule))


def _values(rule: model.Rule, _dataset: Dataset) -> _Made:
    condition = needed(rule.condition)
    if isinstance(condition, model.Matches):
        return _pattern(rule, condition)
    meets = predicate(rule, condition, ANSI)
    clock = (CLOCK,) if moves(condition) else ()
    if rule.threshold is not None:
        made = _share(rule, meets, rule.threshold)
        return Translated(made.parts, (*clock, *made.differences))
    body = _validity(rule, condition)
    if body is None:
        return Translated((_failed(rule, meets), _ROWS), clock)
    filled = () if null_meets(condition) else (_missing(rule),)
    valid = SodaCheck("invalid", body | _filter(rule), _column(rule))
    return Translated((valid, *filled, _ROWS))


def _validity(rule: model.Rule, condition: model.Condition) -> dict[str, Any] | None:
    """The condition in Soda's own words, where it has such."""
    kind, listed = model.condition_kind(condition), values_of(condition)
    if kind == "number" and listed is None:
        found = range_of(condition)
        if found is None or found.low_open or found.high_open:
            return None
        return {"valid_min": found.low} if found.low is not None else {"valid_max": found.high}
    if listed is None or not listed[0] or kind not in ("number", "text"):
        return None
    key = "invalid_values" if listed[1] else "valid_values"
    if kind == "number":
        return {key: [worth(one) for one in listed[0]]}
    plain = all(isinstance(one, model.Text) for one in listed[0])
    sql = "CAST" in predicate(rule, condition, ANSI) or tag(rule, "ignoreCase") is not None
    if sql or not plain:
        return None
    return {key: [one.value for one in listed[0] if isinstance(one, model.Text)]}


def _pattern(rule: model.Rule, condition: model.Matches) -> _Made:
    key = "invalid_format" if condition.negated else "valid_format"
    pattern = {"regex": f"^(?:{condition.pattern.raw})$", "name": shown(condition)}
    body: dict[str, Any] = {key: pattern}
    dialect = "patterns are read by the data source"
    least = share_at_least(rule.threshold)
    if least is None:
        valid = SodaCheck("invalid", body | _filter(rule), _column(rule))
        return Translated((valid, _missing(rule), _ROWS), (dialect,))
    if rule.threshold is not None and range_of(rule.threshold) is not None:
        most = {"metric": "percent", "must_be_less_than_or_equal": round((1 - least) * 100, 9)}
        body["threshold"] = most
    valid = SodaCheck("invalid", body | _filter(rule), _column(rule))
    return Translated((valid, _ROWS), (dialect, "a row without a value counts as meeting it"))


def _data_type(rule: model.Rule, _dataset: Dataset) -> _Made:
    condition = needed(rule.condition)
    operand = condition.operands[0]
    wanted = operand.value.lower() if isinstance(operand, model.Text) else ""
    kind = _TYPES.get(wanted) or (wanted.upper() if wanted.startswith("decimal(") else None)
    if kind is None or not isinstance(condition, model.Comparison) or tag(rule, "format"):
        raise CannotExportError("it names no type, or a format, that SQL can cast to")
    name = ANSI.name(_column(rule))
    fits = f"{name} IS NOT NULL AND TRY_CAST({name} AS {kind}) IS NOT NULL"
    meets = f"NOT ({fits})" if condition.operator == "!=" else f"({fits})"
    cast = "values are cast as the data source does (`TRY_CAST`), and not as Spark does"
    if rule.threshold is not None:
        made = _share(rule, meets, rule.threshold)
        return Translated(made.parts, (cast, *made.differences))
    return Translated((_failed(rule, meets), _ROWS), (cast,))


def _freshness(rule: model.Rule, _dataset: Dataset) -> _Made:
    condition = needed(rule.condition)
    name = ANSI.name(_column(rule))
    if isinstance(condition, model.Between) and not condition.negated:
        younger, older = _ago(condition.low), _ago(condition.high)
        meets = f"{name} < {younger} AND {name} > {older}"
    elif isinstance(condition, model.Comparison) and condition.operator not in ("=", "!="):
        operator = condition.operator.translate(str.maketrans("<>", "><"))
        meets = f"{name} {operator} {_ago(condition.operand)}"
    else:
        raise CannotExportError(f"an age cannot be compared so: `{shown(condition)}`")
    clock = "ages are not rounded, and the clock and time zone are those of the data source"
    failed = _failed(rule, f"CASE WHEN {name} IS NULL THEN FALSE ELSE {meets} END")
    return Translated((failed, _ROWS), (clock,))


def _ago(operand: model.Operand) -> str:
    if not isinstance(operand, model.Duration):
        raise CannotExportError("it is no duration")
    return f"CURRENT_TIMESTAMP - INTERVAL '{operand.amount}' {_UNITS[operand.unit]}"


def _custom_sql(rule: model.Rule, dataset: Dataset) -> _Made:
    if rule.condition is None:
        raise CannotExportError("its SQL gives the rows that pass, and a check asks for the others")
    import sqlglot
    from sqlglot import expressions as sql

    try:
        tree = sqlglot.parse_one(_column(rule), read="spark")
    except sqlglot.errors.SqlglotError as error:
        raise CannotExportError("its SQL cannot be read") from error
    for table in tree.find_all(sql.Table):
        name = dataset.table if table.name == "primary" else table.name
        alias = table.alias or table.name
        table.set("this", sql.to_identifier(name, quoted=True))
        table.set("db", sql.to_identifier(dataset.schema, quoted=True))
        table.set("alias", sql.TableAlias(this=sql.to_identifier(alias, quoted=True)))
    threshold = _threshold(rule.condition)
    if threshold is None:
        raise CannotExportError(f"its value cannot be compared so: `{shown(rule.condition)}`")
    found = SodaCheck("metric", {"query": tree.sql(identify=True), "threshold": threshold})
    read = "its SQL is Spark's, and the data source reads it"
    return Translated((found,), (read,))


def _table(dataset: Dataset, name: str) -> str:
    return f"the data set `{name}` has to be the table `{dataset.schema}.{name}`"


def _row_count_match(rule: model.Rule, dataset: Dataset) -> _Made:
    other = _column(rule)
    value = f"count(*) * 1.0 / (SELECT count(*) FROM {dataset.sql(other)})"  # noqa: S608
    found = _measured(needed(rule.condition), query=(value, f"FROM {dataset.sql()}"))
    return Translated((found,), (_table(dataset, other),))


def _integrity(rule: model.Rule, dataset: Dataset) -> _Made:
    reference = rule.parameters[1].value
    other, dot, rest = reference.partition(".")
    ours = [one.strip() for one in _column(rule).split(",")]
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
        (_measured(needed(rule.condition), query=query), _ROWS), (_table(dataset, other),)
    )


def _aggregate_match(rule: model.Rule, dataset: Dataset) -> _Made:
    tables: list[str] = []
    first, second = (_one(parameter.value, dataset, tables) for parameter in rule.parameters)
    equal = f"CASE WHEN {first} = {second} THEN 1.0 ELSE 0.0 END"
    value = f"CASE WHEN {second} = 0 THEN {equal} ELSE {first} * 1.0 / {second} END"
    found = _measured(needed(rule.condition), query=(value, ""))
    return Translated((found, _ROWS), tuple(_table(dataset, one) for one in tables))


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


_RULES: Final[dict[str, Callable[[model.Rule, Dataset], _Made]]] = {
    "RowCount": _row_count,
    "ColumnCount": _column_count,
    "RowCountMatch": _row_count_match,
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
    "ColumnLength": _length,
    "ColumnValues": _values,
    "ColumnDataType": _data_type,
    "ColumnExists": _exists,
    "DataFreshness": _freshness,
    "CustomSql": _custom_sql,
    "ReferentialIntegrity": _integrity,
    "AggregateMatch": _aggregate_match,
}
_REASONS: Final = {
    "ColumnNamesMatchPattern": "no check looks at the names of all columns",
    "DatasetMatch": "no check compares two data sets row by row",
    "SchemaMatch": "no check compares the columns of two data sets",
}
