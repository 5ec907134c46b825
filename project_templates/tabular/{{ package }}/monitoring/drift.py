"""Whether rows still look like those a version has learned from, measured with Evidently."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._mlops.runtime.settings import Drift, Model
from .drift_methods import method_of, register
from .reference import NUMBERS, Reference, Window, check, watched

MISSING = "(missing)"


def measured(
    model: Model,
    options: Drift,
    reference: Reference,
    window: Window,
    *,
    page: Path | None = None,
) -> dict[str, Any]:
    """How far the window's features and predictions are from the reference.

    Args:
        model: What the columns are.
        options: Method and thresholds of `mlops.yaml`.
        reference: Of the version that made the predictions.
        window: The rows that were predicted.
        page: Where Evidently's own report goes, if anywhere.

    Returns:
        The `share` of features that drifted, `columns`, each with `method`, `score`, `threshold`
        and whether it `drifted`, and the same of the `prediction`.

    Raises:
        Refused: The reference is another version's, or has not all the columns.
    """
    check(reference, window, model)
    kinds = {**watched(model), "prediction": model.columns[model.target]}
    before, now = reference.rows, window.rows
    found = {name: _emptied(before[name], now[name]) for name in kinds}
    compared = [name for name, result in found.items() if result is None]
    found |= _compared({name: kinds[name] for name in compared}, options, before, now, page=page)
    prediction = found.pop("prediction")
    drifted = sum(result["drifted"] for result in found.values() if result)
    return {
        "share": round(drifted / len(found), 6) if found else 0.0,
        "columns": found,
        "prediction": prediction,
    }


def _emptied(before: pd.Series, now: pd.Series) -> dict[str, Any] | None:
    """The verdict on a column of which one side has no value at all; None where both have some."""
    sides = (before.notna().any(), now.notna().any())
    if all(sides):
        return None
    apart = any(sides)
    return {"method": "missing", "score": float(apart), "threshold": 1.0, "drifted": bool(apart)}


def _compared(
    kinds: dict[str, str],
    options: Drift,
    before: pd.DataFrame,
    now: pd.DataFrame,
    *,
    page: Path | None,
) -> dict[str, dict[str, Any]]:
    if not kinds:
        return {}
    # Imported here: it takes seconds, which only a measurement should wait for.
    from evidently import DataDefinition, Dataset, Report
    from evidently.metrics import ValueDrift

    register()
    numeric = [name for name, kind in kinds.items() if kind in NUMBERS]
    others = [name for name in kinds if name not in numeric]
    before, now = _as_types(before, numeric, others), _as_types(now, numeric, others)
    tests = {name: method_of(before[name], now[name], name in numeric, options) for name in kinds}
    definition = DataDefinition(numerical_columns=numeric, categorical_columns=others)
    report = Report(
        [
            ValueDrift(column=name, method=method, threshold=threshold)
            for name, (method, threshold) in tests.items()
        ],
        include_tests=True,
    )
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # of columns in which nothing varies
        snapshot = report.run(
            current_data=Dataset.from_pandas(now, definition),
            reference_data=Dataset.from_pandas(before, definition),
        )
    if page is not None:
        snapshot.save_html(str(page))
    answer = snapshot.dict()
    drifted = {
        test["metric_config"]["params"]["column"]: test["status"] == "FAIL"
        for test in answer["tests"]
    }
    return {
        metric["config"]["column"]: {
            "method": tests[metric["config"]["column"]][0],
            "score": float(metric["value"]),
            "threshold": metric["config"]["threshold"],
            "drifted": drifted[metric["config"]["column"]],
        }
        for metric in answer["metrics"]
    }


def _as_types(rows: pd.DataFrame, numeric: list[str], others: list[str]) -> pd.DataFrame:
    """Numbers as floats, all else as text, in which a missing value is a value like another."""
    changed = {}
    for name in numeric:
        if rows[name].dtype != "float64":
            changed[name] = pd.to_numeric(rows[name]).astype("float64")
    for name in others:
        # Rows without a prediction are those the version has learned from: not compared.
        text = _as_text(rows[name], None if name == "prediction" else MISSING)
        if text is not rows[name]:
            changed[name] = text
    return rows[[*numeric, *others]].assign(**changed)


def _as_text(column: pd.Series, missing: str | None) -> pd.Series:
    """A column of text; one that is text already is not made again, which takes time."""
    known = column.notna()
    if pd.api.types.infer_dtype(column, skipna=True) != "string":
        column = column.astype("object").where(~known, column.astype("str"))
    return column if known.all() or missing is None else column.where(known, missing)
