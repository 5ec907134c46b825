"""Two rulesets compared, by their text and by their verdicts on the same data.

Worse is: a rule that passed fails now or has no verdict, a verdict that was lost, a new rule that
does not pass, and a rule that did not pass and is gone, since nobody hears of what it found now.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlops_cli.core.crashes import engine_died
from mlops_cli.core.errors import ProjectError, UsageError
from mlops_cli.core.exits import Exit
from mlops_cli.core.forked import ChildDiedError, forked

from .matching import Match, match_rules
from .reading import named_datasets, open_data, public_name, read_ruleset
from .surviving import memory_for, open_datasets, wait_for_datasets

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from mlops_cli.core.progress import Progress
    from mlops_cli.quality import QualityReport, RuleOutcome, Ruleset, Source

WORSE, BETTER, SAME = "worse", "better", "same"
_WORTH = {"PASS": 2, "FAIL": 1, "ERROR": 0}


@dataclass(frozen=True, slots=True)
class VerdictPair:
    """What came of a rule before and after, on one data file; None where there is no such rule."""

    data: str
    old: RuleOutcome | None
    new: RuleOutcome | None

    @property
    def effect(self) -> str:
        """`worse`, `better` or `same`."""
        if self.old is None or self.new is None:
            only = self.old or self.new
            return SAME if only is None or only.outcome == "PASS" else WORSE
        before, after = _WORTH[self.old.outcome], _WORTH[self.new.outcome]
        if before == after:
            return SAME
        return BETTER if after > before else WORSE

    def to_dict(self) -> dict[str, Any]:
        """Give it ready for JSON."""
        return {
            "data": self.data,
            "effect": self.effect,
            "old": _outcome(self.old),
            "new": _outcome(self.new),
        }


@dataclass(frozen=True, slots=True)
class RuleChange:
    """A rule that is not the same in both rulesets, or whose verdict is not."""

    kind: str
    """`added`, `removed`, `changed`; `verdict` when the text is the same and the verdict is not."""
    old: str | None
    new: str | None
    old_line: int | None
    new_line: int | None
    verdicts: tuple[VerdictPair, ...] = ()

    @property
    def effect(self) -> str:
        """The worst of its effects, over all data files."""
        found = {pair.effect for pair in self.verdicts}
        return next((one for one in (WORSE, BETTER) if one in found), SAME)

    def to_dict(self) -> dict[str, Any]:
        """Give it ready for JSON."""
        return {
            "kind": self.kind,
            "effect": self.effect if self.verdicts else None,
            "old": self.old,
            "new": self.new,
            "old_line": self.old_line,
            "new_line": self.new_line,
            "verdicts": [pair.to_dict() for pair in self.verdicts],
        }


@dataclass(frozen=True, slots=True)
class RulesetDiff:
    """What differs between two rulesets."""

    old: str
    new: str
    data: tuple[str, ...]
    changes: tuple[RuleChange, ...]
    unchanged: int
    unchanged_outcomes: Mapping[str, int] = field(default_factory=dict)
    """How often each outcome came of the rules that are the same, over all data files."""
    exit_code: Exit = field(init=False)

    def __post_init__(self) -> None:
        worse = any(change.effect == WORSE for change in self.changes)
        object.__setattr__(self, "exit_code", Exit.NO if worse else Exit.DONE)

    def count(self, effect: str) -> int:
        """Count the verdicts with an effect."""
        pairs = [pair for change in self.changes for pair in change.verdicts]
        return sum(pair.effect == effect for pair in pairs)

    def to_dict(self) -> dict[str, Any]:
        """Give it ready for JSON."""
        return {
            "old": self.old,
            "new": self.new,
            "data": list(self.data),
            "worse": self.count(WORSE),
            "better": self.count(BETTER),
            "changes": [change.to_dict() for change in self.changes],
            "unchanged": {"rules": self.unchanged, "outcomes": dict(self.unchanged_outcomes)},
        }


def diff(
    old: Path,
    new: Path,
    *,
    data: Sequence[str] = (),
    datasets: Sequence[str] = (),
    delimiter: str | None = None,
    progress: Progress,
) -> RulesetDiff:
    """Compare two rulesets; with data, their verdicts too.

    Args:
        old: The ruleset as it was.
        new: The ruleset as it is to be.
        data: The files that both are run on.
        datasets: The other data sets that rules compare with, each as `NAME=FILE`.
        delimiter: Of CSV files; a comma by default.
        progress: Where to say what is being done.

    Raises:
        ProjectError: A ruleset or a data file cannot be read.
        UsageError: There are data sets and no data, or one is not `NAME=FILE`.
    """
    if datasets and not data:
        raise UsageError(
            "`--dataset` is what rules compare the data with, and there is no `--data`",
            hint="Add `--data FILE`, or leave `--dataset` out",
        )
    before, after = read_ruleset(old, ()), read_ruleset(new, ())
    matches = match_rules(before.rules, after.rules)
    others = named_datasets(datasets)
    names = tuple(public_name(one) for one in data)
    reports = _reports((before, after), data, others, delimiter, progress)
    pairs = [
        [_pair(match, name, both) for match in matches]
        for name, both in zip(names, reports, strict=True)
    ]
    by_match = [tuple(each) for each in zip(*pairs, strict=True)] if pairs else [()] * len(matches)
    return _compared(old, new, names, list(zip(matches, by_match, strict=True)))


def _reports(
    rulesets: tuple[Ruleset, Ruleset],
    data: Sequence[str],
    datasets: Mapping[str, str],
    delimiter: str | None,
    progress: Progress,
) -> list[tuple[QualityReport, QualityReport]]:
    """Run both on each file, in a child that may crash on any.

    Raises:
        ProjectError: A file cannot be read, or the engine died on it.
    """
    if not data:
        return []
    found = []
    with forked(_run_both(rulesets, data, datasets, delimiter)) as coming:
        wait_for_datasets(datasets, coming)
        for one in data:
            name = public_name(one)
            try:
                with progress.step(f"Checking `{name}`"):
                    found.append(next(coming))
            except ChildDiedError as died:
                raise engine_died(name, died) from died
        next(coming, None)
    return found


def _run_both(
    rulesets: tuple[Ruleset, Ruleset],
    data: Sequence[str],
    datasets: Mapping[str, str],
    delimiter: str | None,
) -> Generator[Any, None, None]:
    from mlops_cli import quality

    others: dict[str, Source] = {}
    yield from open_datasets(datasets, others, delimiter)
    # Both are run at one moment, or `now()` could be what differs.
    now = datetime.now(UTC)
    for one in data:
        try:
            with (
                memory_for(public_name(one)),
                closing(open_data(one, delimiter=delimiter)) as source,
            ):
                both = [
                    quality.check(rules, source, datasets=others, now=now) for rules in rulesets
                ]
        except quality.DataReadError as error:
            raise ProjectError(error.message, hint=error.hint) from error
        yield tuple(both)


def _pair(match: Match, data: str, reports: tuple[QualityReport, QualityReport]) -> VerdictPair:
    old, new = reports
    return VerdictPair(
        data,
        None if match.old is None else old.outcomes[match.old],
        None if match.new is None else new.outcomes[match.new],
    )


def _compared(
    old: Path,
    new: Path,
    data: tuple[str, ...],
    found: Sequence[tuple[Match, tuple[VerdictPair, ...]]],
) -> RulesetDiff:
    changes, unchanged = [], 0
    outcomes: Counter[str] = Counter()
    for match, pairs in found:
        kind = match.kind
        if kind == SAME:
            if all(pair.effect == SAME for pair in pairs):
                unchanged += 1
                outcomes.update(pair.new.outcome for pair in pairs if pair.new is not None)
                continue
            kind = "verdict"
        changes.append(
            RuleChange(kind, match.old_text, match.new_text, match.old_line, match.new_line, pairs)
        )
    order = {WORSE: 0, BETTER: 1, SAME: 2}
    changes.sort(key=lambda change: order[change.effect])
    return RulesetDiff(str(old), str(new), data, tuple(changes), unchanged, outcomes)


def _outcome(outcome: RuleOutcome | None) -> dict[str, Any] | None:
    if outcome is None:
        return None
    return {
        "outcome": outcome.outcome,
        "message": outcome.message,
        "metrics": dict(outcome.metrics),
    }
