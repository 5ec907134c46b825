"""Tables of one distribution each, drawn again and again: what a fresh file of the same kind is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

# Without a time zone, as data files hold it.
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC).replace(tzinfo=None)


def plain(rows: int, seed: int) -> pa.Table:
    dice = np.random.default_rng(seed)
    codes = dice.integers(0, 26, (rows, 2))
    return pa.table(
        {
            "order_id": np.arange(seed * 10**7, seed * 10**7 + rows),
            "age": dice.integers(18, 91, rows),
            "balance": dice.normal(0, 1000, rows),
            "discount_pct": (dice.random(rows) * 100).round(1),
            "visits": dice.poisson(2, rows),
            "plan": dice.choice(["basic", "plus", "pro"], rows, p=[0.6, 0.3, 0.1]),
            "sku": [
                f"{chr(65 + one)}{chr(65 + other)}-{number:04d}"
                for (one, other), number in zip(codes, dice.integers(0, 10**4, rows), strict=True)
            ],
            "email": [f"user{seed}.{number}@example.org" for number in range(rows)],
            "income": pa.array(dice.gamma(5, 8000, rows), mask=dice.random(rows) < 0.04),
            "created_at": [NOW - timedelta(minutes=int(back)) for back in range(rows)],
            "left": dice.choice(["no", "yes"], rows, p=[0.93, 0.07]),
        }
    )


def skewed(rows: int, seed: int) -> pa.Table:
    dice = np.random.default_rng(seed)
    return pa.table(
        {
            "price": dice.lognormal(3, 1, rows),
            "wealth": dice.pareto(1.2, rows),
            "wait": dice.exponential(30, rows),
            "error": dice.standard_t(2, rows),
            "refund": np.where(dice.random(rows) < 0.9, 0, dice.gamma(2, 20, rows)),
            "left": dice.choice(["no", "yes"], rows, p=[0.98, 0.02]),
        }
    )


def rare(rows: int, seed: int) -> pa.Table:
    dice = np.random.default_rng(seed)
    shares = 1 / np.arange(1, 16) ** 2.5
    names = [f"kind {letter}" for letter in "abcdefghijklmno"]
    return pa.table(
        {
            "kind": dice.choice(names, rows, p=shares / shares.sum()),
            "state": dice.choice(["ok", "late", "lost"], rows, p=[0.97, 0.029, 0.001]),
            "sparse": pa.array(dice.normal(0, 1, rows), mask=dice.random(rows) < 0.97),
            "holes": pa.array(dice.normal(0, 1, rows), mask=dice.random(rows) < 0.01),
            "left": dice.choice(["a", "b", "c"], rows, p=[0.9, 0.09, 0.01]),
        }
    )


def drifting(rows: int, seed: int) -> pa.Table:
    dice = np.random.default_rng(seed)
    time = np.linspace(0, 1, rows)
    return pa.table(
        {
            "trend": dice.normal(0, 1, rows) + 3 * time,
            "meter": np.cumsum(dice.exponential(1, rows)),
            "season": np.sin(time * 6) + dice.normal(0, 0.1, rows),
            "widening": dice.normal(0, 1, rows) * (1 + 3 * time),
            "newer": np.where(dice.random(rows) < time**2, "new", "old"),
            "left": np.where(dice.random(rows) < 0.05 + 0.1 * time, "yes", "no"),
        }
    )


KINDS = {"plain": plain, "skewed": skewed, "rare": rare, "drifting": drifting}
