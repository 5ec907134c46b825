"""Great Expectations 1: an expectation suite as JSON, or as Python.

A rule is as many expectations as it takes to mean the same; all of them must hold. One that
several rules need stands once, and its `meta` names them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from .expectation import ROWS, Expectation, Made, bounds_of, column_of, expect, has_values, not_null
from .expectations_of_values import data_type, length, values
from .loss import Translated
from .terms import CannotExportError, Range, count_range, needed, range_of, shown
from .where import ALWAYS, Alternatives, Atom, alternatives

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..language import model
    from .loss import ExportedRule, Written


NOTES: Final = (
    "Made for Great Expectations 1 and its pandas engine; NaN counts as NULL there",
    "Names of columns are compared with upper and lower case",
    "A column of another type than the rule is about is an error in DQDL, and fails here",
)


VERSION: Final = "1.24.1"


def translate(rule: model.Rule) -> Made:
    """Translate one rule.

    Raises:
        CannotExportError: There are no expectations that mean it.
    """
    if rule.type in _REASONS:
        raise CannotExportError(_REASONS[rule.type])
    if rule.type not in _RULES:
        raise CannotExportError("there is no expectation of this kind")
    where = alternatives(rule.where.value if rule.where else None)
    return _RULES[rule.type](rule, where)


def write_json(name: str, written: Written[Expectation]) -> str:
    """Write the suite as Great Expectations keeps it."""
    suite = {
        "name": name,
        "expectations": [
            {"type": one.type, "kwargs": dict(one.arguments), "meta": {"dqdl": {"rules": rules}}}
            for one, rules in _collected(written)
        ],
        "meta": {"great_expectations_version": VERSION, "dqdl": _about(written)},
    }
    return json.dumps(suite, indent=2, ensure_ascii=False) + "\n"


_PYTHON: Final = '''\
"""The ruleset `{name}` as expectations; `python THIS_FILE DATA.parquet` runs them."""

import sys

import great_expectations as gx
import great_expectations.expectations as gxe
import pandas as pd

SUITE = gx.ExpectationSuite(
    name={name!r},
    expectations=[
{expectations}
    ],
)


def main() -> int:
    frame = pd.read_parquet(sys.argv[1])
    source = gx.get_context(mode="ephemeral").data_sources.add_pandas("data")
    batches = source.add_dataframe_asset("data").add_batch_definition_whole_dataframe("all")
    found = batches.get_batch(batch_parameters={{"dataframe": frame}}).validate(SUITE)
    print(found.describe())
    return 0 if found.success else 1


if __name__ == "__main__":
    sys.exit(main())
'''


def write_python(name: str, written: Written[Expectation]) -> str:
    """Write the suite as a Python file that can be run."""
    texts = {exported.name: exported.rule for exported, _ in written.parts}
    lines = []
    for one, rules in _collected(written):
        lines += [f"        # {name_}: {' '.join(texts[name_].split())}" for name_ in rules]
        kind = "".join(word.capitalize() for word in one.type.split("_"))
        given = dict(one.arguments) | {"meta": {"dqdl": {"rules": rules}}}
        arguments = ", ".join(f"{key}={value!r}" for key, value in given.items())
        lines.append(f"        gxe.{kind}({arguments}),")
    return _PYTHON.format(name=name, expectations="\n".join(lines))


def _collected(written: Written[Expectation]) -> list[tuple[Expectation, list[str]]]:
    """Each expectation once, with the rules it belongs to."""
    found: dict[str, tuple[Expectation, list[str]]] = {}
    for exported, parts in written.parts:
        for part in parts:
            rules = found.setdefault(part.key, (part, []))[1]
            if exported.name not in rules:
                rules.append(exported.name)
    return list(found.values())


def _about(written: Written[Expectation]) -> dict[str, Any]:
    def entry(rule: ExportedRule) -> dict[str, Any]:
        labels = {"labels": dict(rule.labels)} if rule.labels else {}
        return {"name": rule.name, "rule": rule.rule, "line": rule.line} | labels

    there = [exported for exported, _ in written.parts]
    lost = [one for one in written.rules if one not in there and one.name.startswith("Rule_")]
    return {
        "rules": [entry(one) for one in there],
        "lost": [entry(one) | {"reason": "; ".join(one.reasons)} for one in lost],
    }


def _row_count(rule: model.Rule, where: Alternatives) -> Made:
    found = count_range(needed(rule.condition))
    return Translated((_count("table_row_count", found, where),))


def _column_count(rule: model.Rule, _where: Alternatives) -> Made:
    found = count_range(needed(rule.condition))
    return Translated((_count("table_column_count", found, ALWAYS),))


def _count(what: str, found: Range, where: Alternatives) -> Expectation:
    if found.low == found.high:
        return expect(f"{what}_to_equal", where, value=found.low)
    return expect(f"{what}_to_be_between", where, **bounds_of(found))


def _complete(rule: model.Rule, where: Alternatives) -> Made:
    return Translated((not_null(rule, where), ROWS))


def _completeness(rule: model.Rule, where: Alternatives) -> Made:
    found = _one_range(rule)
    if found.low == 1 and not found.low_open:
        return _complete(rule, where)
    share = expect(
        "column_proportion_of_non_null_values_to_be_between",
        where,
        column=column_of(rule),
        **bounds_of(found),
    )
    return Translated((share, ROWS), _without_rows(where))


def _one_range(rule: model.Rule) -> Range:
    condition = needed(rule.condition)
    found = range_of(condition)
    if found is None:
        raise CannotExportError(f"it compares with one range, which `{shown(condition)}` is not")
    return found


def _without_rows(where: Alternatives) -> tuple[str, ...]:
    return () if where == ALWAYS else ("it fails when its `where` keeps no row, and DQDL passes",)


def _unique(rule: model.Rule, where: Alternatives) -> Made:
    columns = [parameter.value for parameter in rule.parameters]
    if len(columns) == 1:
        unique = expect("column_values_to_be_unique", where, column=columns[0])
        there = has_values(rule)
    else:
        unique = expect("compound_columns_to_be_unique", where, column_list=columns)
        keyed = tuple((Atom(column, "NOT NULL"),) for column in columns)
        there = expect("table_row_count_to_be_between", keyed, min_value=1)
    if where == ALWAYS:
        return Translated((unique, there))
    return Translated((unique, ROWS), ("it passes where its `where` keeps rows without any value",))


def _uniqueness(rule: model.Rule, where: Alternatives) -> Made:
    found = _one_range(rule)
    if found.low == 1 and not found.low_open and found.holds(1):
        return _unique(rule, where)
    raise CannotExportError("a share of unique values can only be all of them")


def _primary_key(rule: model.Rule, where: Alternatives) -> Made:
    columns = [parameter.value for parameter in rule.parameters]
    filled = [expect("column_values_to_not_be_null", where, column=column) for column in columns]
    return Translated((*filled, _unique(rule, where).parts[0], ROWS))


def _distinct(rule: model.Rule, where: Alternatives) -> Made:
    found = count_range(needed(rule.condition))
    count = expect(
        "column_unique_value_count_to_be_between", where, column=column_of(rule), **bounds_of(found)
    )
    return Translated((count, ROWS), ("NULL is not counted as a value", *_without_rows(where)))


def _aggregate(kind: str, *differences: str) -> Callable[[model.Rule, Alternatives], Made]:
    def made(rule: model.Rule, where: Alternatives) -> Made:
        bounds = bounds_of(_one_range(rule))
        measured = expect(f"column_{kind}_to_be_between", where, column=column_of(rule), **bounds)
        there = has_values(rule) if where == ALWAYS else ROWS
        return Translated((measured, there), (*differences, *_without_rows(where)))

    return made


def _exists(rule: model.Rule, _where: Alternatives) -> Made:
    return Translated((expect("column_to_exist", column=column_of(rule)),))


_RULES: Final[dict[str, Callable[[model.Rule, Alternatives], Made]]] = {
    "RowCount": _row_count,
    "ColumnCount": _column_count,
    "Completeness": _completeness,
    "IsComplete": _complete,
    "Uniqueness": _uniqueness,
    "UniqueValueRatio": _uniqueness,
    "IsUnique": _unique,
    "IsPrimaryKey": _primary_key,
    "DistinctValuesCount": _distinct,
    "Mean": _aggregate("mean"),
    "Sum": _aggregate("sum"),
    "StandardDeviation": _aggregate(
        "stdev", "the standard deviation is of a sample (n - 1), and not of the population"
    ),
    "ColumnLength": length,
    "ColumnValues": values,
    "ColumnDataType": data_type,
    "ColumnExists": _exists,
}


_ONE_TABLE: Final = "a suite on a data frame sees one table"


_REASONS: Final = {
    "AggregateMatch": _ONE_TABLE,
    "CustomSql": "SQL needs a data source that is a database",
    "DataFreshness": "an age moves with the clock, and a suite is fixed",
    "DatasetMatch": _ONE_TABLE,
    "ReferentialIntegrity": _ONE_TABLE,
    "RowCountMatch": _ONE_TABLE,
    "SchemaMatch": _ONE_TABLE,
}
