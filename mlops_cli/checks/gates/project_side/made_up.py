"""Rows for a project whose data is somewhere else: right in their types, made up in the rest."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd  # type: ignore[import-untyped, unused-ignore]

if TYPE_CHECKING:
    from .stage import Stage

_ROWS: Final = 400
_CLASSES: Final[dict[str, list[Any]]] = {
    "integer": [0, 1],
    "boolean": [False, True],
    "number": [0.0, 1.0],
}


def ingest(stage: Stage, run: Any) -> str:  # noqa: ANN401 -- the project's own type
    """Write made-up rows where the step `ingest` leaves real ones.

    The target follows from the features, with some noise: a model can learn it.

    Returns:
        URI of `raw.parquet`.
    """
    model, random = stage.model, np.random.default_rng(0)
    rows = pd.DataFrame({name: _column(kind, random) for name, kind in model.features.items()})
    signal = sum(
        column.astype("float64") if pd.api.types.is_numeric_dtype(column)
        else pd.Series(pd.factorize(column, sort=True)[0] - 1.0)
        for _, column in rows.items()
    )  # fmt: skip
    signal = (signal - signal.mean()) / signal.std() + random.normal(scale=0.1, size=_ROWS)
    kind = model.columns[model.target]
    if model.task == "regression":
        rows[model.target] = signal.round().astype("int64") if kind == "integer" else signal
    else:
        low, high = _CLASSES.get(kind, ["no", "yes"])
        rows[model.target] = [high if one > 0 else low for one in signal]
    rows.to_parquet(run.path("raw.parquet"))
    facts = {"source": "made up", "rows": _ROWS, "sha256": "0" * 64}
    run.path("source.json").write_text(json.dumps(facts), encoding="utf-8")
    return str(run.uri("raw.parquet"))


def _column(kind: str, random: Any) -> Any:  # noqa: ANN401 -- any type
    if kind == "integer":
        return random.integers(0, 100, _ROWS)
    if kind == "number":
        return random.normal(size=_ROWS).round(6)
    if kind == "boolean":
        return random.integers(0, 2, _ROWS).astype(bool)
    if kind in ("date", "timestamp"):
        return pd.Timestamp("2026-01-01") + pd.to_timedelta(random.integers(0, 365, _ROWS), "D")
    return random.choice(["a", "b", "c"], _ROWS)
