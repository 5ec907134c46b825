"""Finds rules that stand in a ruleset twice: harmless to the outcome, and seldom meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..language.printer import by_text

if TYPE_CHECKING:
    from ..language import model

_MOST_LINES = 6


def repeated_rules(ruleset: model.Ruleset) -> tuple[str, ...]:
    """Say which rules stand there more than once; the score counts each of them."""
    return tuple(
        f"The rule `{text}` stands here {len(rules)} times, on "
        f"{_listed([rule.span.line if rule.span else 0 for rule in rules])}: "
        "each counts in the score"
        for text, rules in by_text(ruleset.rules).items()
        if len(rules) > 1
    )


def _listed(lines: list[int]) -> str:
    *first, last = (str(line) for line in dict.fromkeys(lines))
    if len(first) >= _MOST_LINES:
        last = f"{len(first) - _MOST_LINES + 1} more"
        first = first[:_MOST_LINES]
    return f"lines {', '.join(first)} and {last}" if first else f"line {last}"
