"""AWS Glue Data Quality, as Airflow's GlueDataQualityOperator and catalog runs take it.

The operator wants text that begins with `Rules` and ends with `]`: constants stand where they are
used, and what else a document may hold is left out and named.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
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


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads plain DQDL, and why it does not read the rest."""

    differences: Callable[[model.Rule], tuple[str, ...]]
    """How it takes a single rule; raises `CannotExportError` for not at all."""
    labels: str
    analyzers: str
    sources: str
    metadata: str


def write(ruleset: model.Ruleset) -> tuple[str, tuple[ExportedRule, ...]]:
    """Write the rules, and say what became of each and of the rest of the document."""
    operator = "the operator rejects it"
    other = f"{operator}; name other data sets in `AdditionalDataSources`"
    return write_plain(ruleset, Reader(_differences, _FOR_ETL, _FOR_ETL, other, operator))


def write_plain(ruleset: model.Ruleset, reader: Reader) -> tuple[str, tuple[ExportedRule, ...]]:
    """Write rules as plain DQDL, and say what became of each and of the rest of the document."""
    texts: list[str] = []
    rules: list[ExportedRule] = []
    for position, rule in enumerate(ruleset.rules, start=1):
        labels = tuple(dict(ruleset.default_labels + rule.labels).items())
        reasons: tuple[str, ...] = ()
        try:
            for leaf in model.leaves_of(rule):
                reasons += reader.differences(leaf)
            texts.append(write_rule(_plain(rule)))
            if labels:
                reasons += (f"its labels are left out: {reader.labels}",)
            status = DIFFERS if reasons else SAME
        except CannotExportError as error:
            status, reasons = LOST, (str(error),)
        line = rule.span.line if rule.span else None
        name = f"Rule_{position}"
        unique = tuple(dict.fromkeys(reasons))
        rules.append(ExportedRule(name, write_rule(rule), line, status, unique, labels))
    text = "Rules = [\n    " + ",\n    ".join(texts) + "\n]\n" if texts else ""
    return text, (*rules, *_left_out(ruleset, reader))


def _differences(rule: model.Rule) -> tuple[str, ...]:
    conditions = [one for one in (rule.condition, rule.threshold) if one is not None]
    if any(model.is_dynamic(operand) for one in conditions for operand in one.operands):
        raise CannotExportError(_ETL_ONLY)
    return ()


def _plain(rule: model.AnyRule) -> model.AnyRule:
    """The rule with constants in their place and the order of arithmetic in parentheses."""
    if isinstance(rule, model.Composite):
        nested = tuple(_plain(one) for one in rule.rules)
        return replace(rule, rules=nested, labels=())
    return replace(
        rule,
        parameters=tuple(replace(one, variable=None) for one in rule.parameters),
        condition=_condition(rule.condition),
        threshold=_condition(rule.threshold),
        labels=(),
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


def _left_out(ruleset: model.Ruleset, reader: Reader) -> tuple[ExportedRule, ...]:
    """What a document holds beside rules."""
    found = [
        ExportedRule(
            f"Analyzer_{position}",
            write_rule(one),
            one.span.line if one.span else None,
            LOST,
            (reader.analyzers,),
        )
        for position, one in enumerate(ruleset.analyzers, start=1)
    ]
    if ruleset.sources is not None:
        names = ", ".join(f"`{name}`" for name in ruleset.sources.additional)
        found.append(_document("DataSources", reader.sources + (f": {names}" if names else "")))
    if ruleset.metadata:
        found.append(_document("Metadata", reader.metadata))
    return tuple(found)


def _document(name: str, reason: str) -> ExportedRule:
    return ExportedRule(name, name, None, DIFFERS, (f"it is left out: {reason}",))
