"""The report of one training run: a page that opens anywhere, and the plots on it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment
from matplotlib.figure import Figure
from sklearn.inspection import permutation_importance
from sklearn.metrics import ConfusionMatrixDisplay

from .._mlops.runtime.settings import Model
from .._mlops.runtime.steps import Run

SHOWN = 15


def write(run: Run, fitted: Any, verdict: dict[str, Any], test: pd.DataFrame) -> list[Path]:
    """Draw the plots and write `report.html`; the paths of all of them."""
    model = run.settings.model
    actual, predicted = test[model.target], fitted.predict(test[list(model.features)])
    if model.task == "classification":
        plots = {"confusion_matrix": confusion_matrix(actual, predicted)}
    else:
        plots = {"residuals": residuals(actual, predicted)}
    plots["feature_importance"] = importance(fitted, test, model)
    written = []
    for name, figure in plots.items():
        path = run.path(f"{name}.png")
        figure.savefig(path, dpi=120)
        written.append(path)
    page = run.path("report.html")
    page.write_text(render(run, verdict, written, rows=len(test)), encoding="utf-8")
    return [*written, page]


def confusion_matrix(actual: Any, predicted: Any) -> Figure:
    """How often each class was taken for each other one."""
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    ConfusionMatrixDisplay.from_predictions(
        actual, predicted, ax=axes, cmap="Blues", xticks_rotation=45
    )
    return figure


def residuals(actual: Any, predicted: Any) -> Figure:
    """What was predicted against how far it was off."""
    figure = Figure(figsize=(6, 5), layout="constrained")
    axes = figure.subplots()
    axes.scatter(predicted, actual - predicted, s=12, alpha=0.6)
    axes.axhline(0, color="black", linewidth=1)
    axes.set(xlabel="predicted", ylabel="actual - predicted")
    return figure


def importance(fitted: Any, test: pd.DataFrame, model: Model) -> Figure:
    """How much worse the model gets on held-out rows when a column is shuffled."""
    features = test[list(model.features)]
    found = permutation_importance(
        fitted,
        features,
        test[model.target],
        n_repeats=5,
        max_samples=min(1000, len(test)),
        random_state=model.training.random_state,
    )
    ranked = sorted(zip(found.importances_mean, features.columns, strict=True))[-SHOWN:]
    figure = Figure(figsize=(6, 0.35 * len(ranked) + 1.2), layout="constrained")
    axes = figure.subplots()
    axes.barh([name for _, name in ranked], [value for value, _ in ranked])
    axes.set(xlabel="loss of score when the column is shuffled")
    return figure


def render(run: Run, verdict: dict[str, Any], plots: list[Path], *, rows: int) -> str:
    """The page, with its pictures in it."""
    verdicts = {name: run.path(f"quality/{name}.json") for name in run.settings.model.quality}
    gates = {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in verdicts.items()
        if path.exists()
    }
    template = (Path(__file__).parent / "report.html.j2").read_text(encoding="utf-8")
    page = Environment(autoescape=True).from_string(template)
    return page.render(
        run=run,
        verdict=verdict,
        gates=gates,
        rows=rows,
        source=json.loads(run.path("source.json").read_text(encoding="utf-8")),
        plots={path.stem: base64.b64encode(path.read_bytes()).decode() for path in plots},
    )
