"""Which rule of one ruleset is which of another: the same one, or the same with another bound."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from mlops_cli.quality.language.model import AnyRule, Rule

    Key: TypeAlias = Callable[[AnyRule], Hashable]

_DIRECTIONS = {">": "at least", ">=": "at least", "<": "at most", "<=": "at most"}


@dataclass(frozen=True, slots=True)
class Match:
    """A rule's place in the old and in the new ruleset; None where it is not."""

    old: int | None
    new: int | None
    kind: str
    """`same`, `changed`, `added` or `removed`."""
    old_text: str | None
    new_text: str | None
    old_line: int | None
    new_line: int | None


def match_rules(old: Sequence[AnyRule], new: Sequence[AnyRule]) -> list[Match]:
    """Match each rule with the one it became, the likeliest pairs first; in the new order."""
    before, after = dict(enumerate(old)), dict(enumerate(new))
    pairs: dict[int, int] = {}
    for key in (_itself, _with_direction, _about, _columns):
        waiting: dict[Hashable, list[int]] = {}
        for position, rule in before.items():
            waiting.setdefault(key(rule), []).append(position)
        for position, rule in list(after.items()):
            if same := waiting.get(key(rule)):
                pairs[position] = same.pop(0)
                del before[pairs[position]], after[position]
    found = [_match(old, new, pairs.get(position), position) for position in range(len(new))]
    return found + [_match(old, new, position, None) for position in before]


def _match(
    old: Sequence[AnyRule], new: Sequence[AnyRule], before: int | None, after: int | None
) -> Match:
    from mlops_cli.quality.language.printer import write_rule

    one = None if before is None else old[before]
    other = None if after is None else new[after]
    if one is None or other is None:
        kind = "added" if one is None else "removed"
    else:
        kind = "same" if one == other else "changed"
    return Match(
        before,
        after,
        kind,
        write_rule(one) if one is not None else None,
        write_rule(other) if other is not None else None,
        one.span.line if one is not None and one.span else None,
        other.span.line if other is not None and other.span else None,
    )


def _itself(rule: AnyRule) -> Hashable:
    return rule


def _with_direction(rule: AnyRule) -> Hashable:
    """The same but for its numbers, labels and tags."""
    return (_about(rule), *(_direction(leaf) for leaf in _leaves(rule)))


def _about(rule: AnyRule) -> Hashable:
    """Types, columns and conditions on the rows."""
    where = tuple(leaf.where.raw if leaf.where else None for leaf in _leaves(rule))
    return (_columns(rule), where)


def _columns(rule: AnyRule) -> Hashable:
    """Types and columns, and how the parts of a composite are joined."""
    leaves = tuple(
        (leaf.type, tuple(parameter.value for parameter in leaf.parameters))
        for leaf in _leaves(rule)
    )
    return (getattr(rule, "operator", None), leaves)


def _direction(rule: Rule) -> Hashable:
    condition = rule.condition
    operator = getattr(condition, "operator", "")
    negated = getattr(condition, "negated", False)
    return (type(condition).__name__, _DIRECTIONS.get(operator, operator), negated)


def _leaves(rule: AnyRule) -> tuple[Rule, ...]:
    from mlops_cli.quality.language.model import leaves_of

    return leaves_of(rule)
