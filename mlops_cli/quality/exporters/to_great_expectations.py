"""Great Expectations 1: an expectation suite as JSON, or as Python.

A rule is as many expectations as it takes to mean the same; all of them must hold. One that
several rules need stands once, and its `meta` names them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from ..language import model
from .loss import Translated
from .terms import (
    DAY,
    CannotExportError,
    Range,
    count_range,
    days_of,
    ends,
    looks_typed,
    needed,
    null_meets,
    range_of,
    share_at_least,
    shown,
    tag,
    values_of,
    worth,
)
from .where import ALWAYS, Alternatives, Atom, alternatives, both

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .loss import ExportedRule, Written

NOTES: Final = (
    "Made for Great Expectations 1 and its pandas engine; NaN counts as NULL there",
    "Names of columns are compared with upper and lower case",
    "A column of another type than the rule is about is an error in DQDL, and fails here",
)
VERSION: Final = "1.24.1"

_SPECIAL: Final = frozenset("\\.+*?()|[]{}^$")
_TYPES: Final = {
    "boolean": ("bool", "boolean", "BooleanDtype"),
    "date": ("datetime64", "datetime64[s]", "datetime64[ms]", "datetime64[us]", "datetime64[ns]"),
    "integer": ("int8", "int16", "int32", "int64", "Int8", "Int16", "Int32", "Int64"),
    "double": ("float32", "float64", "Float32", "Float64"),
}
_TYPES_OF: Final = {
    "boolean": "boolean",
    "date": "date",
    "timestamp": "date",
    "integer": "integer",
    "long": "integer",
    "double": "double",
    "float": "double",
}


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation."""

    type: str
    arguments: tuple[tuple[str, Any], ...]

    @property
    def key(self) -> str:
        """What tells two of them apart."""
        return json.dumps([self.type, self.arguments], sort_keys=True)


_ROWS: Final = Expectation("expect_table_row_count_to_be_between", (("min_value", 1),))
_Made = Translated[Expectation]


def translate(rule: model.Rule) -> _Made:
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


def _expect(kind: str, where: Alternatives = ALWAYS, **arguments: Any) -> Expectation:  # noqa: ANN401
    given = {key: value for key, value in arguments.items() if value is not None}
    if where != ALWAYS:
        given["row_condition"] = _row_condition(where)
    return Expectation(f"expect_{kind}", tuple(given.items()))


def _row_condition(where: Alternatives) -> dict[str, Any]:
    groups = [_joined("and", [_condition(atom) for atom in atoms]) for atoms in where]
    return _joined("or", groups)


def _joined(kind: str, conditions: list[dict[str, Any]]) -> dict[str, Any]:
    return conditions[0] if len(conditions) == 1 else {"type": kind, "conditions": conditions}


def _condition(atom: Atom) -> dict[str, Any]:
    column = {"name": atom.column}
    if atom.operator in ("NULL", "NOT NULL"):
        return {"type": "nullity", "column": column, "is_null": atom.operator == "NULL"}
    value = list(atom.value) if isinstance(atom.value, tuple) else atom.value
    return {
        "type": "comparison",
        "column": column,
        "operator": atom.operator,
        "parameter": value,
    }


def _none(where: Alternatives, violated: Alternatives) -> Expectation:
    """No row may be so."""
    return _expect("table_row_count_to_equal", both(where, violated), value=0)


def _between(found: Range) -> dict[str, Any]:
    """A range as the arguments of an expectation."""
    return {
        "min_value": found.low,
        "max_value": found.high,
        "strict_min": found.low_open or None,
        "strict_max": found.high_open or None,
    }


def _column(rule: model.Rule) -> str:
    return rule.parameters[0].value


def _filled(rule: model.Rule, where: Alternatives) -> Expectation:
    return _expect("column_values_to_not_be_null", where, column=_column(rule))


def _has_values(rule: model.Rule) -> Expectation:
    return _expect("column_unique_value_count_to_be_between", column=_column(rule), min_value=1)


def _row_count(rule: model.Rule, where: Alternatives) -> _Made:
    found = count_range(needed(rule.condition))
    return Translated((_count("table_row_count", found, where),))


