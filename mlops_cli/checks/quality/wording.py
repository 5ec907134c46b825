"""Says a rule in plain words: what it measures, what it wants, which rows it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_cli.quality.language.model import AnyRule, Condition, Operand, Rule

_SIGNS: Final = {
    "=": "equal to",
    "!=": "not equal to",
    ">": "greater than",
    ">=": "at least",
    "<": "less than",
    "<=": "at most",
}


def in_words(rule: AnyRule, indent: str = "") -> Iterator[str]:
    """Give the lines that say what a rule checks; a composite is a list of its rules."""
    from mlops_cli.quality.language import model
    from mlops_cli.quality.language.printer import write_rule

    if isinstance(rule, model.Composite):
        yield f"{indent}{'all' if rule.operator == 'AND' else 'at least one'} of these must hold:"
        for one in rule.rules:
            yield from in_words(one, f"{indent}  ")
        return
    yield f"{indent}{write_rule(rule)}"
    for line in _single(rule):
        yield f"{indent}  {line}"


def _single(rule: Rule) -> Iterator[str]:
    from mlops_cli.quality import RULE_TYPES
    from mlops_cli.quality.language.printer import write_operand

    kind = RULE_TYPES[rule.type]
    yield f"{kind.description}: {_about(rule)}" if rule.parameters else kind.description
    if rule.condition is not None:
        yield f"must be {condition_in_words(rule.condition)}"
    if rule.where is not None:
        yield f"only rows where {rule.where.value}"
    if rule.threshold is not None:
        share = condition_in_words(rule.threshold)
        yield f"it passes when the share of rows that meet it is {share}"
    for tag in rule.tags:
        yield f"with {tag.name} = {write_operand(tag.value)}"
    for key, value in rule.labels:
        yield f"labelled {key} = {value}"


def _about(rule: Rule) -> str:
    """Name the parameters; several columns of one argument are one key."""
    return ", ".join(
        f"${one.variable}" if one.variable else f"`{one.value}`" for one in rule.parameters
    )


def condition_in_words(condition: Condition) -> str:
    """Say a condition without signs, with what DQDL does that nobody expects."""
    from mlops_cli.quality.language import model

    match condition:
        case model.Comparison(operator=sign, operand=operand):
            return f"{_SIGNS[sign]} {_operand(operand)}"
        case model.Between(low=low, high=high, negated=False):
            return (
                f"greater than {_operand(low)} and less than {_operand(high)} "
                "(`between` excludes both ends)"
            )
        case model.Between(low=low, high=high):
            return (
                f"at most {_operand(low)} or at least {_operand(high)} "
                "(`not between` includes both ends)"
            )
        case model.Membership(items=items, negated=negated, variable=variable):
            listed = ", ".join(_operand(item) for item in items)
            named = f" (${variable})" if variable else ""
            return f"{'none' if negated else 'one'} of {listed}{named}"
        case model.Matches(pattern=pattern, negated=negated):
            return (
                f"{'no text' if negated else 'a text'} that as a whole is of the pattern "
                f"{pattern.value}"
            )


def _operand(operand: Operand) -> str:
    """Write an operand; what has to be calculated comes with its value."""
    from mlops_cli.quality.engine.measurement import shown
    from mlops_cli.quality.engine.values import CannotEvaluateError, number
    from mlops_cli.quality.language import model
    from mlops_cli.quality.language.printer import write_operand

    text = write_operand(operand)
    if not isinstance(operand, model.Arithmetic):
        return text
    try:
        value = shown(number(operand))
    except CannotEvaluateError:
        return text
    return f"{text} (DQDL calculates from left to right: {value})"
