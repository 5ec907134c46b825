"""How good the predictions were, once it is known what was true."""

from __future__ import annotations

import warnings

import pandas as pd

from .._mlops.runtime.settings import Bound, Settings
from ..metrics import METRICS, misses


def bounds(settings: Settings) -> dict[str, Bound]:
    """Metric to the range it has to stay in: `monitoring.performance`, else what training asks."""
    return settings.monitoring.performance or settings.model.evaluation.thresholds


def achieved(rows: pd.DataFrame, settings: Settings) -> dict[str, float]:
    """Every metric of the task on labelled rows, from the predictions that were published.

    Args:
        rows: They have the target and the `prediction`.
        settings: Of the project.
    """
    model = settings.model
    kind = "str" if model.task == "classification" else "float64"
    actual, predicted = (rows[name].astype(kind) for name in (model.target, "prediction"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that no row of a small window has
        return {
            name: float(metric(actual, predicted)) for name, metric in METRICS[model.task].items()
        }


def too_low(scores: dict[str, float], settings: Settings) -> list[str]:
    """A sentence for each metric outside its bound."""
    return misses(scores, bounds(settings))
