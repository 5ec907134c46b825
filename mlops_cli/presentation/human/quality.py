"""Checks of data, proposed rulesets and the rule types, as a person reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_cli.core.redact import printable

from .tables import add, clean, table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from mlops_cli.checks.quality.explaining import (
        RuleExplanation,
        RuleTypeList,
        TypeExplanation,
    )
    from mlops_cli.checks.quality.exporting import ExportedRuleset
    from mlops_cli.checks.quality.linting import RulesetLints
    from mlops_cli.checks.quality.proposing import SuggestedRuleset
    from mlops_cli.checks.quality.results import DataResult, QualityCheck
    from mlops_cli.quality import QualityReport, RuleOutcome

_STYLES: Final = {"PASS": "green", "FAIL": "bold red", "ERROR": "bold yellow"}
_MARKS: Final = {"PASS": "✓", "FAIL": "✗", "ERROR": "!"}


def render_quality_check(checked: QualityCheck, console: Console) -> None:
    """A table of the rules for each file, then a line that sums it up."""
    for result in checked.results:
        if result.report is not None:
            _rules(result.report, console)
            _analyzers(result.report, console)
        for note in result.notes:
            console.print(clean(f"note: {note}"), style="dim", markup=False, soft_wrap=True)
        _verdict(result, console)
    if len(checked.results) > 1:
        passed = sum(result.outcome == "PASS" for result in checked.results)
        console.print(f"{passed} of {len(checked.results)} files passed", style="dim")


def _rules(report: QualityReport, console: Console) -> None:
    if not report.outcomes:
        return
    shown = table("outcome", "rule", "metric", "bound", "line")
    shown.columns[-1].justify = "right"
    for one in report.outcomes:
        row = (_outcome(one.outcome), _rule(one), _metrics(one), clean(one.bound), one.line)
        add(shown, row)
    console.print(shown)
    for one in report.outcomes:
        if one.outcome != "PASS":
            _reason(one, console)


def _reason(outcome: RuleOutcome, console: Console) -> None:
    """Why a rule did not pass, in as much width as there is."""
    from rich.text import Text

    where = f"line {outcome.line}: " if outcome.line else ""
    line = Text(f"{outcome.outcome} ", _STYLES[outcome.outcome]).append(where, "dim")
    said = clean(outcome.message) or clean(outcome.rule)
    console.print(line.append(said, "not bold default"), soft_wrap=True)


def _outcome(outcome: str) -> Text:
    from rich.text import Text

    return Text(outcome, _STYLES[outcome])


def _rule(outcome: RuleOutcome) -> Text:
    """The rule as it is written, and below it what is to be known although it passed."""
    from rich.text import Text

    text = Text(clean(outcome.rule))
    if outcome.message and outcome.outcome == "PASS":
        text.append(f"\n{clean(outcome.message)}", "dim")
    return text


def _metrics(outcome: RuleOutcome) -> str:
    """`Completeness 0.98`: the last part of a metric's name says which it is."""
    return "\n".join(
        f"{name.rsplit('.', 1)[-1]} {_number(value)}" for name, value in outcome.metrics.items()
    )


def _number(value: float) -> str:
    return f"{value:.15g}" if value.is_integer() else f"{value:.6g}"


def _analyzers(report: QualityReport, console: Console) -> None:
    if not report.analyzers:
        return
    shown = table("analyzer", "metric")
    for outcome in report.analyzers:
        add(shown, (_rule(outcome), _metrics(outcome)))
    console.print(shown)


def _verdict(result: DataResult, console: Console) -> None:
    from rich.text import Text

    style = _STYLES[result.outcome]
    line = Text(f"{_MARKS[result.outcome]} ", style).append(clean(result.data), "bold")
    console.print(line.append(f": {_summary(result)}", "not bold default"), soft_wrap=True)
    if result.hint:
        console.print(clean(f"  hint: {result.hint}"), markup=False, soft_wrap=True)


def _summary(result: DataResult) -> str:
    report = result.report
    if report is None:
        return clean(result.reason)
    if not report.outcomes:
        return "the ruleset has analyzers only: nothing was judged"
    words = [f"{len(report.of('PASS'))} of {_counted(len(report.outcomes), 'rule')} passed"]
    if failed := len(report.of("FAIL")):
        words.append(f"{failed} failed")
    if broken := len(report.of("ERROR")):
        words.append(f"{broken} could not be evaluated")
    return f"{', '.join(words)} (score {_score(report.score)}, {_counted(report.rows, 'row')})"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _score(score: float) -> str:
    """Two digits, and never 1.00 for less."""
    return f"{score:.2f}" if score in (0, 1) else f"{min(max(score, 0.01), 0.99):.2f}"


