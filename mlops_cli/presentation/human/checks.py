"""How a validation, an explanation and a test run look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_cli.core.diagnostics import Severity
from mlops_cli.presentation.errors import render_diagnostic

from .tables import clean, duration

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_cli.checks.registry import Explanation
    from mlops_cli.checks.report import CheckReport

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
