"""What becomes of each rule when a ruleset is written for another tool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from ..language import model
from ..language.printer import write_rule
from .terms import CannotExportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SAME: Final = "same"
DIFFERS: Final = "differs"
LOST: Final = "lost"

Part = TypeVar("Part")

_KNOWN_TAGS: Final = {"ColumnValues": ("ignoreCase",), "ColumnDataType": ("format",)}


@dataclass(frozen=True, slots=True)
class Translated(Generic[Part]):
    """A rule as parts that must all hold, and how they differ from it."""

    parts: tuple[Part, ...]
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ExportedRule:
    """What became of one rule."""

    name: str
    """`Rule_1` for the first, as the engine counts; or what else of the document it is."""
    rule: str
    line: int | None
    status: str
    """`same`, `differs` or `lost`."""
    reasons: tuple[str, ...] = ()
    """How it differs, or why it is lost."""
    labels: model.Labels = ()


@dataclass(frozen=True, slots=True)
class Written(Generic[Part]):
    """The rules of a ruleset, translated."""

    rules: tuple[ExportedRule, ...]
    parts: tuple[tuple[ExportedRule, tuple[Part, ...]], ...]
    """The parts of each rule that could be translated."""


def translate_rules(
    ruleset: model.Ruleset,
    translate: Callable[[model.Rule], Translated[Part]],
    *,
    keeps_labels: bool = False,
) -> Written[Part]:
    """Translate every rule; one that cannot be is named with the reason.

    Args:
        ruleset: The rules.
        translate: Gives the parts of a single rule, or raises `CannotExportError`.
        keeps_labels: The tool has a place for labels.
    """
    rules: list[ExportedRule] = []
    parts: list[tuple[ExportedRule, tuple[Part, ...]]] = []
    for position, rule in enumerate(ruleset.rules, start=1):
        labels = tuple(dict(ruleset.default_labels + rule.labels).items())
        line = rule.span.line if rule.span else None
        reasons: tuple[str, ...]
        try:
            made = _translate(rule, translate)
        except CannotExportError as error:
            status, reasons, own = LOST, (str(error),), None
        else:
            reasons = made.differences
            if labels and not keeps_labels:
                reasons = (*reasons, "its labels are left out")
            status, own = DIFFERS if reasons else SAME, made.parts
        exported = ExportedRule(f"Rule_{position}", write_rule(rule), line, status, reasons, labels)
        rules.append(exported)
        if own is not None:
            parts.append((exported, own))
    return Written((*rules, *_analyzers(ruleset.analyzers)), tuple(parts))


def _translate(
    rule: model.AnyRule, translate: Callable[[model.Rule], Translated[Part]]
) -> Translated[Part]:
    if isinstance(rule, model.Rule):
        made = translate(rule)
        known = _KNOWN_TAGS.get(rule.type, ())
        ignored = tuple(
            f"`with {tag.name}` is left out" for tag in rule.tags if tag.name not in known
        )
        return Translated(made.parts, tuple(dict.fromkeys((*made.differences, *ignored))))
    if rule.operator.upper() != "AND":
        raise CannotExportError("its checks all have to hold, so `or` cannot be said")
    nested = [_translate(one, translate) for one in rule.rules]
    return Translated(
        tuple(part for one in nested for part in one.parts),
        tuple(dict.fromkeys(text for one in nested for text in one.differences)),
    )


def _analyzers(analyzers: Iterable[model.Analyzer]) -> tuple[ExportedRule, ...]:
    return tuple(
        ExportedRule(
            f"Analyzer_{position}",
            write_rule(one),
            one.span.line if one.span else None,
            LOST,
            ("a metric without a verdict has no place there",),
        )
        for position, one in enumerate(analyzers, start=1)
    )
