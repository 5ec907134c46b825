"""AWS Glue Data Quality, as Airflow's GlueDataQualityOperator and catalog runs take it.

The operator wants text that begins with `Rules` and ends with `]`: constants stand where they are
used, and what else a document may hold is left out and named.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ..language import model
from ..language.printer import write_rule
from .loss import DIFFERS, LOST, SAME, ExportedRule
from .terms import CannotExportError

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_CHARACTERS: Final = 65_536
NOTES: Final = ("Made for GlueDataQualityOperator and evaluation runs of the Data Catalog",)

_ETL_ONLY: Final = "runs of the Data Catalog have no earlier results; Glue ETL jobs have"
_FOR_ETL: Final = "runs of the Data Catalog do not support it; Glue ETL jobs do"


def write(ruleset: model.Ruleset) -> tuple[str, tuple[ExportedRule, ...]]:
    """Write the rules, and say what became of each and of the rest of the document."""
    return write_plain(ruleset, _differences, keeps_labels=False)


def write_plain(
    ruleset: model.Ruleset,
    differences: Callable[[model.Rule], tuple[str, ...]],
    *,
    keeps_labels: bool,
) -> tuple[str, tuple[ExportedRule, ...]]:
    """Write rules as plain DQDL.

    Args:
        ruleset: The document.
        differences: How the reader takes a single rule; raises `CannotExportError` for none.
        keeps_labels: The reader takes labels.
    """
    texts: list[str] = []
    rules: list[ExportedRule] = []
    for position, rule in enumerate(ruleset.rules, start=1):
        labels = tuple(dict(ruleset.default_labels + rule.labels).items())
        reasons: tuple[str, ...] = ()
        try:
            for leaf in model.leaves_of(rule):
                reasons += differences(leaf)
            texts.append(write_rule(_plain(rule, keeps_labels=keeps_labels)))
            if labels and not keeps_labels:
                reasons += (f"its labels are left out: {_FOR_ETL}",)
            status = DIFFERS if reasons else SAME
        except CannotExportError as error:
            status, reasons = LOST, (str(error),)
        line = rule.span.line if rule.span else None
        name = f"Rule_{position}"
        unique = tuple(dict.fromkeys(reasons))
        rules.append(ExportedRule(name, write_rule(rule), line, status, unique, labels))
    text = "Rules = [\n    " + ",\n    ".join(texts) + "\n]\n" if texts else ""
    return text, (*rules, *_left_out(ruleset))


def _differences(rule: model.Rule) -> tuple[str, ...]:
    if is_dynamic(rule):
        raise CannotExportError(_ETL_ONLY)
    return ()


def is_dynamic(rule: model.Rule) -> bool:
    """Does the rule compare with earlier results?"""
    conditions = [one for one in (rule.condition, rule.threshold) if one is not None]
    return any(_has_call(operand) for one in conditions for operand in one.operands)


def _has_call(operand: object) -> bool:
    if isinstance(operand, model.Arithmetic):
        return _has_call(operand.left) or _has_call(operand.right)
    if isinstance(operand, model.Negated):
        return _has_call(operand.operand)
    if isinstance(operand, model.Grouped):
        return _has_call(operand.inner)
    return isinstance(operand, model.Call)


def _plain(rule: model.AnyRule, *, keeps_labels: bool) -> model.AnyRule:
    """The rule with constants in their place and the order of arithmetic in parentheses."""
    labels = rule.labels if keeps_labels else ()
    if isinstance(rule, model.Composite):
        nested = tuple(_plain(one, keeps_labels=keeps_labels) for one in rule.rules)
        return replace(rule, rules=nested, labels=labels)
    return replace(
        rule,
        parameters=tuple(replace(one, variable=None) for one in rule.parameters),
        condition=_condition(rule.condition),
        threshold=_condition(rule.threshold),
        labels=labels,
    )


def _condition(condition: model.Condition | None) -> model.Condition | None:
    if isinstance(condition, model.Comparison):
        return replace(condition, operand=_explicit(condition.operand))
    if isinstance(condition, model.Between):
        return replace(condition, low=_explicit(condition.low), high=_explicit(condition.high))
    if isinstance(condition, model.Membership):
        return replace(
            condition, items=tuple(_explicit(one) for one in condition.items), variable=None
        )
    return condition


def _explicit(operand: model.Operand) -> model.Operand:
    """`1 + 2 * 2` is `(1 + 2) * 2` in DQDL, and should look like it."""
    if isinstance(operand, model.Arithmetic) and isinstance(operand.left, model.Arithmetic):
        left = _explicit(operand.left)
        if isinstance(left, model.Arithmetic):
            return replace(operand, left=model.Grouped(left))
    return operand


def _left_out(ruleset: model.Ruleset) -> tuple[ExportedRule, ...]:
    """What a document holds beside rules."""
    found = [
        ExportedRule(
            f"Analyzer_{position}",
            write_rule(one),
            one.span.line if one.span else None,
            LOST,
            (_FOR_ETL,),
        )
        for position, one in enumerate(ruleset.analyzers, start=1)
    ]
    if ruleset.sources is not None:
        names = ", ".join(f"`{name}`" for name in ruleset.sources.additional)
        reason = "the operator rejects it; name other data sets in `AdditionalDataSources`"
        found.append(_document("DataSources", f"{reason}: {names}" if names else reason))
    if ruleset.metadata:
        found.append(_document("Metadata", "the operator rejects it"))
    return tuple(found)


def _document(name: str, reason: str) -> ExportedRule:
    return ExportedRule(name, name, None, DIFFERS, (f"it is left out: {reason}",))