def _column_count(rule: model.Rule, _where: Alternatives) -> _Made:
    found = count_range(needed(rule.condition))
    return Translated((_count("table_column_count", found, ALWAYS),))


def _count(what: str, found: Range, where: Alternatives) -> Expectation:
    if found.low == found.high:
        return _expect(f"{what}_to_equal", where, value=found.low)
    return _expect(f"{what}_to_be_between", where, **_between(found))


def _complete(rule: model.Rule, where: Alternatives) -> _Made:
    return Translated((_filled(rule, where), _ROWS))


def _completeness(rule: model.Rule, where: Alternatives) -> _Made:
    found = _one_range(rule)
    if found.low == 1 and not found.low_open:
        return _complete(rule, where)
    share = _expect(
        "column_proportion_of_non_null_values_to_be_between",
        where,
        column=_column(rule),
        **_between(found),
    )
    return Translated((share, _ROWS), _without_rows(where))


def _one_range(rule: model.Rule) -> Range:
    condition = needed(rule.condition)
    found = range_of(condition)
    if found is None:
        raise CannotExportError(f"it compares with one range, which `{shown(condition)}` is not")
    return found


def _without_rows(where: Alternatives) -> tuple[str, ...]:
    return () if where == ALWAYS else ("it fails when its `where` keeps no row, and DQDL passes",)


def _unique(rule: model.Rule, where: Alternatives) -> _Made:
    columns = [parameter.value for parameter in rule.parameters]
    if len(columns) == 1:
        unique = _expect("column_values_to_be_unique", where, column=columns[0])
        there = _has_values(rule)
    else:
        unique = _expect("compound_columns_to_be_unique", where, column_list=columns)
        keyed = tuple((Atom(column, "NOT NULL"),) for column in columns)
        there = _expect("table_row_count_to_be_between", keyed, min_value=1)
    if where == ALWAYS:
        return Translated((unique, there))
    return Translated(
        (unique, _ROWS), ("it passes where its `where` keeps rows without any value",)
    )


def _uniqueness(rule: model.Rule, where: Alternatives) -> _Made:
    found = _one_range(rule)
    if found.low == 1 and not found.low_open and found.holds(1):
        return _unique(rule, where)
    raise CannotExportError("a share of unique values can only be all of them")


def _primary_key(rule: model.Rule, where: Alternatives) -> _Made:
    columns = [parameter.value for parameter in rule.parameters]
    filled = [_expect("column_values_to_not_be_null", where, column=column) for column in columns]
    return Translated((*filled, _unique(rule, where).parts[0], _ROWS))


def _distinct(rule: model.Rule, where: Alternatives) -> _Made:
    found = count_range(needed(rule.condition))
    count = _expect(
        "column_unique_value_count_to_be_between", where, column=_column(rule), **_between(found)
    )
    return Translated((count, _ROWS), ("NULL is not counted as a value", *_without_rows(where)))


def _aggregate(kind: str, *differences: str) -> Callable[[model.Rule, Alternatives], _Made]:
    def made(rule: model.Rule, where: Alternatives) -> _Made:
        bounds = _between(_one_range(rule))
        measured = _expect(f"column_{kind}_to_be_between", where, column=_column(rule), **bounds)
        there = _has_values(rule) if where == ALWAYS else _ROWS
        return Translated((measured, there), (*differences, *_without_rows(where)))

    return made


def _length(rule: model.Rule, where: Alternatives) -> _Made:
    condition = needed(rule.condition)
    column = _column(rule)
    found = range_of(condition)
    if found is not None:
        whole = found.whole()
        made = _expect(
            "column_value_lengths_to_be_between", where, column=column, **_between(whole)
        )
        empty_fits = whole.holds(0)
    else:
        pattern, wanted, empty_fits = _length_pattern(condition)
        kind = "match" if wanted else "not_match"
        made = _expect(f"column_values_to_{kind}_regex", where, column=column, regex=pattern)
    # NULL has length 0 in DQDL, and is passed over here.
    filled = () if empty_fits else (_filled(rule, where),)
    return Translated((made, *filled, _ROWS))


