r"""Whether Spark could cast a value, as SQL that is true or false for values that are not NULL.

Spark's rules without ANSI mode, not DuckDB's: `1e3` is no integer, `1.0d` is a double, `2022` is a
date, and characters up to the space are trimmed from both ends.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..data.connection import literal
from .values import CannotEvaluateError

if TYPE_CHECKING:
    from ..data.source import Column

TYPES = ("Boolean", "Date", "Timestamp", "Integer", "Double", "Float", "Long", "DECIMAL(p,s)")
_DECIMAL = re.compile(r"decimal\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*\)")
_MOST_DIGITS = 38
_BLANK = r"[\x00-\x20]*"
_BOOLEAN = "(?i:t|true|y|yes|1|f|false|n|no|0)"
_EXPONENT = "([eE][+-]?[0-9]+)?"
_HEX = r"0[xX]([0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+"
_FIXED = rf"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+){_EXPONENT}"
_DOUBLE = rf"[+-]?((([0-9]+\.?[0-9]*|\.[0-9]+){_EXPONENT}|{_HEX})[fFdD]?|(?i:nan|inf|infinity))"
_DAY = "[+-]?([0-9]{4,6})(?:-([0-9]{1,2})(?:-([0-9]{1,2})"
_CLOCK = r"([01]?[0-9]|2[0-3])(:[0-5]?[0-9](:[0-5]?[0-9](\.[0-9]*)?)?)?"
_ONLY_CLOCK = r"T?([01]?[0-9]|2[0-3]):[0-5]?[0-9](:[0-5]?[0-9](\.[0-9]*)?)?"
_ZONE = r" *(Z|UTC|GMT|(UTC|GMT)?[+-][0-9]{1,2}(:?[0-9]{2})?|[A-Za-z]+/[A-Za-z_/]+)?"
_PARTS = {"yyyy": ("%Y", "[0-9]{4}"), "MM": ("%m", "[0-9]{2}"), "dd": ("%d", "[0-9]{2}")}
_FORMAT = re.compile("(yyyy|MM|dd|[-/. ])")


def castable(column: Column, value: str, type_name: str, day_format: str | None = None) -> str:
    """SQL for whether a value of a column could be cast to a type of Spark.

    Args:
        column: The column.
        value: Its value, as SQL.
        type_name: The type, in any case.
        day_format: How dates are written, such as `dd/MM/yyyy`; Spark's own way when None.

    Raises:
        CannotEvaluateError: There is no such type, or no value of the column can be of it.
    """
    wanted = type_name.strip().lower()
    decimal = _DECIMAL.fullmatch(wanted)
    if decimal is None and wanted not in {one.lower() for one in TYPES}:
        raise CannotEvaluateError(
            f"`{type_name}` is no type of ColumnDataType; they are {', '.join(TYPES)}"
        )
    if decimal is not None:
        return _as_decimal(column, value, int(decimal[1]), int(decimal[2]))
    if column.type == "text":
        return _text(value, wanted, day_format)
    if column.type == "other" or (wanted == "date" and column.type in _NO_DATES):
        raise CannotEvaluateError(
            f"`{column.name}` holds {column.type}, which nothing casts to {type_name}"
        )
    # A day is a number of nothing; every other of these casts succeeds, if only by rounding.
    return "false" if column.type == "date" and wanted not in ("date", "timestamp") else "true"


_NO_DATES = ("integer", "number", "boolean")


def _as_decimal(column: Column, value: str, digits: int, scale: int) -> str:
    if not 1 <= digits <= _MOST_DIGITS or scale > digits:
        raise CannotEvaluateError(f"There is no type `DECIMAL({digits},{scale})`")
    if column.type in ("date", "timestamp", "other"):
        raise CannotEvaluateError(
            f"`{column.name}` holds {column.type}, which has no DECIMAL({digits},{scale})"
        )
    if column.type == "boolean":
        return "true"
    if column.type != "text":
        return f"TRY_CAST({value} AS DECIMAL({digits},{scale})) IS NOT NULL"
    cast = f"TRY_CAST(trim({value}, {_blanks()}) AS DECIMAL({digits},{scale})) IS NOT NULL"
    return f"({_like(value, _FIXED)} AND {cast})"


def _text(value: str, wanted: str, day_format: str | None) -> str:
    if wanted == "boolean":
        return _like(value, _BOOLEAN)
    if wanted in ("double", "float"):
        return _like(value, _DOUBLE)
    if wanted in ("integer", "long"):
        whole = f"regexp_extract({value}, {literal(f'^{_BLANK}[+]?(-?[0-9]*)')}, 1)"
        fits = f"TRY_CAST({whole} AS {'INTEGER' if wanted == 'integer' else 'BIGINT'})"
        # What follows the point is cut off, and nothing before it is a zero.
        shape = _like(value, r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]*)")
        return f"({shape} AND ({whole} IN ('', '-') OR {fits} IS NOT NULL))"
    if wanted == "date" and day_format is not None:
        return _formatted(value, day_format)
    if wanted == "date":
        return f"({_like(value, f'{_DAY}([ T].*)?)?)?')} AND {_exists(value)})"
    moment = _like(value, f"{_DAY}([ T]({_CLOCK}{_ZONE})?)?)?)?")
    clock = _like(value, f"{_ONLY_CLOCK}{_ZONE}")
    return f"(({moment} AND {_exists(value)}) OR {clock})"


def _like(value: str, pattern: str) -> str:
    return f"regexp_full_match({value}, {literal(f'(?s){_BLANK}(?:{pattern}){_BLANK}')})"


def _exists(value: str) -> str:
    """SQL for whether a day that is written like one is in the calendar."""
    pattern = literal(rf"^{_BLANK}{_DAY})?)?")
    year, month, day = (f"regexp_extract({value}, {pattern}, {part})" for part in (1, 2, 3))
    text = (
        f"{year} || '-' || lpad(coalesce(nullif({month}, ''), '1'), 2, '0') "
        f"|| '-' || lpad(coalesce(nullif({day}, ''), '1'), 2, '0')"
    )
    return f"TRY_CAST({text} AS DATE) IS NOT NULL"


def _formatted(value: str, day_format: str) -> str:
    parts = _FORMAT.split(day_format)
    known = [part for part in parts[1::2] if part in _PARTS]
    if any(parts[::2]) or not known or len(known) != len(set(known)):
        raise CannotEvaluateError(
            f"`{day_format}` is no format of dates; it is made of yyyy, MM, dd and - / . or blanks"
        )
    shape = "".join(_PARTS[one][1] if one in _PARTS else re.escape(one) for one in parts[1::2])
    text = "".join(_PARTS[one][0] if one in _PARTS else one for one in parts[1::2])
    matches = f"regexp_full_match({value}, {literal(shape)})"
    return f"({matches} AND try_strptime({value}, {literal(text)}) IS NOT NULL)"


def _blanks() -> str:
    return "(" + " || ".join(f"chr({code})" for code in range(1, 33)) + ")"
