"""Which version served when, what happened to a version, and its card."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from . import tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from mlops_cli.models.card import ModelCard
    from mlops_cli.models.history import Entry, ModelHistory, Service

_NEWEST: Final = 20
# There is one for each batch, and for each window.
_OFTEN: Final = ("scored", "drift")


def render_model_history(found: ModelHistory, console: Console) -> None:
    """Who served when; without a moment, also the newest entries of the passport."""
    console.print(tables.clean(found.model), style="bold", markup=False)
    if found.broken is not None:
        console.print(
            f"✗ Entry {found.broken} of the passport does not follow the one before it: it, "
            "or one before it, was changed or taken out",
            style="bold red",
            markup=False,
            soft_wrap=True,
        )
        _line(console, f"  {found.passport}")
    if found.services:
        console.print(_services(found.services))
    else:
        when = f" at {found.at}" if found.at else ""
        _line(console, f"No version served{when}")
    if found.entries:
        _entries(found.entries, console)


def render_model_card(card: ModelCard, console: Console) -> None:
    """The card itself, or where it is."""
    if card.path is None:
        _line(console, card.text.rstrip("\n"))
    else:
        _line(console, f"{card.model} version {card.version}: {card.path}")


def _services(services: Sequence[Service]) -> object:
    shown = tables.table("version", "from (UTC)", "to (UTC)", "how", "by", "why", "release")
    for one in services:
        end = f"{one.until:%Y-%m-%d %H:%M:%S}" if one.until else "now"
        row = (
            one.version,
            f"{one.since:%Y-%m-%d %H:%M:%S}",
            end,
            one.event.replace("_", " "),
            one.by,
            one.reason,
            one.release,
        )
        tables.add(shown, row)
    return shown


def _entries(entries: Sequence[Entry], console: Console) -> None:
    rare = [entry for entry in entries if entry.event not in _OFTEN]
    counts = {event: sum(entry.event == event for entry in entries) for event in _OFTEN}
    told = [f"{count} {event}" for event, count in counts.items() if count]
    if len(rare) > _NEWEST:
        told.append(f"{len(rare) - _NEWEST} older")
    shown = tables.table("entry", "when (UTC)", "version", "what", "by", "why")
    for entry in rare[-_NEWEST:]:
        row = (
            entry.number,
            f"{entry.at:%Y-%m-%d %H:%M:%S}",
            entry.version,
            entry.event.replace("_", " "),
            entry.facts.get("by") or entry.run,
            entry.facts.get("reason"),
        )
        tables.add(shown, row)
    console.print(shown)
    if told:
        _line(console, f"  not shown: {', '.join(told)}; `--json` has them")


def _line(console: Console, text: str) -> None:
    lines = "\n".join(tables.clean(line) for line in text.split("\n"))
    console.print(lines, markup=False, highlight=False, soft_wrap=True)
