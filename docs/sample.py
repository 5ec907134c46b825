"""A shop's orders, and what they are compared with: the data on which the page's examples run."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
ROWS = 200
COUNTRIES = ("DE", "FR", "IT", "ES")
HEADER = "id,month,age,income,country,email,phone,total,currency,vat_number,updated_at,left"


def write(folder: Path) -> tuple[Path, dict[str, Path]]:
    """Write the data, and the data sets beside it.

    Returns:
        The table, and the others by the names that rules give them.
    """
    dice = random.Random(7)  # noqa: S311 -- made-up data, the same each time
    lines, reference = [HEADER], [HEADER]
    for number in range(ROWS):
        country = COUNTRIES[number % 4]
        income = "" if number % 40 == 0 else f"{dice.uniform(1e4, 9e4):.2f}"
        total = f"{dice.uniform(5, 500):.2f}"
        updated = (NOW - timedelta(hours=dice.randint(1, 20))).strftime("%Y-%m-%d %H:%M:%S")
        vat, left = f"DE{number:09}" if country == "DE" else "", "yes" if number % 5 else "no"
        row = (
            f"{number},{number % 12 + 1},{dice.randint(18, 80)},{income},{country},"
            f"u{number}@example.org,{f'+49 {number:06}' if number % 3 else ''},{total},EUR,"
            f"{vat},{updated},{left}"
        )
        lines.append(row)
        # Two orders of the reference are not the same any more.
        reference.append(row.replace(f",{country},", ",XX,") if number < 2 else row)
    files = {
        "orders": lines,
        "reference": reference,
        "countries": ["code", *COUNTRIES],
        "empty": [HEADER],
    }
    paths = {name: folder / f"{name}.csv" for name in files}
    for name, content in files.items():
        paths[name].write_text("\n".join(content) + "\n", encoding="utf-8")
    return paths["orders"], {name: paths[name] for name in ("reference", "countries")}
