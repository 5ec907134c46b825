"""Charts as inline SVG: they need no library to be looked at, and take the page's colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd
from markupsafe import Markup, escape

WIDTH, HEIGHT = 340, 170
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 10, 22
BINS = 24
VALUES = 8


@dataclass(frozen=True)
class Line:
    """One line of a chart over windows."""

    name: str
    values: Sequence[float | None]
    broke: Sequence[bool] = ()
    """Which points are drawn as a warning."""


@dataclass(frozen=True)
class Axis:
    """From where to where a chart goes, and what is marked on the way."""

    labels: Sequence[str]
    """What each point is called."""
    low: float | None = None
    high: float | None = None
    limits: dict[str, float] = field(default_factory=dict)
    """Named horizontal lines."""
    turns: dict[int, str] = field(default_factory=dict)
    """Point to what begins there, such as a version."""


def over_windows(title: str, lines: Sequence[Line], axis: Axis) -> Markup:
    """A line a measure, a point a window; the points that broke stand out."""
    shown = [value for line in lines for value in line.values if value is not None]
    low, high = _range([*shown, *axis.limits.values()], axis)
    step = (WIDTH - LEFT - RIGHT) / max(len(axis.labels) - 1, 1)

    def at(number: int, value: float) -> tuple[float, float]:
        share = (value - low) / (high - low)
        across = LEFT + (number * step if len(axis.labels) > 1 else (WIDTH - LEFT - RIGHT) / 2)
        return round(across, 1), round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    parts = [_grid(low, high)]
    for number, name in axis.turns.items():
        across = at(number, low)[0]
        parts.append(
            f'<line class="turn" x1="{across}" x2="{across}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
            f'<text x="{across + 3}" y="{TOP + 8}">{escape(name)}</text>'
        )
    for name, value in axis.limits.items():
        height = at(0, value)[1]
        parts.append(
            f'<line class="limit" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height}" y2="{height}"/>'
            f'<text x="{LEFT + 3}" y="{height - 3}">{escape(name)}</text>'
        )
    for kind, line in enumerate(lines):
        parts += _line(line, kind, at, axis.labels)
    if axis.labels:
        parts.append(f'<text x="{LEFT}" y="{HEIGHT - 6}">{escape(axis.labels[0])}</text>')
    if len(axis.labels) > 1:
        last = escape(axis.labels[-1])
        parts.append(f'<text class="end" x="{WIDTH - RIGHT}" y="{HEIGHT - 6}">{last}</text>')
    return _svg(title, parts)


def distributions(title: str, before: pd.Series, now: pd.Series, *, numeric: bool) -> Markup:
    """The shares of values in the reference and in the window, on one scale."""
    if numeric:
        first, second, labels = _histograms(before, now)
    else:
        first, second, labels = _shares(before, now)
    top = max([*first, *second, 1e-9])
    room = (WIDTH - LEFT - RIGHT) / len(first)
    parts = [_grid(0.0, top * 100, unit=" %")]
    for kind, shares in enumerate((first, second)):
        for number, share in enumerate(shares):
            tall = share / top * (HEIGHT - TOP - BOTTOM)
            wide = room - 1 if numeric else room * 0.38
            across = LEFT + number * room + (0.5 if numeric else room * (0.1 + 0.4 * kind))
            parts.append(
                f'<rect class="bar{kind}" x="{across:.1f}" y="{HEIGHT - BOTTOM - tall:.1f}" '
                f'width="{max(wide, 1):.1f}" height="{tall:.1f}"/>'
            )
    for place, label in labels:
        across = LEFT + place * room
        side = "end" if place >= len(first) else "mid" if not numeric else ""
        parts.append(
            f'<text class="{side}" x="{across:.1f}" y="{HEIGHT - 6}">{escape(label)}</text>'
        )
    return _svg(title, parts)


def _line(line: Line, kind: int, at: Any, labels: Sequence[str]) -> list[str]:
    parts, path, joined = [], [], False
    for number, value in enumerate(line.values):
        if value is None or not isfinite(value):
            joined = False
            continue
        across, height = at(number, value)
        path.append(f"{'L' if joined else 'M'}{across},{height}")
        joined = True
        warned = number < len(line.broke) and line.broke[number]
        said = escape(f"{labels[number]}: {line.name} {value:.4g}")
        parts.append(
            f'<circle class="{"broke" if warned else f"dot{kind}"}" cx="{across}" cy="{height}" '
            f'r="{4 if warned else 2.2}"><title>{said}</title></circle>'
        )
    return [f'<path class="line{kind}" d="{" ".join(path)}"/>', *parts] if path else []


def _grid(low: float, high: float, unit: str = "") -> str:
    parts = []
    for share in (0.0, 0.5, 1.0):
        height = HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)
        value = low + share * (high - low)
        parts.append(
            f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{height}" y2="{height}"/>'
            f'<text class="end" x="{LEFT - 4}" y="{height + 3.5}">{_short(value, unit)}</text>'
        )
    return "".join(parts)


def _svg(title: str, parts: Sequence[str]) -> Markup:
    # All that came from data was escaped above; numbers and our own names are the rest.
    return Markup(  # noqa: S704
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def _range(values: Sequence[float], axis: Axis) -> tuple[float, float]:
    low = axis.low if axis.low is not None else min(values, default=0.0)
    high = axis.high if axis.high is not None else max(values, default=1.0)
    if axis.low is None and values:
        low -= (high - low) * 0.1
    if axis.high is None and values:
        above = high + (high - low) * 0.1
        high = min(above, 1.0) if high <= 1 else above  # most metrics end at 1
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _histograms(
    before: pd.Series, now: pd.Series
) -> tuple[list[float], list[float], list[tuple[float, str]]]:
    sides = [pd.to_numeric(side).to_numpy("float64") for side in (before, now)]
    sides = [side[np.isfinite(side)] for side in sides]
    together = np.concatenate(sides)
    if not len(together):
        return [0.0], [0.0], []
    # A few values far away must not squeeze all others into one bar.
    low, high = np.quantile(together, [0.005, 0.995])
    edges = np.histogram_bin_edges(together, BINS, (low, high if high > low else low + 1))
    shares = [
        (np.histogram(np.clip(side, edges[0], edges[-1]), edges)[0] / max(len(side), 1)).tolist()
        for side in sides
    ]
    labels = [(0.0, _short(float(edges[0]))), (float(BINS), _short(float(edges[-1])))]
    return shares[0], shares[1], labels


def _shares(
    before: pd.Series, now: pd.Series
) -> tuple[list[float], list[float], list[tuple[float, str]]]:
    sides = [side.astype("str").value_counts(normalize=True) for side in (before, now)]
    table = pd.DataFrame({"before": sides[0], "now": sides[1]}).fillna(0)
    table = table.loc[table.max(axis="columns").sort_values(ascending=False).index]
    shown = table.head(VALUES)
    if len(table) > VALUES:
        shown = pd.concat([shown.head(VALUES - 1), table[VALUES - 1 :].sum().to_frame("others").T])
    if shown.empty:
        return [0.0], [0.0], []
    room = max(4, 44 // len(shown))
    labels = [
        (number + 0.5, str(name) if len(str(name)) <= room else f"{str(name)[: room - 1]}…")
        for number, name in enumerate(shown.index)
    ]
    return shown["before"].tolist(), shown["now"].tolist(), labels


def _short(value: float, unit: str = "") -> str:
    if unit:
        return f"{value:.0f}{unit}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:,.0f}"
