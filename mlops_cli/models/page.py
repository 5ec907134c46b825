"""Two versions side by side as one page that needs no network."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.redact import printable, redact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .compare import Difference, ModelComparison

_TEMPLATE: Final = Path(__file__).with_name("comparison.html.j2")


@dataclass(frozen=True, slots=True)
class Bar:
    """One version's number."""

    version: int
    text: str
    percent: float
    """Of the largest number of its chart; nothing is drawn of what is missing or negative."""
    better: bool


@dataclass(frozen=True, slots=True)
class Pair:
    """Both versions' numbers of one thing."""

    name: str
    bars: tuple[Bar, ...]
    change: str
    """From the first to the second."""


def comparison_page(found: ModelComparison) -> str:
    """Write the page; all of what it shows is in it, and what the registry says stays text."""
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["shown"] = _shown
    template = environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
    charts = [
        # Metrics have scales of their own; what is one metric many times has one.
        ("Metrics", [pair for one in found.metrics for pair in _pairs(found, [one])]),
        ("By slice", _pairs(found, found.slices)),
        ("By partition of the backtest", _pairs(found, found.partitions)),
    ]
    tables = [("Parameters", found.parameters), ("What is known of them", found.facts)]
    return template.render(
        found=found,
        charts=[(title, pairs) for title, pairs in charts if pairs],
        tables=[(title, rows) for title, rows in tables if rows],
    )


def _pairs(found: ModelComparison, differences: Iterable[Difference]) -> list[Pair]:
    numbers = [
        (one, [value if isinstance(value, float | int) else None for value in _values(one)])
        for one in differences
    ]
    known = [value for _, pair in numbers for value in pair if value is not None]
    largest = max([0.0, *known]) or 1.0
    versions = (found.first, found.second)
    return [
        Pair(
            name=_shown(one.name),
            bars=tuple(
                Bar(
                    version,
                    "–" if value is None else f"{value:.4f}",
                    0.0 if value is None else 100 * max(value, 0.0) / largest,
                    one.better == version,
                )
                for version, value in zip(versions, pair, strict=True)
            ),
            change=_change(*pair),
        )
        for one, pair in numbers
    ]


def _values(one: Difference) -> tuple[str | float | None, str | float | None]:
    return one.first, one.second


def _change(first: float | None, second: float | None) -> str:
    return "" if first is None or second is None else f"{second - first:+.4f}"


def _shown(value: object) -> str:
    return "" if value is None else printable(redact(str(value)))
