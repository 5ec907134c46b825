"""How a proof of gates looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .tables import add, clean, duration, table

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_cli.checks.gates.report import GateProof, GatesReport

_STYLES: Final = {"caught": "green", "not proven": "yellow", "off": "dim"}
_WORDS: Final = 200


def render_gates_report(report: GatesReport, console: Console) -> None:
    """A line a defect, then what got past, what is off, and one line that sums up."""
    from rich.text import Text

    made = table("outcome", "gate", "rule", "defect")
    for proof in report.proofs:
        shown = Text(proof.outcome, _STYLES.get(proof.outcome, "bold red"))
        add(made, (shown, proof.gate, proof.about, proof.defect))
    console.print(made)
    for outcome in ("off", "not proven"):
        _list(console, [proof for proof in report.proofs if proof.outcome == outcome])
    _list(console, [proof for proof in report.proofs if proof.failed])
    _summary(report, console)


def _list(console: Console, proofs: list[GateProof]) -> None:
    for proof in proofs:
        style = _STYLES.get(proof.outcome, "bold red")
        console.print(
            f"[{style}]{proof.outcome}[/] {_escaped(f'gate `{proof.gate}`, {proof.about}')}"
            f"{_escaped(f' ({proof.defect})' if proof.defect != '–' else '')}"
            f": {_escaped(proof.said.replace(chr(10), ' ')[:_WORDS])}",
            highlight=False,
            soft_wrap=True,
        )


def _summary(report: GatesReport, console: Console) -> None:
    if report.rows is None:
        console.print(
            "note: the training data is not on this machine: the rows were made up", style="dim"
        )
    if report.engine != "local":
        said = f"note: `{report.environment}` has its gates run by {report.engine}"
        console.print(f"{said}; the rulesets were tried with the local engine", style="dim")
    words = [f"{count} {outcome}" for outcome, count in report.counts.items() if count]
    mark, style = ("✗", "bold red") if report.exit_code else ("✓", "bold green")
    told = f"gates of {clean(report.project)}: {', '.join(words) or 'nothing was tried'}"
    console.print(
        f"[{style}]{mark}[/] {_escaped(told)} [dim]({duration(report.seconds)})[/]",
        highlight=False,
        soft_wrap=True,
    )
    if report.open_gates:
        names = ", ".join(f"`{name}`" for name in report.open_gates)
        console.print(f"  what must be stopped gets past: {names}", markup=False, soft_wrap=True)
    if report.kept:
        console.print(f"  its files are in {report.kept}", markup=False, soft_wrap=True)


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(clean(text))
