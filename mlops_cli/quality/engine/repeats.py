"""Finds rules that stand in a ruleset twice: harmless to the outcome, and seldom meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..language.printer import write_rule

if TYPE_CHECKING:
    from ..language import model

_MOST_LINES = 6


def repeated_rules(ruleset: model.Ruleset) -> tuple[str, ...]:
    """Say which rules stand there more than once; the score counts each of them."""
    lines: dict[str, list[int]] = {}
    for rule in ruleset.rules:
        lines.setdefault(write_rule(rule), []).append(rule.span.line if rule.span else 0)
    return tuple(
        f"The rule `{text}` stands here {len(found)} times, on {_listed(found)}: "
        "each counts in the score"
        for text, found in lines.items()
        if len(found) > 1
    )


def _listed(lines: list[int]) -> str:
    *first, last = (str(line) for line in dict.fromkeys(lines))
    if len(first) >= _MOST_LINES:
        last = f"{len(first) - _MOST_LINES + 1} more"
        first = first[:_MOST_LINES]
    return f"lines {', '.join(first)} and {last}" if first else f"line {last}"
