"""Rules about every value of a column, as expectations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..language import model
from .expectation import ROWS, Expectation, Made, bounds_of, column_of, expect, none_such, not_null
from .loss import Translated
from .terms import (
    DAY,
    CannotExportError,
    Range,
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
from .where import ALWAYS, Alternatives, Atom

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date


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


def length(rule: model.Rule, where: Alternatives) -> Made:
    """Translate `ColumnLength`.

    Raises:
        CannotExportError: It compares lengths in a way that is no pattern.
    """
    condition = needed(rule.condition)
    column = column_of(rule)
    found = range_of(condition)
    if found is not None:
        whole = found.whole()
        made = expect(
            "column_value_lengths_to_be_between", where, column=column, **bounds_of(whole)
        )
        empty_fits = whole.holds(0)
    else:
        pattern, wanted, empty_fits = _length_pattern(condition)
        kind = "match" if wanted else "not_match"
        made = expect(f"column_values_to_{kind}_regex", where, column=column, regex=pattern)
    # NULL has length 0 in DQDL, and is passed over here.
    filled = () if empty_fits else (not_null(rule, where),)
    return Translated((made, *filled, ROWS))


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


def values(rule: model.Rule, where: Alternatives) -> Made:
    """Translate `ColumnValues`.

    Raises:
        CannotExportError: There is no expectation for its condition or its threshold.
    """
    condition = needed(rule.condition)
    mostly = share_at_least(rule.threshold)
    made = _of_values(rule, condition, where)
    if mostly is not None:
        (main,) = made.parts
        if main.type.startswith("expect_table_"):
            raise CannotExportError(f"a share of rows cannot be counted for `{shown(condition)}`")
        main = Expectation(main.type, (*main.arguments, ("mostly", mostly)))
        counted = "its share is of the rows with a value, and not of all rows"
        return Translated((main, ROWS), (*made.differences, counted))
    filled = () if null_meets(condition) else (not_null(rule, where),)
    return Translated((*made.parts, *filled, ROWS), made.differences)


def _of_values(rule: model.Rule, condition: model.Condition, where: Alternatives) -> Made:
    """What the rows with a value must meet."""
    column, kind = column_of(rule), model.condition_kind(condition)
    if kind == "null":
        if null_meets(condition):
            return Translated((expect("column_values_to_be_null", where, column=column),))
        return Translated((not_null(rule, where),))
    if isinstance(condition, model.Matches):
        word = "not_match" if condition.negated else "match"
        pattern = f"^(?:{condition.pattern.raw})$"
        return Translated(
            (expect(f"column_values_to_{word}_regex", where, column=column, regex=pattern),)
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
        return expect(f"column_values_to_{word}_in_set", where, column=column, value_set=numbers)
    found = range_of(condition)
    if found is not None:
        return expect("column_values_to_be_between", where, column=column, **bounds_of(found))
    if not isinstance(condition, model.Between):
        raise CannotExportError(f"it cannot compare so: `{shown(condition)}`")
    low, high = ends(condition)
    return none_such(where, ((Atom(column, ">", low), Atom(column, "<", high)),))


def _of_texts(rule: model.Rule, condition: model.Condition, where: Alternatives) -> Made:
    listed = values_of(condition)
    if listed is None:
        raise CannotExportError(f"text cannot be compared so: `{shown(condition)}`")
    column = column_of(rule)
    ignores_case = tag(rule, "ignoreCase") == "true"
    spaces = model.Keyword("WHITESPACES_ONLY") in listed[0]
    texts = [one.value if isinstance(one, model.Text) else "" for one in listed[0]
             if one != model.Keyword("WHITESPACES_ONLY")]  # fmt: skip
    typed = ("text is not compared with numbers or truths",) if looks_typed(listed[0]) else ()
    if not (ignores_case or spaces):
        word = "not_be" if listed[1] else "be"
        made = expect(f"column_values_to_{word}_in_set", where, column=column, value_set=texts)
        return Translated((made,), typed)
    word = "not_match" if listed[1] else "match"
    pattern = "|".join([*(_escaped(text) for text in texts), *([" +"] if spaces else [])])
    pattern = f"{'(?i)' if ignores_case else ''}^(?:{pattern})$"
    made = expect(f"column_values_to_{word}_regex", where, column=column, regex=pattern)
    return Translated((made,), typed)


def _escaped(text: str) -> str:
    """A pattern for exactly this text, in every dialect of regular expressions."""
    return "".join(f"\\{one}" if one in _SPECIAL else one for one in text)


def _of_days(column: str, condition: model.Condition, where: Alternatives) -> Made:
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
            return Translated((none_such(where, (inside,)),), text)
        low, high = first + DAY, last
    elif listed is None:
        operator = condition.operator if isinstance(condition, model.Comparison) else "="
        if operator in ("<", "<="):
            bound = first if operator == "<" else first + DAY
            return Translated(
                (expect("column_values_to_be_between", where, column=column,
                         max_value=_midnight(bound), strict_max=True),), text
            )  # fmt: skip
        bound = first + DAY if operator == ">" else first
        return Translated(
            (expect("column_values_to_be_between", where, column=column,
                     min_value=_midnight(bound)),), text
        )  # fmt: skip
    elif listed[1]:
        on = tuple(
            (Atom(column, ">=", _midnight(day)), Atom(column, "<", _midnight(day + DAY)))
            for day in days
        )
        return Translated((none_such(where, on),), text)
    elif len(days) > 1:
        return Translated((none_such(where, _gaps(column, days)),), text)
    else:
        low, high = first, first + DAY
    return Translated(
        (expect("column_values_to_be_between", where, column=column, min_value=_midnight(low),
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


def data_type(rule: model.Rule, where: Alternatives) -> Made:
    """Translate `ColumnDataType`.

    Raises:
        CannotExportError: It is about more than the type a column is stored as.
    """
    condition = needed(rule.condition)
    operand = condition.operands[0]
    wanted = operand.value.lower() if isinstance(operand, model.Text) else ""
    kind = _TYPES_OF.get(wanted)
    equal = isinstance(condition, model.Comparison) and condition.operator == "="
    if kind is None or not equal or where != ALWAYS or rule.threshold is not None:
        raise CannotExportError("it looks at the type a column is stored as, and at no values")
    made = expect("column_values_to_be_in_type_list", column=column_of(rule),
                   type_list=list(_TYPES[kind]))  # fmt: skip
    stored = "it looks at the type the column is stored as, and not at what its values could be"
    return Translated((made, not_null(rule, where), ROWS), (stored,))
