"""The model families of each task: how one is built, and loaded without running its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import skops.io
from imblearn.over_sampling import RandomOverSampler
from imblearn.pipeline import Pipeline
from sklearn.base import BaseEstimator
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor

from .._mlops.runtime.settings import Model
from ..features import encoder

FAMILIES: dict[str, dict[str, Any]] = {
    "classification": {
        "logistic_regression": LogisticRegression,
        "random_forest": RandomForestClassifier,
        "gradient_boosting": GradientBoostingClassifier,
        "mlp": MLPClassifier,
    },
    "regression": {
        "ridge": Ridge,
        "random_forest": RandomForestRegressor,
        "gradient_boosting": GradientBoostingRegressor,
        "mlp": MLPRegressor,
    },
}
# What a family needs to converge on ordinary tables; `mlops.yaml` overrides it.
DEFAULTS: dict[str, dict[str, Any]] = {
    "logistic_regression": {"max_iter": 2000},
    "mlp": {"max_iter": 1000, "early_stopping": True},
}
SCALED = {"logistic_regression", "ridge", "mlp"}

# Types of our own model families that skops does not trust by itself. A file with any other
# type in it is refused when it is loaded.
TRUSTED = [
    "imblearn.over_sampling._random_over_sampler.RandomOverSampler",
    "imblearn.pipeline.Pipeline",
    "numpy.dtype",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
    "sklearn.tree._tree.Tree",
]


def build(model: Model, family: str, parameters: dict[str, Any], *, balance: str) -> Pipeline:
    """An unfitted model: encoding, resampling if asked, estimator."""
    estimator = FAMILIES[model.task][family]
    given = {**DEFAULTS.get(family, {}), **parameters}
    if "random_state" in estimator().get_params():
        given = {"random_state": model.training.random_state, **given}
    steps = [("encode", encoder(model, scale=family in SCALED))]
    if balance == "resample":
        # Inside the pipeline: only rows a fold learns from are ever repeated.
        steps.append(("resample", RandomOverSampler(random_state=model.training.random_state)))
    return Pipeline([*steps, ("model", estimator(**given))])


def load(path: Path) -> BaseEstimator:
    """A fitted model; nothing in the file is run.

    Raises:
        skops.io.exceptions.UntrustedTypesFoundException: It holds a type that is not ours.
    """
    return cast("BaseEstimator", skops.io.load(path, trusted=TRUSTED))
