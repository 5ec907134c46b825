"""One candidate: built, cross-validated, fitted, saved and loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import pandas as pd
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
from sklearn.metrics import make_scorer
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.class_weight import compute_sample_weight

from ._mlops.runtime.settings import Model
from ._mlops.runtime.steps import Run, local_path
from .features import encoder
from .metrics import METRICS

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


def fit(
    run: Run, *, data: str, name: str, family: str, parameters: dict[str, Any], score: bool
) -> dict[str, Any]:
    """Fit one candidate on the training rows.

    Args:
        run: The pipeline run.
        data: URI of the training rows.
        name: What the candidate's file is called.
        family: One of `FAMILIES`.
        parameters: Of the family's estimator.
        score: Also cross-validate on the training rows.

    Returns:
        `name`, `family`, `parameters`, the mean `score` over the folds (None when not asked for)
        and the URI of the fitted `model`.
    """
    model = run.settings.model
    rows = pd.read_parquet(data)
    features, target = rows[list(model.features)], rows[model.target]
    balance = json.loads((local_path(data).parent / "balance.json").read_text(encoding="utf-8"))
    pipeline = build(model, family, parameters, balance=balance)
    weights = compute_sample_weight("balanced", target) if balance == "class_weight" else None
    fitting = {} if weights is None else {"model__sample_weight": weights}
    mean = cross_validated(pipeline, features, target, model, fitting) if score else None
    pipeline.fit(features, target, **fitting)
    skops.io.dump(pipeline, run.path(f"candidates/{name}.skops"))
    print(f"{name}: {parameters} {model.training.select_by}={mean}")
    return {
        "name": name,
        "family": family,
        "parameters": parameters,
        "score": mean,
        "model": run.uri(f"candidates/{name}.skops"),
    }


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


def cross_validated(
    pipeline: Pipeline,
    features: pd.DataFrame,
    target: pd.Series,
    model: Model,
    fitting: dict[str, Any],
) -> float:
    """The mean of `training.select_by` over the folds of the training rows."""
    kind = StratifiedKFold if model.task == "classification" else KFold
    folds = kind(model.training.folds, shuffle=True, random_state=model.training.random_state)
    metric = METRICS[model.task][model.training.select_by]
    scores = cross_val_score(
        pipeline,
        features,
        target,
        scoring=make_scorer(metric),
        cv=folds,
        params=fitting,
        error_score="raise",
    )
    return float(scores.mean())


def load(path: Path) -> BaseEstimator:
    """A fitted model; nothing in the file is run.

    Raises:
        skops.io.exceptions.UntrustedTypesFoundException: It holds a type that is not ours.
    """
    return cast("BaseEstimator", skops.io.load(path, trusted=TRUSTED))
