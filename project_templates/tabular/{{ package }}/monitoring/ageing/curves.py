"""The error by age: of the simulated models, and of the versions that really served."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from ..._mlops.runtime.settings import Model
from ...partitions import PARTITION
from .past import Past
from .simulation import error, smallest

FEWEST = 5
"""An age that fewer simulated models reached says nothing."""
HALF = 0.5
"""A model is to be trained again when it is accurate less often than this."""


def curve(found: dict[int, list[float]], width: int, tolerance: float) -> list[dict[str, Any]]:
    """One line of the chart: at each age, how often a model is still accurate, and its error.

    A model is accurate while its relative error is at most `tolerance`; the probability is the
    share of the simulated models that are. Ages that few of them reached are left out.
    """
    points = []
    for bucket, errors in sorted(found.items()):
        if len(errors) < FEWEST:
            continue
        low, middle, high = np.quantile(errors, [0.25, 0.5, 0.75])
        points.append(
            {
                "age_days": bucket * width,
                "probability": float(np.mean(np.array(errors) <= tolerance)),
                "median": float(middle),
                "q25": float(low),
                "q75": float(high),
                "simulations": len(errors),
            }
        )
    return points


def first_below(points: list[dict[str, Any]]) -> int | None:
    """The first age at which a model is more often not accurate than accurate."""
    return next((point["age_days"] for point in points if point["probability"] < HALF), None)


def realised(rows: pd.DataFrame, past: Past, model: Model) -> list[dict[str, Any]]:
    """The error of the versions that really were in service, partition by partition.

    The age counts from the first labelled partition that a version predicted, and the error is
    relative to that of its first bucket.
    """
    number = dict(
        zip((part[PARTITION].iloc[0] for part in past.partitions), past.days, strict=True)
    )
    found: list[dict[str, Any]] = []
    for version, served in rows.groupby("model_version", sort=False):
        ages = served[PARTITION].map(number) - number[served[PARTITION].iloc[0]]
        first = served[ages < past.width]
        floor = smallest(first[model.target], model)
        start = error(first[model.target], first["prediction"], model)
        for (days, name), part in served.groupby([ages.rename("age"), PARTITION], sort=False):
            now = error(part[model.target], part["prediction"], model)
            if math.isfinite(now) and math.isfinite(start):
                found.append(
                    {
                        "age_days": int(days),
                        "error": now,
                        "relative": max(now, floor) / max(start, floor),
                        "version": str(version),
                        "partition": str(name),
                        "rows": len(part),
                    }
                )
    return found
