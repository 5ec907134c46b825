"""Which rows a model learns from, which it is judged on, and how its classes are balanced."""

from __future__ import annotations

import json

import pandas as pd
from sklearn.model_selection import train_test_split

from .._mlops.runtime.settings import Model
from .._mlops.runtime.steps import Run
from ..features import typed

# The rarest class has less than this share of what it would have if all were even.
UNEVEN = 0.5


def prepare(run: Run, *, data: str) -> str:
    """Split the rows into those the model learns from and those it is judged on.

    Args:
        run: The pipeline run.
        data: URI of the raw rows.

    Returns:
        URI of `train.parquet`; the held-out rows lie beside it in `test.parquet`.
    """
    model = run.settings.model
    rows = pd.read_parquet(data)
    rows = typed(rows.dropna(subset=[model.target]), model)
    stratify = rows[model.target] if model.split.stratify else None
    train, test = train_test_split(
        rows,
        test_size=model.split.test_size,
        random_state=model.split.random_state,
        stratify=stratify if model.task == "classification" else None,
    )
    train.to_parquet(run.path("train.parquet"))
    test.to_parquet(run.path("test.parquet"))
    chosen = balance(train[model.target], model)
    run.path("balance.json").write_text(json.dumps(chosen), encoding="utf-8")
    print(f"{len(train)} rows to learn from, {len(test)} held out, balance: {chosen}")
    return run.uri("train.parquet")


def balance(target: pd.Series, model: Model) -> str:
    """How classes are balanced: `none`, `class_weight` or `resample`; `auto` looks at the data."""
    if model.task == "regression":
        return "none"
    if model.balance != "auto":
        return model.balance
    shares = target.value_counts(normalize=True)
    return "class_weight" if shares.min() * len(shares) < UNEVEN else "none"
