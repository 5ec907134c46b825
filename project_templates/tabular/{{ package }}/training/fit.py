"""One candidate is fitted, and cross-validated where there is a choice."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import skops.io
from imblearn.pipeline import Pipeline
from sklearn.metrics import make_scorer
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.utils.class_weight import compute_sample_weight

from .._mlops.runtime.settings import Model
from .._mlops.runtime.steps import Run, local_path
from ..metrics import METRICS
from .families import build


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
