"""A ruleset from data, with reasons: proposed, judged on held-out rows, and proven on all rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..data.connection import identifier
from ..data.source import reading
from ..engine.run import check
from .heldout import HeldOut, all_rules, hold_out, related_columns
from .part import POSITION, SEED, numbered, part_of
from .profile import describe
from .suggest import from_profile
from .wording import Hint, Setting, Suggestion, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    import duckdb

    from ..data.source import Source
    from .profile import Profile
    from .wording import Found

# Glue takes 65,536 characters and 2,000 rules; people read fewer.
_MOST_RULES = 400
_MOST_CHARACTERS = 60_000
_MOST_HINTS = 40
_COMPARED_ROWS = 100_000


@dataclass(frozen=True, slots=True)
class Proposal:
    """A ruleset that passes on the data it comes from, and what was found out on the way."""

    suggestions: tuple[Suggestion, ...]
    hints: tuple[Hint, ...]
    left_out: tuple[str, ...]
    """What was proposed first, and does not stand here, each with the reason."""
    rows: int
    splits: int
    held_out_rows: int
    """The rows that rules were judged on without having been made from them, over all splits."""
    judged: int
    """How many of the rules were judged so."""
    widened: int
    """How many got more slack there."""

    @property
    def text(self) -> str:
        """The ruleset as DQDL, each rule with the reason for it."""
        return render(self.suggestions, self.hints)


def propose(
    source: Source,
    *,
    profile: Profile | None = None,
    target: str | None = None,
    task: str | None = None,
    static: bool = False,
    now: datetime | None = None,
) -> Proposal:
    """Propose a ruleset.

    Args:
        source: The data.
        profile: Its description, when there is one; of some of its columns, when the rules are to
            be about these only.
        target: The column that a model learns to predict.
        task: `classification` or `regression`, when there is a target.
        static: The file stays as it is, so no rule asks for newer rows.
        now: What the ages of rows are measured by; by default the time it is.

    Raises:
        DataReadError: The data cannot be read.
    """
    moment = (now or datetime.now(UTC)).astimezone(UTC)
    setting = Setting(source.rows, moment.replace(tzinfo=None), static)
    connection = source.scan()
    try:
        with reading(source.uri):
            described = profile or describe(connection, source.columns, source.uri, source.rows)
            names = [column.name for column in described.columns]
            alone = from_profile(described, setting, target=target, task=task)
            sample = _sample(connection, names, source.rows)
            related = related_columns(connection, sample, described, alone)
            useful, _ = _most_useful([*alone, *related])
            held = hold_out(source, connection, useful, setting, target=target, task=task)
            setting = replace(setting, widened=held.widened)
            found = all_rules(described, related, setting, target=target, task=task)
            everything = source
            if len(names) < len(source.columns):
                rows = "SELECT * FROM memory.main.data"
                everything = part_of(source, connection, rows, names)
            return _proven(found, held, everything, moment)
    finally:
        connection.close()


def _sample(connection: duckdb.DuckDBPyConnection, names: Sequence[str], rows: int) -> str:
    """The rows that pairs of columns are compared on."""
    if rows <= _COMPARED_ROWS or not names:
        return "data"
    columns = ", ".join(identifier(name) for name in names)
    connection.execute(
        f"CREATE TEMP TABLE compared AS SELECT {columns} FROM {numbered(connection)} "  # noqa: S608
        f"WHERE hash({POSITION}, {SEED + 3}) % 4294967296 < {round(_COMPARED_ROWS / rows * 2**32)}"
    )
    return "compared"


def _proven(
    found: Sequence[Found], held: HeldOut, everything: Source, moment: datetime
) -> Proposal:
    """Keep what held on other rows and passes on all; what does not is named."""
    hints = [one for one in found if isinstance(one, Hint)]
    rules = [one for one in found if isinstance(one, Suggestion)]
    left_out = [
        f"{one.rule}: it failed on held-out rows, also with more slack: {held.failed[one.key]}"
        for one in rules
        if one.key in held.failed
    ]
    rules = [_explained(one, held) for one in rules if one.key not in held.failed]
    rules, crowded = _most_useful(rules)
    kept, failing = _passing(rules, everything, moment)
    if crowded:
        hints.insert(0, Hint("", _crowded(crowded)))
    shown = hints[:_MOST_HINTS]
    if len(hints) > len(shown):
        shown.append(Hint("", f"{len(hints) - len(shown)} more remarks were left out for room"))
    return Proposal(
        tuple(kept),
        tuple(shown),
        (*left_out, *failing),
        everything.rows,
        held.splits,
        held.rows,
        judged=sum(one.key in held.judged for one in kept),
        widened=sum(one.key in held.widened for one in kept),
    )


def _explained(one: Suggestion, held: HeldOut) -> Suggestion:
    wider = held.widened.get(one.key)
    if wider is None:
        return one
    reason = f"{one.reason}; {wider:.0f} times the usual slack, since held-out rows failed with it"
    return replace(one, reason=reason)


def _most_useful(found: Sequence[Found]) -> tuple[list[Suggestion], list[Suggestion]]:
    """Cut a ruleset to what can be read, and to what Glue takes; the most useful rules stay."""
    rules = [one for one in found if isinstance(one, Suggestion)]
    room, chosen = _MOST_CHARACTERS, set()
    by_rank = sorted(range(len(rules)), key=lambda position: rules[position].rank)
    for position in by_rank[:_MOST_RULES]:
        room -= len(rules[position].rule) + len(rules[position].reason) + 16
        if room < 0:
            break
        chosen.add(position)
    kept = [one for position, one in enumerate(rules) if position in chosen]
    return kept, [one for position, one in enumerate(rules) if position not in chosen]


def _crowded(rules: Sequence[Suggestion]) -> str:
    kinds = Counter(one.rule.split(" ", 1)[0] for one in rules)
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    columns = len({one.column for one in rules})
    return (
        f"left out for room: {len(rules)} less useful rules about {columns} columns ({listed}); "
        "a ruleset of some of the columns has them"
    )


def _passing(
    rules: Sequence[Suggestion], everything: Source, moment: datetime
) -> tuple[list[Suggestion], list[str]]:
    if not rules:
        return [], []
    report = check(render(rules), everything, now=moment)
    judged = list(zip(rules, report.outcomes, strict=True))
    kept = [one for one, outcome in judged if outcome.outcome == "PASS"]
    failing = [
        f"{one.rule}: {outcome.message}" for one, outcome in judged if outcome.outcome != "PASS"
    ]
    return kept, failing
