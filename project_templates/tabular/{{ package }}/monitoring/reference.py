"""What is compared: the rows a version was trained with, and those it predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from .._mlops.runtime.settings import Model
from .._mlops.runtime.steps import Refused, Run, local_path

MOST_ROWS = 1_000_000
NUMBERS = ("integer", "number")
# A date that has not been there before is not news.
UNWATCHED = ("date", "timestamp")


@dataclass(frozen=True)
class Reference:
    """The rows a version's predictions are compared with."""

    version: str
    rows: pd.DataFrame
    """Features and target, and `prediction` on rows the version has not learned from."""


@dataclass(frozen=True)
class Window:
    """The rows of one published partition."""

    partition: str
    rows: pd.DataFrame
    """The watched features, `prediction` and `model_version`."""
    size: int
    """How many rows were published; more than `MOST_ROWS` are sampled."""


def reference_of(run: Run, version: str) -> Reference:
    """The reference that was kept when a version was trained.

    Raises:
        Refused: It has none: it was registered before references were kept.
    """
    # Imported here: comparing needs no registry, and MLflow takes its time.
    import mlflow

    from ..registry import connect

    client = connect(run)
    found = client.get_model_version(run.settings.project, version)
    try:
        path = mlflow.artifacts.download_artifacts(f"runs:/{found.run_id}/reference.parquet")
    except (mlflow.MlflowException, OSError) as error:
        raise Refused(
            f"version {version} has no `reference.parquet`, so nothing can be compared with what "
            f"it has learned from; train and promote a new version ({error})"
        ) from error
    return Reference(version, pd.read_parquet(path))


def read_window(entry: Mapping[str, Any], model: Model) -> Window:
    """The rows of a published partition: its input beside its predictions.

    Raises:
        Refused: It was published before `features` of mlops.yaml named one of its columns.
    """
    path, columns = local_path(entry["input"]), list(watched(model))
    if missing := sorted(set(columns) - set(pq.read_schema(path).names)):
        raise Refused(f"the rows of partition {entry['partition']} have no column {missing[0]!r}")
    features = _read(path, columns)
    answers = _read(local_path(entry["predictions"]), ["prediction", "model_version"])
    size = pq.ParquetFile(local_path(entry["predictions"])).metadata.num_rows
    rows = pd.concat([features, answers], axis="columns")
    return Window(str(entry["partition"]), rows, size)


def watched(model: Model) -> dict[str, str]:
    """The features drift is looked for in, with their types."""
    return {name: kind for name, kind in model.features.items() if kind not in UNWATCHED}


def check(reference: Reference, window: Window, model: Model) -> None:
    """Let a reference through that is of the version which made the predictions.

    Raises:
        Refused: It is stale, or lacks a column.
    """
    made_by = sorted(map(str, window.rows["model_version"].unique()))
    if made_by != [reference.version]:
        raise Refused(
            f"stale reference: the predictions of partition {window.partition} were made by "
            f"version {', '.join(made_by)}, and the reference is of version {reference.version}"
        )
    missing = sorted({*watched(model), "prediction"} - set(reference.rows.columns))
    if missing:
        raise Refused(
            f"stale reference: version {reference.version}'s has no column {missing[0]!r}; train "
            "and promote a version with the features of mlops.yaml"
        )


def _read(path: Path, columns: list[str]) -> pd.DataFrame:
    """Columns of a Parquet file; of a very long one, evenly spread rows."""
    rows = pq.ParquetFile(path).metadata.num_rows
    if rows <= MOST_ROWS:
        # The same text a million times is one value to compare.
        table = pq.read_table(path, columns=columns, read_dictionary=["model_version"])
        return cast("pd.DataFrame", table.to_pandas())
    kept = []
    wanted = np.linspace(0, rows - 1, MOST_ROWS).astype("int64")
    start = 0
    for batch in pq.ParquetFile(path).iter_batches(columns=columns):
        inside = wanted[(wanted >= start) & (wanted < start + batch.num_rows)] - start
        kept.append(batch.take(inside).to_pandas())
        start += batch.num_rows
    return pd.concat(kept, ignore_index=True)
