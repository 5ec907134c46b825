"""Conditions as SQL that is true or false for each row, in the words of another database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..language import model
from .terms import (
    CannotExportError,
    days_of,
    ends,
    looks_typed,
    null_meets,
    range_of,
    shown,
    tag,
    values_of,
    worth,
)

if TYPE_CHECKING:
    from .terms import Range


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a database writes names, texts and patterns."""

    name_quote: str
    backslash_escapes: bool
    pattern: str
    """SQL for a whole match, of `{value}` and `{pattern}`; empty when databases differ."""

    def name(self, text: str) -> str:
        """Quote a column."""
        quote = self.name_quote
        return f"{quote}{text.replace(quote, quote * 2)}{quote}"

    def text(self, text: str) -> str:
        """Write a text."""
        if self.backslash_escapes:
            escaped = text.replace("\\", "\\\\").replace("'", "\\'")
            return "'" + escaped.replace("\n", "\\n") + "'"
        return "'" + text.replace("'", "''") + "'"


ANSI: Final = Dialect('"', backslash_escapes=False, pattern="")
SPARK: Final = Dialect("`", backslash_escapes=True, pattern="{value} RLIKE {pattern}")


def number_sql(value: float) -> str:
    """Write a number."""
    return repr(value) if isinstance(value, float) and not value.is_integer() else str(int(value))


def range_sql(value: str, found: Range) -> str:
    """Is a value in a range?"""
    if found.low is not None and found.low == found.high:
        return f"{value} = {number_sql(found.low)}"
    parts = []
    if found.low is not None:
        parts.append(f"{value} {'>' if found.low_open else '>='} {number_sql(found.low)}")
    if found.high is not None:
        parts.append(f"{value} {'<' if found.high_open else '<='} {number_sql(found.high)}")
    return " AND ".join(parts)


def numbers_sql(value: str, condition: model.Condition) -> str:
    """Does a number meet a condition?

    Raises:
        CannotExportError: It is about no number.
    """
    found = range_of(condition) if _is_range(condition) else None
    if found is not None:
        return range_sql(value, found)
    if isinstance(condition, model.Between):
        low, high = ends(condition)
        return f"({value} <= {number_sql(low)} OR {value} >= {number_sql(high)})"
    listed = values_of(condition)
    if listed is None:
        raise CannotExportError(f"a number cannot be compared so: `{shown(condition)}`")
    items = ", ".join(number_sql(worth(one)) for one in listed[0])
    return f"{value} {'NOT IN' if listed[1] else 'IN'} ({items})"


def _is_range(condition: model.Condition) -> bool:
    return not isinstance(condition, model.Membership) or not condition.negated


def predicate(rule: model.Rule, condition: model.Condition, dialect: Dialect) -> str:
    """Is a row's value as a `ColumnValues` rule says? NULL is answered for too.

    Raises:
        CannotExportError: It cannot be said in SQL.
    """
    name = dialect.name(rule.parameters[0].value)
    null = "TRUE" if null_meets(condition) else "FALSE"
    meets = _met(rule, name, condition, dialect)
    return f"CASE WHEN {name} IS NULL THEN {null} ELSE {meets} END"


def _met(rule: model.Rule, name: str, condition: model.Condition, dialect: Dialect) -> str:
    kind = model.condition_kind(condition)
    if kind == "null":
        return "FALSE" if null_meets(condition) else "TRUE"
    if isinstance(condition, model.Matches):
        if not dialect.pattern:
            raise CannotExportError("the regular expressions of databases differ")
        pattern = dialect.text(f"^(?:{condition.pattern.raw})$")
        found = dialect.pattern.format(value=name, pattern=pattern)
        return f"NOT {found}" if condition.negated else found
    if kind == "number":
        # A NULL in the list is answered for before.
        return numbers_sql(name, _without_null(condition))
    if kind == "date":
        return _days(name, condition)
    return _texts(rule, name, condition, dialect)


def _without_null(condition: model.Condition) -> model.Condition:
    if not isinstance(condition, model.Membership):
        return condition
    items = tuple(one for one in condition.items if one != model.Keyword("NULL"))
    return model.Membership(items, condition.negated)


def _texts(rule: model.Rule, name: str, condition: model.Condition, dialect: Dialect) -> str:
    listed = values_of(condition)
    if listed is None:
        raise CannotExportError(f"text cannot be compared so: `{shown(condition)}`")
    lower = tag(rule, "ignoreCase") == "true"
    # As DQDL does, a column of numbers or truths is compared as text where texts look like it.
    value = f"CAST({name} AS VARCHAR(1000))" if looks_typed(listed[0]) else name
    value = f"lower({value})" if lower else value
    found = []
    texts = []
    for one in listed[0]:
        if one == model.Keyword("WHITESPACES_ONLY"):
            found.append(f"({value} <> '' AND trim({value}) = '')")
        else:
            text = one.value if isinstance(one, model.Text) else ""
            texts.append(dialect.text(text.lower() if lower else text))
    if texts:
        found.append(f"{value} IN ({', '.join(texts)})")
    joined = " OR ".join(found)
    return f"NOT ({joined})" if listed[1] else f"({joined})"


CLOCK: Final = "`now()` is the day of the data source, and of a moment only its day is compared"


def moves(condition: model.Condition) -> bool:
    """Does a condition move with the clock?"""
    return any(isinstance(one, model.Now | model.Time) for one in condition.operands)


def _days(name: str, condition: model.Condition) -> str:
    """Days are compared with days; a moment belongs to the day it is in."""
    value = f"CAST({name} AS DATE)"
    listed = values_of(condition)
    if isinstance(condition, model.Between):
        if not moves(condition) and days_of([condition.low]) >= days_of([condition.high]):
            raise CannotExportError("the first date of its condition is not before the second")
        low, high = _day(condition.low), _day(condition.high)
        if condition.negated:
            return f"({value} <= {low} OR {value} >= {high})"
        return f"({value} > {low} AND {value} < {high})"
    if listed is not None:
        items = ", ".join(_day(one) for one in listed[0])
        return f"{value} {'NOT IN' if listed[1] else 'IN'} ({items})"
    operator = condition.operator if isinstance(condition, model.Comparison) else "="
    return f"{value} {operator} {_day(condition.operands[0])}"


def _day(operand: model.Operand) -> str:
    if isinstance(operand, model.Now) and not operand.sign:
        return "CURRENT_DATE"
    if isinstance(operand, model.Now) and operand.unit == "days":
        return f"CAST(CURRENT_DATE {operand.sign} INTERVAL '{operand.amount}' DAY AS DATE)"
    (day,) = days_of([operand])
    return f"DATE '{day.isoformat()}'"
