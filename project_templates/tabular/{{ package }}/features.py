"""What a model sees of a row: its columns, their types, and how they become numbers."""

from __future__ import annotations

from typing import cast

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ._mlops.runtime.settings import ColumnType, Model

# True and false are 1 and 0 to a model; what is missing is filled as in any number.
NUMERIC = ("integer", "number", "boolean")


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
