"""The chart of ageing: the probability of performing accurately, by age, a line for each family.

It is drawn as SVG by hand: it stands alone, follows light and dark, and can be put into any page.
"""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 480, 330
LEFT, RIGHT, TOP, BOTTOM = 48, 14, 78, 44
LEGEND_COLUMNS, LEGEND_LINE = 2, 20
HALF = 0.5
STEPS = (1, 2, 5)
MOST_TICKS = 6
NAMES = {"mlp": "neural network"}
IN_SERVICE = "in service"
STYLE = """
.ageing { color-scheme: light dark; --ink: #1c2430; --soft: #5b6675; --line: #d8dee6;
  --a: #0b62a8; --b: #c2571a; --c: #17763b; --d: #9b3d8f; }
@media (prefers-color-scheme: dark) { .ageing { --ink: #e6eaf0; --soft: #9aa6b5; --line: #333d4a;
  --a: #6cb4f0; --b: #f0a060; --c: #58c27d; --d: #e08fd4; } }
.ageing text { font: 13px system-ui, sans-serif; fill: var(--soft); }
.ageing .name { fill: var(--ink); } .ageing .axis { stroke: var(--line); }
.ageing .half { stroke: var(--soft); stroke-dasharray: 2 4; }
.ageing polyline { fill: none; stroke-width: 2.2; } .ageing .service { stroke-dasharray: 7 4; }
"""


def draw(found: dict[str, Any]) -> str:
    """Draw what `age` found.

    Args:
        found: The content of `ageing.json`.

    Returns:
        The drawing as SVG.
    """
    lines = {
        NAMES.get(family, family.replace("_", " ")): points
        for family, points in found["families"].items()
        if points
    }
    if service := in_service(found):
        lines[IN_SERVICE] = service
    ages = [point["age_days"] for points in lines.values() for point in points]
    longest = max([*ages, 1])
    parts = [*_axes(longest, found["unit"])]
    for number, (name, points) in enumerate(lines.items()):
        colour = "var(--ink)" if name == IN_SERVICE else f"var(--{'abcd'[number % 4]})"
        parts += _line(name, points, colour, longest, number)
    what = f"Probability of performing accurately by age, in {found['unit']}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="ageing" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'role="img" aria-label="{escape(what)}"><style>{STYLE}</style>'
        + "".join(parts)
        + "</svg>\n"
    )


def in_service(found: dict[str, Any]) -> list[dict[str, Any]]:
    """At each age, the share of the real partitions on which the version then was accurate."""
    buckets: dict[int, list[bool]] = {}
    for entry in found["champion"]:
        accurate = entry["relative"] <= found["tolerance"]
        buckets.setdefault(entry["age_days"] // found["bucket"], []).append(accurate)
    return [
        {
            "age_days": bucket * found["bucket"],
            "probability": sum(accurate) / len(accurate),
            "simulations": len(accurate),
        }
        for bucket, accurate in sorted(buckets.items())
    ]


def _x(age: float, longest: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * age / longest


def _y(probability: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - probability)


def _axes(longest: int, unit: str) -> list[str]:
    drawn = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        kind = "half" if share == HALF else "axis"
        drawn.append(
            f'<line class="{kind}" x1="{LEFT}" x2="{WIDTH - RIGHT}" '
            f'y1="{_y(share):.1f}" y2="{_y(share):.1f}"/>'
            f'<text x="{LEFT - 8}" y="{_y(share) + 4:.1f}" text-anchor="end">{share:.0%}</text>'
        )
    step = _step(longest)
    drawn += [
        f'<text x="{_x(age, longest):.1f}" y="{HEIGHT - BOTTOM + 20}" '
        f'text-anchor="middle">{age}</text>'
        for age in range(0, longest + 1, step)
    ]
    drawn.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 4}" text-anchor="middle">'
        f"age of the model, {escape(unit)} in service</text>"
    )
    return drawn


def _step(longest: int) -> int:
    """The distance of round numbers of which few enough fit."""
    power = 1
    while True:
        for step in STEPS:
            if longest / (step * power) <= MOST_TICKS:
                return step * power
        power *= 10


def _line(
    name: str, points: list[dict[str, Any]], colour: str, longest: int, number: int
) -> list[str]:
    places = [(_x(point["age_days"], longest), _y(point["probability"]), point) for point in points]
    kind = ' class="service"' if name == IN_SERVICE else ""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places)
    row, column = divmod(number, LEGEND_COLUMNS)
    at, level = LEFT + column * (WIDTH - LEFT - RIGHT) // LEGEND_COLUMNS, 14 + row * LEGEND_LINE
    drawn = [
        f'<polyline{kind} stroke="{colour}" points="{path}"/>',
        f'<line x1="{at}" x2="{at + 16}" y1="{level}" y2="{level}" stroke="{colour}" '
        f'stroke-width="3"/><text class="name" x="{at + 22}" y="{level + 4}">{escape(name)}</text>',
    ]
    for x, y, point in places:
        said = f"age {point['age_days']}: {point['probability']:.0%} of {point['simulations']}"
        drawn.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}">'
            f"<title>{escape(name)}, {said}</title></circle>"
        )
    return drawn
