"""The numbers behind the page's charts: every point worked out here, so that the page only draws.

A chart is `WIDTH` by `HEIGHT` units wide; y grows downwards, as it does in SVG.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlops_cli.core.redact import printable, redact

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlops_cli.quality.distribution import Distribution

WIDTH, HEIGHT = 240.0, 48.0
_EDGE = 4.0
_WIDEST_BAR = 24.0
_FEWEST = 2
_TWO_DAYS = 2 * 86_400
_LARGEST, _SMALLEST, _NO_DECIMALS = 1e15, 1e-4, 1e3


@dataclass(frozen=True, slots=True)
class Point:
    """One earlier result on a line."""

    x: float
    y: float
    text: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Line:
    """A metric over time."""

    points: tuple[Point, ...]
    low: str
    high: str
    newest: str

    @property
    def path(self) -> str:
        """The points as SVG's `polyline` takes them."""
        return " ".join(f"{point.x:.1f},{point.y:.1f}" for point in self.points)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a distribution."""

    x: float
    y: float
    width: float
    height: float
    text: str


@dataclass(frozen=True, slots=True)
class Share:
    """One category."""

    label: str
    count: str
    percent: float
    """Of the most frequent one."""


@dataclass(frozen=True, slots=True)
class Bars:
    """A distribution: upright bars of what has an order, or a line for each category."""

    note: str
    bars: tuple[Bar, ...] = ()
    first: str = ""
    last: str = ""
    shares: tuple[Share, ...] = ()


def number(value: float) -> str:
    """Write a metric in few characters: four digits where there are decimals, whole ones whole."""
    if not math.isfinite(value) or abs(value) >= _LARGEST or 0 < abs(value) < _SMALLEST:
        return f"{value:.4g}"
    if float(value).is_integer() or abs(value) >= _NO_DECIMALS:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def line(
    values: Sequence[tuple[str, float, str]],
    *,
    ends: tuple[float, float] | None = None,
    write: Callable[[float], str] = number,
) -> Line | None:
    """Lay out a metric's values, oldest first.

    Args:
        values: When it was, the value, and the outcome.
        ends: The lowest and the highest value of the axis; by default those of the values.
        write: How a value is written.

    Returns:
        The line; None when there are fewer than two finite values.
    """
    finite = [one for one in values if math.isfinite(one[1])]
    if len(finite) < _FEWEST:
        return None
    low, high = ends or (min(one[1] for one in finite), max(one[1] for one in finite))
    step = (WIDTH - 2 * _EDGE) / (len(finite) - 1)
    room = HEIGHT - 2 * _EDGE
    points = tuple(
        Point(
            _EDGE + step * at,
            HEIGHT - _EDGE - room * _share(value, low, high),
            f"{when}: {write(value)}, {outcome}",
            outcome,
        )
        for at, (when, value, outcome) in enumerate(finite)
    )
    return Line(points, write(low), write(high), write(finite[-1][1]))


def _share(value: float, low: float, high: float) -> float:
    """Where a value lies between two; halved first, for their difference may be infinite."""
    return (value / 2 - low / 2) / (high / 2 - low / 2) if high / 2 > low / 2 else 0.5


def bars(found: Distribution) -> Bars:
    """Lay out a distribution."""
    words = [f"{found.empty:,} NULL"] if found.empty else []
    if found.others:
        words.append(f"{found.others:,} {'others' if found.labels else 'not finite'}")
    note = ", ".join(words)
    most = max(found.counts, default=0) or 1
    if found.labels:
        pairs = zip(found.labels, found.counts, strict=True)
        shares = (Share(shown(name), f"{count:,}", 100 * count / most) for name, count in pairs)
        return Bars(note, shares=tuple(shares))
    step = min((WIDTH - 2) / len(found.counts), _WIDEST_BAR)
    laid = []
    for at, count in enumerate(found.counts):
        # Something is seen of every bar that is not empty.
        height = max(1.5, (HEIGHT - 2) * count / most) if count else 0.0
        said = f"{_edge(found, at)} to {_edge(found, at + 1)}: {count:,}"
        laid.append(Bar(1 + step * at, HEIGHT - height, max(step - 1.5, 1.0), height, said))
    return Bars(note, tuple(laid), _edge(found, 0), _edge(found, -1))


def _edge(found: Distribution, at: int) -> str:
    if found.kind != "moments":
        return number(found.edges[at])
    moment = datetime.fromtimestamp(found.edges[at], UTC)
    days = found.edges[-1] - found.edges[0] > _TWO_DAYS
    return moment.strftime("%Y-%m-%d" if days else "%m-%d %H:%M")


def shown(value: object) -> str:
    """Write what a user or the data said: no secret, no character that moves a cursor."""
    return printable(redact(str(value)))
