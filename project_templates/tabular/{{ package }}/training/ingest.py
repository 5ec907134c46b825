"""The rows that a training starts from."""

from __future__ import annotations

import hashlib
import json

import pyarrow.parquet as pq

from .._mlops import quality
from .._mlops.runtime.steps import Refused, Run, local_path
from ..data import read


def ingest(run: Run, *, source: str = "") -> str:
    """Read the training data strictly and keep it as Parquet with the types of `mlops.yaml`.

    Args:
        run: The pipeline run.
        source: URI of a CSV, JSON lines or Parquet file; by default `model.source`.

    Returns:
        URI of `raw.parquet`.

    Raises:
        Refused: The file is not what it says it is, or a column is missing.
    """
    source = source or run.settings.model.source
    path = run.root / local_path(source)
    columns = dict(run.settings.model.columns)
    try:
        rows = read(quality.open_source(path, types=columns), list(columns))
        pq.write_table(rows, run.path("raw.parquet"))
    except quality.DataReadError as error:
        raise Refused(str(error)) from error
    facts = {
        "source": source,
        "rows": rows.num_rows,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    run.path("source.json").write_text(json.dumps(facts), encoding="utf-8")
    print(f"{rows.num_rows} rows from {source}")
    return run.uri("raw.parquet")
