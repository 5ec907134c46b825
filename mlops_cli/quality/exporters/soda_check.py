"""One check of a Soda contract, and how conditions are its thresholds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ..language import model
from .loss import Translated
from .sql_text import ANSI, numbers_sql
from .terms import ends, worth

_THRESHOLDS: Final = {
    "=": "must_be",
    "!=": "must_not_be",
    ">": "must_be_greater_than",
    ">=": "must_be_greater_than_or_equal",
    "<": "must_be_less_than",
    "<=": "must_be_less_than_or_equal",
}


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


ROWS: Final = SodaCheck("row_count", {"threshold": {"must_be_greater_than": 0}})


Made = Translated[SodaCheck]


def column_of(rule: model.Rule) -> str:
    """Give the column a rule is about."""
    return rule.parameters[0].value


def filter_of(rule: model.Rule) -> dict[str, str]:
    """Give the `where` of a rule as a check's filter."""
    return {"filter": rule.where.value} if rule.where is not None else {}


def kept(rule: model.Rule, value: str) -> str:
    """A value for the rows that are kept, and NULL for the others."""
    return f"CASE WHEN ({rule.where.value}) THEN {value} END" if rule.where is not None else value


def threshold_of(condition: model.Condition) -> dict[str, Any] | None:
    """Give a condition as a threshold; None when Soda has none like it.

    Raises:
        CannotExportError: A number has no value.
    """
    if isinstance(condition, model.Comparison):
        return {_THRESHOLDS[condition.operator]: worth(condition.operand)}
    if isinstance(condition, model.Between) and not condition.negated:
        low, high = ends(condition)
        return {"must_be_between": {"greater_than": low, "less_than": high}}
    return None


def measured(
    condition: model.Condition, *, expression: str = "", query: tuple[str, str] | None = None
) -> SodaCheck:
    """Compare the value of an expression, or of `SELECT value rest`."""
    threshold = threshold_of(condition)
    value = query[0] if query else expression
    if threshold is None:
        value = f"CASE WHEN {numbers_sql(value, condition)} THEN 1 ELSE 0 END"
        threshold = {"must_be": 1}
    said = {"query": f"SELECT {value} {query[1]}"} if query else {"expression": value}
    return SodaCheck("metric", said | {"threshold": threshold})


def missing(rule: model.Rule, column: str = "") -> SodaCheck:
    """Every row has a value of a column."""
    return SodaCheck("missing", filter_of(rule), column or column_of(rule))


def without_rows(rule: model.Rule) -> tuple[str, ...]:
    """Say what a rule with a `where` does when that keeps no row."""
    if rule.where is None:
        return ()
    return ("it is not evaluated when its `where` keeps no row, and DQDL passes",)
