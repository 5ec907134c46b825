"""One expectation of Great Expectations, and how a range or a `where` is one of its arguments."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .loss import Translated
from .where import ALWAYS, Alternatives, Atom, both

if TYPE_CHECKING:
    from ..language import model
    from .terms import Range


@dataclass(frozen=True, slots=True)
class Expectation:
    """One expectation."""

    type: str
    arguments: tuple[tuple[str, Any], ...]

    @property
    def key(self) -> str:
        """What tells two of them apart."""
        return json.dumps([self.type, self.arguments], sort_keys=True)


ROWS: Final = Expectation("expect_table_row_count_to_be_between", (("min_value", 1),))


Made = Translated[Expectation]


def expect(kind: str, where: Alternatives = ALWAYS, **arguments: Any) -> Expectation:  # noqa: ANN401
    """Make an expectation; arguments that are None are left out."""
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


def none_such(where: Alternatives, violated: Alternatives) -> Expectation:
    """No row may be so."""
    return expect("table_row_count_to_equal", both(where, violated), value=0)


def bounds_of(found: Range) -> dict[str, Any]:
    """A range as the arguments of an expectation."""
    return {
        "min_value": found.low,
        "max_value": found.high,
        "strict_min": found.low_open or None,
        "strict_max": found.high_open or None,
    }


def column_of(rule: model.Rule) -> str:
    """Give the column a rule is about."""
    return rule.parameters[0].value


def not_null(rule: model.Rule, where: Alternatives) -> Expectation:
    """Every row has a value of the rule's column."""
    return expect("column_values_to_not_be_null", where, column=column_of(rule))


def has_values(rule: model.Rule) -> Expectation:
    """The rule's column has a value at all."""
    return expect("column_unique_value_count_to_be_between", column=column_of(rule), min_value=1)
