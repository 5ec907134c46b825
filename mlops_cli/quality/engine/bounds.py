"""What a metric is held against, short enough for a column of a table."""

from __future__ import annotations

from ..language import model
from ..language.printer import write_condition
from .measurement import shown
from .values import CannotEvaluateError, number

_ALL_OF_THEM = ("IsComplete", "IsPrimaryKey", "IsUnique")
_LONGEST = 32


def bound_of(rule: model.AnyRule | model.Analyzer) -> str:
    """Write the condition of a rule with its numbers worked out; nothing for composites."""
    if not isinstance(rule, model.Rule):
        return ""
    if rule.condition is None:
        text = "= 1" if rule.type in _ALL_OF_THEM else ""
    else:
        text = _written(rule.condition)
    if rule.threshold is None:
        return text
    share = f"share {_written(rule.threshold)}"
    return f"{text}, {share}" if text else share


def _written(condition: model.Condition) -> str:
    if isinstance(condition, model.Membership) and len(condition.items) > 1:
        word = "not in" if condition.negated else "in"
        return f"{word} {len(condition.items)} values"
    text = write_condition(_worked_out(condition))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _worked_out(condition: model.Condition) -> model.Condition:
    try:
        if isinstance(condition, model.Comparison):
            return model.Comparison(condition.operator, _number(condition.operand))
        if isinstance(condition, model.Between):
            low, high = _number(condition.low), _number(condition.high)
            return model.Between(low, high, condition.negated)
    except CannotEvaluateError:
        pass
    return condition


def _number(operand: model.Operand) -> model.Operand:
    if not isinstance(operand, model.Arithmetic | model.Grouped):
        return operand
    return model.Number(shown(number(operand)))