def render_suggested_ruleset(suggested: SuggestedRuleset, console: Console) -> None:
    """The ruleset itself, character by character, so that it can be sent to a file."""
    if suggested.file is not None:
        console.print(
            clean(f"{suggested.file}: {_counted(len(suggested.proposal.suggestions), 'rule')}"),
            markup=False,
            soft_wrap=True,
        )
        return
    # A file gets the very text; on a screen, values of the data must not move the cursor.
    text = printable(suggested.text) if console.is_terminal else suggested.text
    console.file.write(text)


_ASKED: Final = {
    "meaning": "people may read it differently",
    "glue": "AWS Glue",
    "airflow": "Airflow's GlueDataQualityOperator",
    "catalog": "Glue's evaluation runs on catalog tables",
    "deequ": "Deequ, where it differs from AWS's documents",
}


def render_ruleset_lints(found: RulesetLints, console: Console) -> None:
    """Each target with what it takes differently, line by line; then one line that sums up."""
    from rich.text import Text

    for target in found.targets:
        lints = found.of(target)
        if lints:
            console.print(_ASKED[target], style="bold", markup=False)
        for one in lints:
            place = f"{one.line}:{one.column}" if one.line else "-"
            line = Text(f"  {place:>7}  ", "dim").append(clean(one.message), "default")
            if one.refused and target != "meaning":
                line.append(" (refused)", "bold red")
            console.print(line.append(f"  {one.code}", "dim"), soft_wrap=True)
            if one.hint:
                console.print(clean(f"           {one.hint}"), markup=False, soft_wrap=True)
        if lints:
            console.print()
    total = len(found.lints)
    mark, style = ("✗", "bold red") if found.exit_code else ("✓", "bold green")
    said = f"{_counted(total, 'difference')} in {_counted(found.rules, 'rule')}"
    said = said if total else f"{_counted(found.rules, 'rule')}, the same for all who were asked"
    console.print(Text(f"{mark} ", style).append(clean(f"{found.ruleset}: {said}"), "default"))


def render_rule_type_list(found: RuleTypeList, console: Console) -> None:
    """One line for each rule type."""
    from rich.text import Text

    shown = table("rule type", "arguments", "what it is about", "evaluated")
    for one in found.rule_types:
        here = Text(one.evaluated, "dim" if one.evaluated == "no" else "green")
        add(shown, (one.name, ", ".join(one.arguments), one.description, here))
    console.print(shown)
    console.print(
        "evaluated: by `mlops quality check`; a rule of a type that is not is ERROR\n"
        "`mlops quality explain ColumnValues` says more about one",
        style="dim",
        markup=False,
    )


def render_rule_explanation(explanation: RuleExplanation, console: Console) -> None:
    """What a rule checks, then its rule types."""
    for line in explanation.words:
        console.print(clean(line), markup=False, soft_wrap=True)
    if explanation.words:
        console.print()
    for position, kind in enumerate(explanation.types):
        if position:
            console.print()
        _type(kind, console)


def _type(kind: TypeExplanation, console: Console) -> None:
    console.print(kind.name, style="bold", markup=False)
    lines = [f"  {kind.description}", f"  written   {kind.form}"]
    lines += [f"  example   {kind.example}"] if kind.example else []
    lines += [f"  NULL      {kind.nulls}"] if kind.nulls else []
    lines += [f"  no rows   the example is {kind.no_rows}"]
    lines += [f"  note      {note}" for note in kind.notes]
    if kind.evaluated == "no":
        lines.append("  evaluated not by `mlops quality check`: the outcome is ERROR")
    for line in lines:
        console.print(clean(line), markup=False, soft_wrap=True)


_STATUSES: Final = {"same": "green", "differs": "yellow", "lost": "bold red"}


def render_exported_ruleset(exported: ExportedRuleset, console: Console) -> None:
    """The text itself; or, when it went to a file, what became of the rules."""
    from rich.text import Text

    export = exported.export
    if exported.file is None and export.text:
        console.file.write(printable(export.text) if console.is_terminal else export.text)
        return
    if export.losses:
        shown = table("", "rule", "line")
        shown.columns[-1].justify = "right"
        for one in export.losses:
            text = Text(clean(one.rule)).append(f"\n{clean('; '.join(one.reasons))}", "dim")
            add(shown, (Text(one.status, _STATUSES[one.status]), text, one.line))
        console.print(shown)
    for note in export.notes:
        console.print(clean(f"note: {note}"), style="dim", markup=False, soft_wrap=True)
    counts = ", ".join(f"{len(export.of(status))} {words}" for status, words in _COUNTED.items())
    where = exported.file if exported.file is not None else "nothing was written"
    console.print(clean(f"{where}: {counts}"), markup=False, soft_wrap=True)


_COUNTED: Final = {"same": "the same", "differs": "with a difference", "lost": "lost"}
