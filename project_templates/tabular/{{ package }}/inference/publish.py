"""Predictions become what others read: a folder a partition and run, never changed again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from .._mlops.runtime import journal, passport
from .._mlops.runtime.keeping import keep, sha256, write_whole
from .._mlops.runtime.steps import Run, Skipped, local_path
from ..partitions import PUBLISHED
from .partitioning import FILES, Part, Split


def publish(run: Run, *, predictions: str) -> dict[str, Any]:
    """Publish what passed its gate: by day where rows have one, else as one partition.

    What was published before stays where it is; `current.json` of a partition names the newest.
    Tried again, it publishes nothing twice.

    Args:
        run: The pipeline run.
        predictions: URI of the predictions; the rows lie beside them in `input.parquet`.

    Returns:
        `partitions`, `version` and `rows`, the metadata of the asset `predictions`.

    Raises:
        Skipped: There is nothing to publish.
    """
    version = _version(local_path(predictions))
    split = Split(run)
    for part in split.parts:
        place = run.kept(f"predictions/{part.partition}/{run.slug}")
        _announce(run, part, version, keep(place, partial(split.write, part)))
        print(f"{part.rows} rows of partition {part.partition}, version {version}")
    return {
        "partitions": [part.partition for part in split.parts],
        "version": version,
        "rows": sum(part.rows for part in split.parts),
    }


def _version(predictions: Path) -> str:
    with pq.ParquetFile(predictions, pre_buffer=False) as file:
        for batch in file.iter_batches(1, columns=["model_version"]):
            return str(batch.column(0)[0].as_py())
    raise Skipped("there are no predictions to publish")


def _announce(run: Run, part: Part, version: str, folder: Path) -> None:
    """Journal a partition, name it as the current one, and write it into the version's passport."""
    rows, predictions = (folder / name for name in FILES)
    entry = {
        "partition": part.partition,
        "run": run.id,
        "version": version,
        "rows": part.rows,
        "predictions": predictions.as_uri(),
        "input": rows.as_uri(),
        "sha256": sha256(predictions),
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }

    def name_newest(known: list[dict[str, Any]]) -> None:
        # In the journal's lock: of two runs that publish at once, the later entry stays.
        newest = [one for one in known if one["partition"] == part.partition][-1]
        current = run.kept(f"predictions/{part.partition}/current.json")
        write_whole(current, json.dumps(newest, indent=1) + "\n")

    journal.append_once(run.kept(PUBLISHED), entry, "partition", "run", "predictions")
    journal.append_if(run.kept(PUBLISHED), name_newest)
    scored = {"partition": part.partition, "rows": part.rows, "input_sha256": sha256(rows)}
    passport.record_once(run, "scored", version=version, per=scored, **scored)
