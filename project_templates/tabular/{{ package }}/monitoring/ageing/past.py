"""The labelled partitions that ageing is simulated on, and how they are cut."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any, cast

import pandas as pd

from ..._mlops.runtime.steps import Run
from ...labels import file_of, fitting
from ...partitions import PARTITION, day, published

BUCKETS = 12
"""At most so many points has a line of the chart."""
MOST_PARTITIONS = 400
MOST_ROWS = 2000
"""So many rows are taken of a partition, of the first day, and of each age."""


@dataclass(frozen=True)
class Ages:
    """How the days of the partitions are counted."""

    days: list[int]
    """One number a partition, the first is 0."""
    unit: str
    """`days`, or `partitions` where those are not named after days."""


@dataclass(frozen=True)
class Past:
    """The labelled partitions, the earliest first."""

    partitions: list[pd.DataFrame]
    days: list[int]
    unit: str
    window: int
    """So many partitions before its first day a model learns from."""
    width: int
    """Ages are looked at in buckets of so many days."""


def known_labels(run: Run) -> tuple[list[dict[str, Any]], str]:
    """The newest partitions with a file of labels, and a digest that tells whether any is new."""
    found, facts = [], []
    for entry in published(run):
        if path := file_of(run, entry[PARTITION]):
            known = path.stat()
            found.append(entry)
            facts.append((entry["predictions"], str(path), known.st_size, known.st_mtime_ns))
    digest = hashlib.sha256(json.dumps(facts[-MOST_PARTITIONS:]).encode()).hexdigest()
    return found[-MOST_PARTITIONS:], digest


def past_rows(run: Run, entries: list[dict[str, Any]]) -> pd.DataFrame:
    """The labelled rows of these partitions, the same few of each whenever it is asked."""
    found = []
    for entry in entries:
        if (rows := fitting(run, entry)) is not None:
            found.append(rows.sample(min(len(rows), MOST_ROWS), random_state=0).sort_index())
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame({PARTITION: []})


def ages_of(partitions: list[str]) -> Ages:
    """How far each partition is from the first: in days, if all of them are days."""
    days = [day(name) for name in partitions]
    known = [one.toordinal() for one in days if one is not None]
    if len(known) < len(partitions):
        return Ages(list(range(len(partitions))), "partitions")
    return Ages([one - known[0] for one in known], "days")


def past_of(rows: pd.DataFrame, names: list[str], ages: Ages, run: Run) -> Past:
    """The partitions one by one, and how they are cut: windows to learn from, ages to look at."""
    retrain = run.settings.monitoring.retrain
    window = max(2, min(retrain.train_on, len(names) // 3))
    horizon = ages.days[-1] - ages.days[window]
    parts = dict(iter(rows.groupby(PARTITION, sort=False)))
    return Past(
        partitions=[cast("pd.DataFrame", parts[name]) for name in names],
        days=ages.days,
        unit=ages.unit,
        window=window,
        width=max(1, math.ceil((horizon + 1) / BUCKETS)),
    )