def _length_pattern(condition: model.Condition) -> tuple[str, bool, bool]:
    """Lengths as a pattern, whether it must match, and whether length 0 is right."""
    if isinstance(condition, model.Between):
        low, high = ends(condition)
        inside = Range(low, high, low_open=True, high_open=True).whole()
        return _any_of([f".{{{inside.low},{inside.high}}}"]), False, not inside.holds(0)
    listed = values_of(condition)
    if listed is None:
        raise CannotExportError(f"a length cannot be compared so: `{shown(condition)}`")
    lengths = {worth(one) for one in listed[0]}
    if not lengths or any(length != int(length) or length < 0 for length in lengths):
        raise CannotExportError("a length is a whole number")
    pattern = _any_of([f".{{{int(length)}}}" for length in sorted(lengths)])
    return pattern, not listed[1], (0 in lengths) != listed[1]


def _any_of(patterns: Sequence[str]) -> str:
    return f"(?s)^(?:{'|'.join(patterns)})$"


def _values(rule: model.Rule, where: Alternatives) -> _Made:
    condition = needed(rule.condition)
    mostly = share_at_least(rule.threshold)
    made = _of_values(rule, condition, where)
    if mostly is not None:
        (main,) = made.parts
        if main.type.startswith("expect_table_"):
            raise CannotExportError(f"a share of rows cannot be counted for `{shown(condition)}`")
        main = Expectation(main.type, (*main.arguments, ("mostly", mostly)))
        counted = "its share is of the rows with a value, and not of all rows"
        return Translated((main, _ROWS), (*made.differences, counted))
    filled = () if null_meets(condition) else (_filled(rule, where),)
    return Translated((*made.parts, *filled, _ROWS), made.differences)


def _of_values(rule: model.Rule, condition: model.Condition, where: Alternatives) -> _Made:
    """What the rows with a value must meet."""
    column, kind = _column(rule), model.condition_kind(condition)
    if kind == "null":
        if null_meets(condition):
            return Translated((_expect("column_values_to_be_null", where, column=column),))
        return Translated((_filled(rule, where),))
    if isinstance(condition, model.Matches):
        word = "not_match" if condition.negated else "match"
        pattern = f"^(?:{condition.pattern.raw})$"
        return Translated(
            (_expect(f"column_values_to_{word}_regex", where, column=column, regex=pattern),)
        )
    if kind == "number":
        return Translated((_of_numbers(column, condition, where),))
    if kind == "date":
        return _of_days(column, condition, where)
    return _of_texts(rule, condition, where)


def _of_numbers(column: str, condition: model.Condition, where: Alternatives) -> Expectation:
    listed = values_of(condition)
    if listed is not None:
        word = "not_be" if listed[1] else "be"
        numbers = [worth(one) for one in listed[0]]
        return _expect(f"column_values_to_{word}_in_set", where, column=column, value_set=numbers)
    found = range_of(condition)
    if found is not None:
        return _expect("column_values_to_be_between", where, column=column, **_between(found))
    if not isinstance(condition, model.Between):
        raise CannotExportError(f"it cannot compare so: `{shown(condition)}`")
    low, high = ends(condition)
    return _none(where, ((Atom(column, ">", low), Atom(column, "<", high)),))


def _of_texts(rule: model.Rule, condition: model.Condition, where: Alternatives) -> _Made:
    listed = values_of(condition)
    if listed is None:
        raise CannotExportError(f"text cannot be compared so: `{shown(condition)}`")
    column = _column(rule)
    ignores_case = tag(rule, "ignoreCase") == "true"
    spaces = model.Keyword("WHITESPACES_ONLY") in listed[0]
    texts = [one.value if isinstance(one, model.Text) else "" for one in listed[0]
             if one != model.Keyword("WHITESPACES_ONLY")]  # fmt: skip
    typed = ("text is not compared with numbers or truths",) if looks_typed(listed[0]) else ()
    if not (ignores_case or spaces):
        word = "not_be" if listed[1] else "be"
        made = _expect(f"column_values_to_{word}_in_set", where, column=column, value_set=texts)
        return Translated((made,), typed)
    word = "not_match" if listed[1] else "match"
    pattern = "|".join([*(_escaped(text) for text in texts), *([" +"] if spaces else [])])
    pattern = f"{'(?i)' if ignores_case else ''}^(?:{pattern})$"
    made = _expect(f"column_values_to_{word}_regex", where, column=column, regex=pattern)
    return Translated((made,), typed)


