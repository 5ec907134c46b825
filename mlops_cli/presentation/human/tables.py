"""Tables and durations as every area shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_cli.core.redact import printable, redact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.table import Table


def table(*columns: str, title: str | None = None) -> Table:
    """An empty table in the house's style."""
    from rich import box
    from rich.table import Table

    made = Table(
        box=box.SIMPLE_HEAD,
        title=title,
        title_justify="left",
        pad_edge=False,
        padding=(0, 1, 0, 0),
    )
    for column in columns:
        made.add_column(column, overflow="fold")
    return made


def add(made: Table, cells: Iterable[object]) -> None:
    """Add a row; text from elsewhere is escaped, nothing in it is markup."""
    from rich.text import Text

    made.add_row(*(cell if isinstance(cell, Text) else Text(clean(cell)) for cell in cells))


def clean(value: object) -> str:
    """A value as text that is safe on a terminal."""
    return printable(redact("" if value is None else str(value)))


def duration(seconds: float | None) -> str:
    """Seconds as a person says them: `4.2 s`, `3 min 07 s`."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
