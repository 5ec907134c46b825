"""Two rulesets compared, as a person reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .tables import add, clean, table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from mlops_cli.checks.quality.comparing import RuleChange, RulesetDiff, VerdictPair
    from mlops_cli.quality import RuleOutcome

_STYLES: Final = {"worse": "bold red", "better": "green", "same": "dim"}
_KINDS: Final = ("changed", "added", "removed", "verdict")


def render_ruleset_diff(found: RulesetDiff, console: Console) -> None:
    """A table of what changed, worst first, then what did not in one line, then the answer."""
    if found.changes:
        shown = table("change", "rule", *(["verdict"] if found.data else []))
        for change in found.changes:
            cells: list[object] = [change.kind, _texts(change)]
            add(shown, cells + ([_verdicts(change, found)] if found.data else []))
        console.print(shown)
    outcomes = ", ".join(f"{count} {name}" for name, count in found.unchanged_outcomes.items())
    same = f"unchanged rules: {found.unchanged}" + (f" (verdicts: {outcomes})" if outcomes else "")
    console.print(same, style="dim", markup=False)
    _answer(found, console)


def _texts(change: RuleChange) -> Text:
    from rich.text import Text

    text = Text()
    if change.kind == "verdict":
        return text.append(clean(change.new))
    for mark, rule, style in (("- ", change.old, "red"), ("+ ", change.new, "green")):
        if rule is not None:
            text.append("\n" if text else "").append(f"{mark}{clean(rule)}", style)
    return text


def _verdicts(change: RuleChange, found: RulesetDiff) -> Text:
    from rich.text import Text

    text = Text()
    for pair in change.verdicts:
        text.append("\n" if text else "")
        if len(found.data) > 1:
            text.append(f"{clean(pair.data)}: ", "dim")
        text.append(_words(pair), _STYLES[pair.effect])
        if metric := _metrics(pair):
            text.append(f"\n{metric}", "dim")
        if pair.new is not None and pair.new.outcome != "PASS" and pair.effect == "worse":
            text.append(f"\n{clean(pair.new.message)}", "dim")
    return text


def _words(pair: VerdictPair) -> str:
    if pair.old is None or pair.new is None:
        only = pair.old or pair.new
        return (f"was {only.outcome}" if pair.new is None else only.outcome) if only else ""
    if pair.old.outcome == pair.new.outcome:
        return pair.new.outcome
    return f"{pair.old.outcome} → {pair.new.outcome} ({pair.effect})"


def _metrics(pair: VerdictPair) -> str:
    """The metric, and both where it is not the same one or not the same number."""
    old, new = (_numbers(one) for one in (pair.old, pair.new))
    if not old or not new or old == new:
        return new or old
    return f"{old} → {new}"


def _numbers(outcome: RuleOutcome | None) -> str:
    metrics = outcome.metrics if outcome is not None else {}
    return ", ".join(f"{name.rsplit('.', 1)[-1]} {value:.6g}" for name, value in metrics.items())


def _answer(found: RulesetDiff, console: Console) -> None:
    from rich.text import Text

    kinds = [change.kind for change in found.changes]
    counts = [f"{kinds.count(kind)} {kind}" for kind in _KINDS if kind in kinds]
    words = f"rules: {', '.join(counts)}" if counts else "the rules are the same"
    if found.data:
        words += f"; verdicts: {found.count('worse')} worse, {found.count('better')} better"
    mark, style = ("✗", "bold red") if found.exit_code else ("✓", "bold green")
    console.print(Text(f"{mark} ", style).append(words, "not bold default"), soft_wrap=True)
