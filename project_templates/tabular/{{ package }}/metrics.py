"""How models are measured, and what a number has to reach; every place that scores uses these."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
from sklearn import metrics

from ._mlops.runtime.settings import Bound, Model


def _weighted(score: Callable[..., float]) -> Callable[[Any, Any], float]:
    """A score of each class, averaged by how many rows the class has."""
    return lambda actual, predicted: score(actual, predicted, average="weighted", zero_division=0)


def _balanced_accuracy(actual: Any, predicted: Any) -> float:
    """The mean of the recalls of the classes that are there; a slice may lack some of them."""
    classes = sorted(set(actual))
    return float(
        metrics.recall_score(actual, predicted, labels=classes, average="macro", zero_division=0)
    )


METRICS: dict[str, dict[str, Callable[[Any, Any], float]]] = {
    "classification": {
        "accuracy": metrics.accuracy_score,
        "precision": _weighted(metrics.precision_score),
        "recall": _weighted(metrics.recall_score),
        "f1_score": _weighted(metrics.f1_score),
        "balanced_accuracy": _balanced_accuracy,
    },
    "regression": {
        "r2": metrics.r2_score,
        "rmse": metrics.root_mean_squared_error,
        "mae": metrics.mean_absolute_error,
    },
}


def score(fitted: Any, rows: pd.DataFrame, model: Model, metric: str) -> float:
    """One metric of the task on `rows`."""
    predicted = fitted.predict(rows[list(model.features)])
    return float(METRICS[model.task][metric](rows[model.target], predicted))


def scored(fitted: Any, rows: pd.DataFrame, model: Model) -> dict[str, float]:
    """Every metric of the task on `rows`."""
    predicted = fitted.predict(rows[list(model.features)])
    return {
        name: float(metric(rows[model.target], predicted))
        for name, metric in METRICS[model.task].items()
    }


def misses(scores: dict[str, float], bounds: dict[str, Bound]) -> list[str]:
    """A sentence for each metric outside its bound."""
    return [
        f"{name} is {scores[name]:.6f}, outside {_range(bound)}"
        for name, bound in bounds.items()
        if not inside(scores[name], bound)
    ]


def inside(value: float, bound: Bound) -> bool:
    """Whether a value is in the range; a bound that is not there does not count."""
    above = bound.minimum is None or value >= bound.minimum
    return above and (bound.maximum is None or value <= bound.maximum)


def _range(bound: Bound) -> str:
    ends = {"at least": bound.minimum, "at most": bound.maximum}
    return " and ".join(f"{words} {end}" for words, end in ends.items() if end is not None)
