"""The numbers behind the report's charts, in hundredths of a chart's width and height.

The charts stretch to the room they get, and their texts stand beside them in HTML: so they can be
read on a phone. y grows downwards, as it does in SVG.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mlops_cli.checks.quality.page.charts import number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FULL: Final = 100.0
_EDGE: Final = 3.0
_FEWEST: Final = 2
_NARROWEST: Final = 2.5


@dataclass(frozen=True, slots=True)
class Value:
    """One measurement."""

    when: str
    """A day or a moment, as ISO 8601 has it."""
    value: float
    broke: bool | None
    """None where nothing was asked of it."""
    text: str
    """What is said of it when it is pointed at."""
    version: str = ""
    """Of the model that was in service."""


@dataclass(frozen=True, slots=True)
class Change:
    """Where another version came into service."""

    x: float
    text: str


@dataclass(frozen=True, slots=True)
class Dot:
    """One measurement on a chart."""

    x: float
    y: float
    broke: bool | None
    text: str


@dataclass(frozen=True, slots=True)
class Bound:
    """A line that a metric should stay on one side of."""

    y: float
    text: str


@dataclass(frozen=True, slots=True)
class TimeChart:
    """A metric over time."""

    title: str
    dots: tuple[Dot, ...]
    bounds: tuple[Bound, ...]
    changes: tuple[Change, ...]
    low: str
    high: str
    first: str
    last: str
    newest: str

    @property
    def path(self) -> str:
        """The dots as SVG's `polyline` takes them."""
        return " ".join(f"{dot.x:.2f},{dot.y:.2f}" for dot in self.dots)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time on a bar."""

    label: str
    text: str
    weight: float
    """How much of the bar's width it takes, relative to the others."""
    tone: int
    """Neighbours differ."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One window of a row of cells."""

    x: float
    width: float
    kind: str
    """`drifted`, `calm` or `unknown`."""
    text: str


def over_time(
    title: str,
    values: Sequence[Value],
    *,
    bounds: Sequence[tuple[float, str]] = (),
    ends: tuple[float, float] | None = None,
    write: Callable[[float], str] = number,
) -> TimeChart | None:
    """Lay out measurements, the oldest first.

    Args:
        title: What is measured.
        values: The measurements.
        bounds: Where a line stands, and what it is.
        ends: The lowest and the highest value of the axis; by default those of what is drawn.
        write: How a value is written.

    Returns:
        The chart; None when there is nothing finite to draw.
    """
    finite = [one for one in values if math.isfinite(one.value)]
    if not finite:
        return None
    every = [one.value for one in finite] + [value for value, _ in bounds]
    low, high = ends or (min(every), max(every))
    if low == high:
        low, high = low - 0.5, high + 0.5
    places = _places([one.when for one in finite])
    dots = tuple(
        Dot(x, _level(one.value, low, high), one.broke, one.text)
        for x, one in zip(places, finite, strict=True)
    )
    return TimeChart(
        title,
        dots,
        tuple(Bound(_level(value, low, high), text) for value, text in bounds),
        _changes(finite, places),
        write(low),
        write(high),
        day(finite[0].when),
        day(finite[-1].when),
        write(finite[-1].value),
    )


def _changes(values: Sequence[Value], places: Sequence[float]) -> tuple[Change, ...]:
    return tuple(
        Change((places[at - 1] + places[at]) / 2, f"version {values[at].version}")
        for at in range(1, len(values))
        if values[at].version != values[at - 1].version
    )


def _level(value: float, low: float, high: float) -> float:
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    return FULL - _EDGE - (FULL - 2 * _EDGE) * share


def _places(moments: Sequence[str]) -> list[float]:
    """Where each moment stands: by time, or one after the other where times are equal."""
    times = [seconds(moment) for moment in moments]
    spread = times[-1] - times[0]
    if spread <= 0 or len(set(times)) < len(times):
        spread, times = float(max(len(times) - 1, 1)), [float(at) for at in range(len(times))]
    return [
        FULL / 2 if len(times) < _FEWEST else _EDGE + (FULL - 2 * _EDGE) * (at - times[0]) / spread
        for at in times
    ]


def spans(parts: Sequence[tuple[str, str, float]]) -> tuple[Span, ...]:
    """Lay out stretches of time by label, text and length; also the shortest can be seen."""
    whole = sum(length for _, _, length in parts) or 1.0
    return tuple(
        Span(label, text, max(FULL * length / whole, _NARROWEST), at % 2)
        for at, (label, text, length) in enumerate(parts)
    )


def cells(parts: Sequence[tuple[str, str]]) -> tuple[Cell, ...]:
    """Lay out a row of cells by kind and text."""
    width = FULL / max(len(parts), 1)
    return tuple(Cell(at * width, width * 0.9, kind, text) for at, (kind, text) in enumerate(parts))


def seconds(moment: str) -> float:
    """A moment as seconds; what has no time zone is UTC."""
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return 0.0
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def day(moment: str) -> str:
    """A moment as it stands under an axis."""
    return moment[:16].replace("T", " ")
