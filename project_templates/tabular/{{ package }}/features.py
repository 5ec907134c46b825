"""What the model sees: rows that can be used, held-out rows, and how classes are balanced."""

from __future__ import annotations

import json
from typing import cast

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ._mlops.runtime.settings import ColumnType, Model
from ._mlops.runtime.steps import Run

# The rarest class has less than this share of what it would have if all were even.
UNEVEN = 0.5


# True and false are 1 and 0 to a model; what is missing is filled as in any number.
NUMERIC = ("integer", "number", "boolean")


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


def typed(rows: pd.DataFrame, model: Model) -> pd.DataFrame:
    """The columns the model knows, in its order, in types scikit-learn and MLflow agree on.

    Numbers become float64, so that a missing value later does not change a column's type.
    """
    types = _types(model.columns)
    if model.task == "classification":
        types[model.target] = "str"
    return cast("pd.DataFrame", rows[list(types)].astype(types))


def inputs(rows: pd.DataFrame, model: Model, names: list[str]) -> pd.DataFrame:
    """The columns a model asks for, in its order, in the types it has learned from."""
    types = _types(model.input_columns)
    return cast("pd.DataFrame", rows[names].astype({name: types[name] for name in names}))


def _types(columns: dict[str, ColumnType]) -> dict[str, str]:
    return {
        name: "float64" if kind in ("integer", "number") else "object"
        for name, kind in columns.items()
    }


def balance(target: pd.Series, model: Model) -> str:
    """How classes are balanced: `none`, `class_weight` or `resample`; `auto` looks at the data."""
    if model.task == "regression":
        return "none"
    if model.balance != "auto":
        return model.balance
    shares = target.value_counts(normalize=True)
    return "class_weight" if shares.min() * len(shares) < UNEVEN else "none"


def encoder(model: Model, *, scale: bool) -> ColumnTransformer:
    """Columns to numbers: missing values filled, categories one-hot, numbers scaled if asked.

    It is part of the fitted model, so that inference can never encode differently.
    """
    numbers = [name for name, kind in model.features.items() if kind in NUMERIC]
    others = [name for name in model.features if name not in numbers]
    filled = SimpleImputer(strategy="median")
    numeric = make_pipeline(filled, StandardScaler()) if scale else filled
    categories = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="(missing)"),
        OneHotEncoder(handle_unknown="ignore", min_frequency=5, sparse_output=False),
    )
    parts = [("numbers", numeric, numbers), ("categories", categories, others)]
    return ColumnTransformer([part for part in parts if part[2]])
