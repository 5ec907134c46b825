"""Environments, and what the doctor finds in one, as a person reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from .tables import add, clean, duration, table

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_cli.checks.doctor import Diagnosis
    from mlops_cli.environments.listing import EnvironmentList, ShownEnvironment
    from mlops_cli.project.adding import AddedEnvironment

_MARKS: Final = {
    "passed": ("✓", "green"),
    "warning": ("!", "yellow"),
    "failed": ("✗", "bold red"),
    "skipped": ("·", "dim"),
}


def render_environment_list(found: EnvironmentList, console: Console) -> None:
    """One line each."""
    made = table("environment", "kind", "releases go to", "gates", "protected", "mode")
    for line in found.environments:
        mode = line.mode if line.mode != "normal" else ""
        protected = "yes" if line.protected else ""
        add(made, (line.name, line.kind, line.place, line.quality, protected, mode))
    console.print(made)


def render_shown_environment(shown: ShownEnvironment, console: Console) -> None:
    """Each setting, its value and who says so."""
    title = Text(clean(f"{shown.name} of {shown.project}"), "bold")
    console.print(title.append(clean(f"  {shown.file}"), "dim"), soft_wrap=True)
    if shown.deployed_as != shown.project:
        console.print(Text(clean(f"deployed as {shown.deployed_as}")), soft_wrap=True)
    made = table("setting", "value", "source")
    for value in shown.values:
        source = Text(clean(value.source), "dim" if value.source == "default" else "default")
        add(made, (value.key, value.value, source))
    console.print(made)
    for note in shown.notes:
        console.print(Text(clean(note), "yellow"), soft_wrap=True)


def render_added_environment(added: AddedEnvironment, console: Console) -> None:
    """What was written, and what to type next."""
    console.print(Text(clean(f"Written to {added.file}:{added.line}"), "bold"), soft_wrap=True)
    for line in added.text.splitlines():
        console.print(Text(f"  {clean(line)}"), soft_wrap=True)
    console.print(Text(f"\nNext: `mlops env check {clean(added.name)}`"), soft_wrap=True)


def render_diagnosis(diagnosis: Diagnosis, console: Console) -> None:
    """One line for each finding, what mends it below; then one line that sums up."""
    for found in diagnosis.findings:
        mark, style = _MARKS[found.status]
        line = Text(f"{mark} ", style).append(f"{clean(found.check):<12}", "dim")
        console.print(line.append(clean(found.summary), "default"), soft_wrap=True)
        if found.hint:
            console.print(Text(f"  {'':<12}hint: {clean(found.hint)}", "cyan"), soft_wrap=True)
    counts = [
        f"{sum(found.status == status for found in diagnosis.findings)} {status}"
        for status in _MARKS
    ]
    mark, style = _MARKS["failed" if diagnosis.exit_code else "passed"]
    name = f"{clean(diagnosis.project)} in {clean(diagnosis.environment)}"
    said = Text(f"{mark} ", style).append(f"{name}: {', '.join(counts)} ", "default")
    console.print(said.append(f"({duration(diagnosis.seconds)})", "dim"), soft_wrap=True)
