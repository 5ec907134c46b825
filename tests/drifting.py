"""Customers who leave, made from a seed: rows for a day, and what became of them.

Until the price reform a customer leaves who pays much, calls often and is bound by the month only.
With it all prices, calls and data volumes go up, and what is "much" goes up with them: a model of
before takes nearly everybody for one who leaves.
"""

from __future__ import annotations

import csv
import math
import random
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

KEY: Final = "customer_id"
TIME: Final = "day"
TARGET: Final = "churned"
FEATURES: Final = ("tenure_months", "monthly_charge", "support_calls", "data_gb", "contract")

Row = dict[str, str | int | float]


def customers(day: date, count: int, *, reformed: bool = False, seed: int = 0) -> list[Row]:
    """The rows of one day, each with its label; the same for the same arguments."""
    made = random.Random(f"{seed} {day} {reformed}")
    return [_customer(made, day, number, reformed=reformed) for number in range(count)]


def history(until: date, days: int, count: int, *, seed: int = 0) -> list[Row]:
    """The labelled rows of the days before `until`."""
    past = (until - timedelta(days=back) for back in range(days, 0, -1))
    return [row for day in past for row in customers(day, count, seed=seed)]


def write(path: Path, rows: Sequence[Mapping[str, object]], columns: Iterable[str]) -> Path:
    """Write these columns as CSV, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(columns), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return part.rename(path)


def _customer(made: random.Random, day: date, number: int, *, reformed: bool) -> Row:
    tenure = made.randint(1, 72)
    charge = made.gauss(50, 12) + (35 if reformed else 0)
    calls = min(int(made.expovariate(1 / 2.0)) + (3 if reformed else 0), 20)
    data_gb = made.gauss(20, 6) * (1.8 if reformed else 1)
    monthly = made.random() < 0.5
    # The same customers leave as before, when prices and calls are measured from the new level.
    level = (charge - (85 if reformed else 50)) / 6 + (calls - (5 if reformed else 2)) * 0.9
    leaning = level + (2.0 if monthly else -1.5) - (tenure - 24) / 16
    leaves = made.random() < 1 / (1 + math.exp(-2.5 * leaning))
    return {
        KEY: f"c{day:%Y%m%d}{number:04}",
        TIME: day.isoformat(),
        "tenure_months": tenure,
        "monthly_charge": round(charge, 2),
        "support_calls": calls,
        "data_gb": round(max(data_gb, 0.0), 2),
        "contract": "monthly" if monthly else "yearly",
        TARGET: "yes" if leaves else "no",
    }