def _escaped(text: str) -> str:
    """A pattern for exactly this text, in every dialect of regular expressions."""
    return "".join(f"\\{one}" if one in _SPECIAL else one for one in text)


def _of_days(column: str, condition: model.Condition, where: Alternatives) -> _Made:
    """Days as moments: a day begins at its midnight and ends before the next one."""
    days = days_of(one for one in condition.operands if one != model.Keyword("NULL"))
    first, last = days[0], days[-1]
    listed = values_of(condition)
    text = ("text is not read as a date",)
    if isinstance(condition, model.Between):
        if days_of([condition.low]) >= days_of([condition.high]):
            raise CannotExportError("the first date of its condition is not before the second")
        if condition.negated:
            inside = (
                Atom(column, ">=", _midnight(first + DAY)),
                Atom(column, "<", _midnight(last)),
            )
            return Translated((_none(where, (inside,)),), text)
        low, high = first + DAY, last
    elif listed is None:
        operator = condition.operator if isinstance(condition, model.Comparison) else "="
        if operator in ("<", "<="):
            bound = first if operator == "<" else first + DAY
            return Translated(
                (_expect("column_values_to_be_between", where, column=column,
                         max_value=_midnight(bound), strict_max=True),), text
            )  # fmt: skip
        bound = first + DAY if operator == ">" else first
        return Translated(
            (_expect("column_values_to_be_between", where, column=column,
                     min_value=_midnight(bound)),), text
        )  # fmt: skip
    elif listed[1]:
        on = tuple(
            (Atom(column, ">=", _midnight(day)), Atom(column, "<", _midnight(day + DAY)))
            for day in days
        )
        return Translated((_none(where, on),), text)
    elif len(days) > 1:
        return Translated((_none(where, _gaps(column, days)),), text)
    else:
        low, high = first, first + DAY
    return Translated(
        (_expect("column_values_to_be_between", where, column=column, min_value=_midnight(low),
                 max_value=_midnight(high), strict_max=True),), text
    )  # fmt: skip


def _gaps(column: str, days: list[date]) -> Alternatives:
    """Every moment that is on none of the days."""
    starts = [None, *(day + DAY for day in days)]
    stops = [*days, None]
    return tuple(
        (
            *([Atom(column, ">=", _midnight(start))] if start else []),
            *([Atom(column, "<", _midnight(stop))] if stop else []),
        )
        for start, stop in zip(starts, stops, strict=True)
    )


def _midnight(day: date) -> str:
    return f"{day.isoformat()}T00:00:00"


def _data_type(rule: model.Rule, where: Alternatives) -> _Made:
    condition = needed(rule.condition)
    operand = condition.operands[0]
    wanted = operand.value.lower() if isinstance(operand, model.Text) else ""
    kind = _TYPES_OF.get(wanted)
    equal = isinstance(condition, model.Comparison) and condition.operator == "="
    if kind is None or not equal or where != ALWAYS or rule.threshold is not None:
        raise CannotExportError("it looks at the type a column is stored as, and at no values")
    made = _expect("column_values_to_be_in_type_list", column=_column(rule),
                   type_list=list(_TYPES[kind]))  # fmt: skip
    stored = "it looks at the type the column is stored as, and not at what its values could be"
    return Translated((made, _filled(rule, where), _ROWS), (stored,))


def _exists(rule: model.Rule, _where: Alternatives) -> _Made:
    return Translated((_expect("column_to_exist", column=_column(rule)),))


_RULES: Final[dict[str, Callable[[model.Rule, Alternatives], _Made]]] = {
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
    "ColumnLength": _length,
    "ColumnValues": _values,
    "ColumnDataType": _data_type,
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
