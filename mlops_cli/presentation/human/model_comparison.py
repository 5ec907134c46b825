"""Two versions of a model side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console
    from rich.text import Text

    from mlops_cli.models.compare import Difference, ModelComparison


def render_model_comparison(found: ModelComparison, console: Console) -> None:
    """A table for each kind of fact; the better number is green, what is alike is dim."""
    title = f"{found.model}: version {found.first} and version {found.second}"
    console.print(tables.clean(title), style="bold", markup=False)
    if found.same_data is False:
        console.print("  they learned from different data", style="dim")
    parts = (
        ("metric", found.metrics),
        ("slice", found.slices),
        ("partition", found.partitions),
        ("parameter", found.parameters),
        ("fact", found.facts),
    )
    for name, differences in parts:
        if differences:
            console.print(_table(name, differences, found))
    if found.page is not None:
        console.print(f"The page is {found.page}", markup=False, soft_wrap=True)


def _table(name: str, differences: Sequence[Difference], found: ModelComparison) -> object:
    shown = tables.table(name, f"version {found.first}", f"version {found.second}", "change")
    for one in differences:
        change = ""
        if isinstance(one.first, float) and isinstance(one.second, float):
            change = f"{one.second - one.first:+.4f}"
        row = (
            one.name,
            _cell(one.first, one, better=one.better == found.first),
            _cell(one.second, one, better=one.better == found.second),
            change,
        )
        tables.add(shown, row)
    return shown


def _cell(value: str | float | None, one: Difference, *, better: bool) -> Text:
    from rich.text import Text

    text = f"{value:.4f}" if isinstance(value, float) else tables.clean(value)
    style = "green" if better else "dim" if one.same else ""
    return Text(text, style)
