"""What a rule must catch, derived from the rule and from the data it passes on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd  # type: ignore[import-untyped, unused-ignore]

from . import defects
from .defects import Defect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ODD: Final = "#?"
_FOREIGN: Final = "no such value"
_NUMBER: Final = re.compile(r"-?\d+(?:\.\d+)?")
_FACTORS: Final = (10.0, 0.1, -1.0, 1000.0, 0.001)
_LONG_AGO, _FAR_AHEAD = "1900-01-01", "2200-01-01"


@dataclass(frozen=True)
class Claim:
    """A kind of defect that a rule must catch at least one form of."""

    kind: str
    forms: tuple[Defect, ...]
    certain: bool = True
    """The rule is of a type whose meaning is known here: letting all through is a hole."""


def claims(rule: Any, rows: pd.DataFrame, leaves_of: Callable[[Any], Any]) -> list[Claim]:  # noqa: ANN401 -- the project's own types
    """What one rule of a ruleset must catch.

    Args:
        rule: A rule, or several joined by `and` or `or`.
        rows: Data the rule passes on.
        leaves_of: The single rules of it.
    """
    leaves = leaves_of(rule)
    if len(leaves) == 1:
        return _of(leaves[0], rows)
    each = [claim for leaf in leaves for claim in _of(leaf, rows)]
    if rule.operator == "and":
        return [Claim("one of its parts", _forms(each), all(claim.certain for claim in each))]
    # Of `a or b` both have to be broken at once; not every pair can be.
    first = [next(iter(_of(leaf, rows)), None) for leaf in leaves]
    pairs = zip(*(claim.forms for claim in first if claim is not None), strict=False)
    together = tuple(_both(pair) for pair in pairs)
    return [Claim("all of its parts", together + _forms(each), certain=False)]


def _of(rule: Any, rows: pd.DataFrame) -> list[Claim]:  # noqa: ANN401 -- see claims
    columns = tuple(parameter.value for parameter in rule.parameters)
    known = {name.lower(): name for name in rows.columns}
    there = tuple(known[name.lower()] for name in columns if name.lower() in known)
    make = _BY_TYPE.get(rule.type)
    if make is None:
        return [Claim("something else than usual", tuple(_anything(rows)), certain=False)]
    if rule.type not in _WHOLE and len(there) != len(columns):
        return []
    certain = rule.where is None
    return [Claim(kind, tuple(forms), certain) for kind, forms in make(rule, rows, there)]


def _complete(rule: Any, rows: pd.DataFrame, columns: tuple[str, ...]) -> Any:  # noqa: ANN401, ARG001 -- one of many
    column = columns[0]
    yield "missing values", (defects.missing(column), defects.missing(column, all_rows=True))


def _unique(rule: Any, rows: pd.DataFrame, columns: tuple[str, ...]) -> Any:  # noqa: ANN401, ARG001 -- one of many
    nulls = [defects.missing(column, all_rows=True) for column in columns]
    one = _both(tuple(defects.constant(column) for column in columns))
    yield "repeated values", (defects.repeated(columns), one, defects.distinct(columns[0]), *nulls)


def _values(rule: Any, rows: pd.DataFrame, columns: tuple[str, ...]) -> Any:  # noqa: ANN401 -- one of many
    column = columns[0]
    written = [*rule.condition.operands, *(_numbers(rule.condition))] if rule.condition else []
    outside = list(dict.fromkeys(_outside(rows[column], written)))
    yield (
        "a value outside",
        (
            *(defects.value(column, put) for put in outside),
            *(defects.value(column, put, all_rows=True) for put in outside),
            defects.missing(column),
        ),
    )
    if _is_number(rows[column]) and not _excludes(rule.condition):
        yield "shifted or rescaled", tuple(_moved(column))


def _excludes(condition: Any) -> bool:  # noqa: ANN401 -- see claims
    """It names what may not be, as in `!= 999`; all that is far away may."""
    return getattr(condition, "negated", False) or getattr(condition, "operator", "") == "!="


def _spread(rule: Any, rows: pd.DataFrame, columns: tuple[str, ...]) -> Any:  # noqa: ANN401, ARG001 -- one of many
    column = columns[0]
    if not _is_number(rows[column]):
        return
    scaled = (defects.rescaled(column, factor) for factor in _FACTORS)
    yield "shifted or rescaled", (*scaled, defects.constant(column))


def _average(rule: Any, rows: pd.DataFrame, columns: tuple[str, ...]) -> Any:  # noqa: ANN401, ARG001 -- one of many
    if _is_number(rows[columns[0]]):
        yield "shifted or rescaled", tuple(_moved(columns[0]))


def _variety(rule: Any, rows: pd.DataFrame, columns: tuple[str, ...]) -> Any:  # noqa: ANN401, ARG001 -- one of many
    column = columns[0]
    yield (
        "too few or too many values",
        (
            defects.constant(column),
            defects.distinct(column),
            defects.missing(column, all_rows=True),
        ),
    )


def _related(rule: Any, rows: pd.DataFrame, columns: tuple[str, ...]) -> Any:  # noqa: ANN401, ARG001 -- one of many
    first, second = columns[:2]
    if _is_number(rows[first]) and _is_number(rows[second]):
        yield (
            "values in the wrong rows",
            (
                defects.shuffled(first),
                defects.copied_from(first, second, -1),
                defects.copied_from(first, second, 1),
            ),
        )


def _lengths(rule: Any, rows: pd.DataFrame, columns: tuple[str, ...]) -> Any:  # noqa: ANN401, ARG001 -- one of many
    texts = ("", "x", "x" * 1000)
    forms = [
        defects.value(columns[0], text, all_rows=whole)
        for whole in (False, True)
        for text in texts
        if _is_text(rows[columns[0]])
    ]
    yield "texts too short or too long", (*forms, defects.missing(columns[0]))


def _types(rule: Any, rows: pd.DataFrame, columns: tuple[str, ...]) -> Any:  # noqa: ANN401, ARG001 -- one of many
    yield "another type", (defects.as_text(columns[0]), defects.rescaled(columns[0], 0.1))


def _fresh(rule: Any, rows: pd.DataFrame, columns: tuple[str, ...]) -> Any:  # noqa: ANN401, ARG001 -- one of many
    column = columns[0]
    dates = (_dated(rows[column], when) for when in (_LONG_AGO, _FAR_AHEAD))
    yield "stale dates", tuple(defects.value(column, date, all_rows=True) for date in dates)


def _row_count(rule: Any, rows: pd.DataFrame, columns: tuple[str, ...]) -> Any:  # noqa: ANN401, ARG001 -- one of many
    yield "lost or repeated rows", tuple(defects.rows_left(n) for n in (0.5, 1, 0, 2, 10, 100))


def _column_count(rule: Any, rows: pd.DataFrame, columns: tuple[str, ...]) -> Any:  # noqa: ANN401, ARG001 -- one of many
    names = list(rows.columns)
    yield (
        "lost or added columns",
        (
            defects.without(names[0]),
            defects.only_column(names[0]),
            defects.more_columns("more", 1),
            defects.more_columns("more", 10 * len(names)),
        ),
    )


def _exists(rule: Any, rows: pd.DataFrame, columns: tuple[str, ...]) -> Any:  # noqa: ANN401, ARG001 -- one of many
    yield "lost columns", (defects.without(columns[0]),)


def _names(rule: Any, rows: pd.DataFrame, columns: tuple[str, ...]) -> Any:  # noqa: ANN401, ARG001 -- one of many
    yield "added columns", (defects.more_columns(_ODD, 1),)


def _anything(rows: pd.DataFrame) -> Iterator[Defect]:
    yield from (defects.rows_left(share) for share in (1, 0, 2, 100))
    columns = tuple(map(str, rows.columns))
    yield _both(tuple(defects.missing(column, all_rows=True) for column in columns))
    yield _both(tuple(defects.constant(column) for column in columns))
    numbers = [column for column in columns if _is_number(rows[column])]
    for down in (False, True):
        yield _both(tuple(defects.shifted(column, down=down) for column in numbers))
    yield _both(tuple(defects.rescaled(column, -1.0) for column in numbers))


def _moved(column: str) -> Iterator[Defect]:
    yield defects.shifted(column)
    yield defects.shifted(column, down=True)
    for factor in _FACTORS:
        yield defects.rescaled(column, factor)


def _both(parts: tuple[Defect, ...]) -> Defect:
    """Several defects at once."""

    def apply(rows: pd.DataFrame) -> pd.DataFrame:
        for part in parts:
            rows = part.apply(rows)
        return rows

    if len(parts) == 1:
        return parts[0]
    names = [part.name for part in parts]
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    whole = any(not part.columns for part in parts)
    touched = () if whole else tuple(dict.fromkeys(c for part in parts for c in part.columns))
    return Defect(shown, touched, apply)


def _forms(each: list[Claim]) -> tuple[Defect, ...]:
    return tuple(form for claim in each for form in claim.forms)


def _numbers(condition: Any) -> list[float]:  # noqa: ANN401 -- see claims
    """The numbers written in a condition."""
    return [float(found) for found in _NUMBER.findall(repr(condition))]


def _outside(column: pd.Series, written: list[Any]) -> Iterator[Any]:
    if pd.api.types.is_bool_dtype(column):
        yield from (True, False)
    elif _is_number(column):
        known = column.dropna().astype("float64")
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
        reach = 10 * (high - low) + 1
        numbers = [one for one in written if isinstance(one, float)]
        low, high = min([low, *numbers]), max([high, *numbers])
        yield from (high + reach, low - reach)
        yield from (n + step for n in numbers[:10] for step in (-1.0, 1.0, 0.0))
    elif _is_text(column):
        yield from (_FOREIGN, "", "0")
        yield from (one.value for one in written[:10] if hasattr(one, "raw"))
    else:
        yield from (_dated(column, when) for when in (_LONG_AGO, _FAR_AHEAD))


def _dated(column: pd.Series, when: str) -> Any:  # noqa: ANN401 -- a date as the column has it
    if _is_text(column):
        return when
    known = column.dropna()
    moment = pd.Timestamp(when, tz=getattr(column.dtype, "tz", None))
    return moment.date() if len(known) and not hasattr(known.iloc[0], "hour") else moment


def _is_number(column: pd.Series) -> bool:
    kind = column.dtype
    return bool(pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind))


def _is_text(column: pd.Series) -> bool:
    return bool(pd.api.types.is_string_dtype(column.dtype))


_WHOLE: Final = {"RowCount", "ColumnCount", "ColumnNamesMatchPattern"}
_BY_TYPE: Final[dict[str, Callable[..., Any]]] = {
    "IsComplete": _complete,
    "Completeness": _complete,
    "IsUnique": _unique,
    "IsPrimaryKey": _unique,
    "Uniqueness": _unique,
    "UniqueValueRatio": _unique,
    "DistinctValuesCount": _variety,
    "Entropy": _variety,
    "Mean": _average,
    "Sum": _average,
    "StandardDeviation": _spread,
    "Variance": _spread,
    "ColumnCorrelation": _related,
    "ColumnLength": _lengths,
    "ColumnValues": _values,
    "ColumnDataType": _types,
    "ColumnExists": _exists,
    "DataFreshness": _fresh,
    "RowCount": _row_count,
    "ColumnCount": _column_count,
    "ColumnNamesMatchPattern": _names,
}
