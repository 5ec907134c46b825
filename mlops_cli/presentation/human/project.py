"""How a new project and the list of templates look."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .tables import add, clean, table

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_cli.project.schema import JsonSchema
    from mlops_cli.templates import NewProject, TemplateList
    from mlops_cli.templates.dataset import Found

_MOST_FEATURES = 8


def render_new_project(result: NewProject, console: Console) -> None:
    """Where it is, what was seen in the data, what to know, what to type next."""
    _line(console, f"Created {result.path} ({len(result.files)} files)", "bold green")
    if result.found:
        _found(result.found, console)
    for warning in result.warnings:
        _line(console, f"note: {warning}", "yellow")
    console.print()
    _line(console, "Next:")
    for step in result.next_steps:
        _line(console, f"  {step}", "cyan")
    console.print()
    _line(console, "The same again:")
    _line(console, f"  {result.command}")


def _found(found: Found, console: Console) -> None:
    shown = ", ".join(found.features[:_MOST_FEATURES])
    more = len(found.features) - _MOST_FEATURES
    facts = {
        "Data": f"{found.data}: {found.rows} rows, {found.columns} columns",
        "Task": f"{found.task}: {found.reason}",
        "Features": f"{len(found.features)}: {shown}{f' and {more} more' if more > 0 else ''}",
        "Threshold": found.thresholds_reason,
    }
    for label, text in facts.items():
        _line(console, f"  {label:<10}{text}")


def render_template_list(result: TemplateList, console: Console) -> None:
    """One line for each template."""
    shown = table("Template", "What it is for")
    for template in result.templates:
        add(shown, (template.name, template.summary))
    console.print(shown)


def _line(console: Console, text: str, style: str = "") -> None:
    console.print(clean(text), style=style or None, markup=False, soft_wrap=True)


def render_json_schema(result: JsonSchema, console: Console) -> None:
    """Print the schema, ready to be a file."""
    import json

    console.out(json.dumps(result.document, indent=2), highlight=False)
