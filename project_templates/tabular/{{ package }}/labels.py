"""Labels that come later: what was published, joined with what turned out to be true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from . import data
from ._mlops import quality
from ._mlops.runtime.settings import Model
from ._mlops.runtime.steps import Refused, Run, local_path
from .features import typed
from .partitions import PARTITION, published

KINDS = (".csv", ".parquet")


def file_of(run: Run, partition: str) -> Path | None:
    """The file with a partition's labels; None as long as there is none."""
    named = run.settings.monitoring.labels
    if named is not None:
        path = run.root / local_path(named.replace("{partition}", partition))
        return path if path.is_file() else None
    found = (run.kept(f"labels/{partition}{kind}") for kind in KINDS)
    return next((path for path in found if path.is_file()), None)


def labelled(run: Run, *, last: int | None = None) -> pd.DataFrame:
    """Every labelled row of the published partitions, the earliest day first.

    Labels that do not fit are left out here, and named by `measure` on the partition's window.

    Args:
        run: The pipeline run.
        last: Only so many of the newest labelled partitions.

    Returns:
        The features, the target, and the columns `prediction`, `model_version`, `partition`; it
        is empty when no labels have come.
    """
    found: list[pd.DataFrame] = []
    for entry in reversed(published(run)):
        if last is not None and len(found) == last:
            break
        if (rows := fitting(run, entry)) is not None:
            found.append(rows)
    if not found:
        model = run.settings.model
        names = [*model.columns, "prediction", "model_version", PARTITION]
        return pd.DataFrame({name: [] for name in names})
    return pd.concat(found[::-1], ignore_index=True)


def fitting(run: Run, entry: dict[str, Any]) -> pd.DataFrame | None:
    """The labelled rows of one published partition; None where no label has come, or none fits.

    What does not fit is printed.
    """
    try:
        rows = joined(run, entry)
    except Refused as refusal:
        print(f"left out: {refusal}")
        return None
    return rows if rows is not None and len(rows) else None


def joined(run: Run, entry: dict[str, Any]) -> pd.DataFrame | None:
    """The labelled rows of one published partition; None as long as no labels have come.

    Rows are told by the columns of `model.key`; without a key, the first label is the first row's.

    Args:
        run: The pipeline run.
        entry: One of what is `published`.

    Raises:
        Refused: The labels cannot be read, name a row twice, or are not one for each row; or the
            rows lack a column that mlops.yaml names by now.
    """
    path, model, partition = file_of(run, entry[PARTITION]), run.settings.model, entry[PARTITION]
    if path is None:
        return None
    labels = read(path, model)
    rows = pd.read_parquet(local_path(entry["input"]))
    if missing := sorted({*model.key, *model.features} - set(rows.columns)):
        raise Refused(f"the rows of partition {partition} have no column {missing[0]!r}")
    predicted = pd.read_parquet(local_path(entry["predictions"]))
    rows = rows.assign(
        prediction=predicted["prediction"].to_numpy(),
        model_version=str(entry["version"]),
        **{PARTITION: partition},
    )
    if model.key:
        if labels.duplicated(model.key).any():
            raise Refused(f"{path}: more than one label for the same {', '.join(model.key)}")
        rows[model.key] = rows[model.key].astype("str")
        rows = rows.merge(labels, on=model.key, how="inner", validate="many_to_one")
    elif len(labels) == len(rows):
        rows[model.target] = labels[model.target].to_numpy()
    else:
        raise Refused(
            f"{path}: {len(labels)} labels for the {len(rows)} rows of partition {partition}; "
            "name the columns they are joined on in `model.key`"
        )
    rows = rows[rows[model.target].notna()].reset_index(drop=True)
    said = rows[["prediction", "model_version", PARTITION]]
    if model.task == "classification":
        said = said.astype({"prediction": "str"})
    return pd.concat([typed(rows, model), said], axis="columns")


def read(path: Path, model: Model) -> pd.DataFrame:
    """A file of labels: the key as text, and the target.

    Raises:
        Refused: It is not what it says it is, or a column is missing.
    """
    types = {model.target: model.columns[model.target]}
    if path.suffix != ".parquet":
        # Parquet says itself what type a key has; elsewhere `007` would become 7.
        types |= dict.fromkeys(model.key, "text")
    wanted = [*model.key, model.target]
    try:
        source = quality.open_source(str(path), types=types)
        if missing := sorted(set(wanted) - {column.name for column in source.columns}):
            raise Refused(f"labels: {path} has no column {missing[0]!r}")
        rows = data.read(source, wanted)
    except quality.DataReadError as error:
        raise Refused(f"labels: {error}") from error
    # Each value by itself: a missing one must not turn the class 1 into 1.0.
    as_text = {*model.key, *([model.target] if model.task == "classification" else [])}
    columns = {
        name: [value if value is None or name not in as_text else str(value) for value in values]
        for name, values in rows.to_pydict().items()
    }
    return pd.DataFrame(columns)
