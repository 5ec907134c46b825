"""How a validation, an explanation and a test run look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_cli.core.diagnostics import Severity
from mlops_cli.presentation.errors import render_diagnostic

from .tables import clean, duration

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_cli.checks.project_tests import TestsResult
    from mlops_cli.checks.prove import TestReport
    from mlops_cli.checks.registry import Explanation
    from mlops_cli.checks.report import CheckReport
    from mlops_cli.checks.trial import PipelineResult

_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def render_check_report(report: CheckReport, console: Console) -> None:
    """Findings, errors first and file by file; then one line that sums up."""
    for item in sorted(
        report.diagnostics,
        key=lambda item: (
            _ORDER[item.severity],
            str(item.at.path if item.at else ""),
            (item.at.line if item.at else None) or 0,
            item.code,
        ),
    ):
        render_diagnostic(item, console)
        console.print()
    for reason in dict.fromkeys(item.reason for item in report.skipped):
        codes = [item.code for item in report.skipped if item.reason == reason]
        shown = codes[0] if len(codes) == 1 else f"{codes[0]} … {codes[-1]} ({len(codes)})"
        console.print(f"skipped {shown}: {clean(reason)}", style="dim", soft_wrap=True)
    _summary(report, console)


def _summary(report: CheckReport, console: Console) -> None:
    count = [
        f"{len(report.checks_run)} checks",
        _number(report.errors, "error"),
        _number(report.warnings, "warning"),
    ]
    if report.skipped:
        count.append(f"{len(report.skipped)} skipped")
    took = duration(report.seconds) + (", nothing changed" if report.cached else "")
    mark, style = ("✗", "bold red") if report.exit_code else ("✓", "bold green")
    name = f"{clean(report.project)} for {clean(report.environment)}"
    console.print(f"[{style}]{mark}[/] {name}: {', '.join(count)} [dim]({took})[/]", soft_wrap=True)
    if report.diagnostics:
        code = report.diagnostics[0].code
        console.print(f"  `mlops validate --explain {code}` says what a code means", style="dim")


def _number(count: int, word: str) -> str:
    return f"{count or 'no'} {word}{'' if count == 1 else 's'}"


def render_explanation(explanation: Explanation, console: Console) -> None:
    """A check's documentation."""
    console.print(f"{explanation.code} {explanation.title}", style="bold", markup=False)
    console.print()
    body = explanation.text.split("\n", 1)[1:] or [""]
    console.print(body[0].strip(), markup=False, highlight=False, soft_wrap=True)
    console.print()
    words = [explanation.severity, f"{explanation.stage} stage"]
    if explanation.requires:
        words.append(f"needs {', '.join(explanation.requires)}")
    console.print(" · ".join(words), style="dim")


def render_test_report(report: TestReport, console: Console) -> None:
    """Both parts, each in a line, with what failed and the end of its output."""
    _tests(report.tests, console)
    if report.pipeline is not None:
        _pipeline(report.pipeline, console)
    elif report.exit_code:
        console.print("[dim]The pipeline was not run: the tests come first[/]")
    if report.exit_code == 0:
        console.print(f"  everything passed in {duration(report.seconds)}", style="dim")


_OUTCOMES = {
    "none": "no test was run: nothing to test is not a success",
    "timeout": "they took too long and were killed",
    "broken": "pytest could not run them",
}


def _tests(tests: TestsResult, console: Console) -> None:
    counts = [f"{tests.passed} passed"]
    counts += [f"{tests.failed} failed"] if tests.failed else []
    counts += [f"{tests.skipped} skipped"] if tests.skipped else []
    text = _OUTCOMES.get(tests.outcome, ", ".join(counts))
    _verdict(console, f"tests: {text}", tests.seconds, passed=tests.outcome == "passed")
    for name in tests.failures:
        console.print(f"  {clean(name)}", markup=False, soft_wrap=True)
    _tail(tests.tail, console)


def _pipeline(run: PipelineResult, console: Console) -> None:
    rows = ""
    if run.rows is not None:
        rows = f" on {run.rows} rows" if run.rows == run.of_rows else (
            f" on a sample of {run.rows} of {run.of_rows} rows"
        )  # fmt: skip
    _verdict(console, f"{run.dag_id}: {run.state}{rows}", run.seconds, passed=run.passed)
    for text in (*run.notes, *run.reasons):
        console.print(f"  {clean(text)}", markup=False, soft_wrap=True)
    if not run.passed:
        for task in run.tasks:
            if task.state not in {"success", "upstream_failed", "skipped"}:
                console.print(f"  task {clean(task.task)}: {clean(task.state)}", markup=False)
    if not run.reasons:
        _tail(run.tail, console)
    if run.kept:
        console.print(f"  its files are in {run.kept}", markup=False, soft_wrap=True)


def _verdict(console: Console, text: str, seconds: float, *, passed: bool) -> None:
    mark, style = ("✓", "bold green") if passed else ("✗", "bold red")
    console.print(f"[{style}]{mark}[/] {clean(text)} [dim]({duration(seconds)})[/]", soft_wrap=True)


def _tail(text: str, console: Console) -> None:
    for line in text.splitlines():
        console.print(f"  | {clean(line)}", markup=False, highlight=False, soft_wrap=True)
