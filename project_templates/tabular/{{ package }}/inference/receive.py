"""New rows come in, or those of before once more."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import pyarrow.parquet as pq

from .._mlops.runtime.steps import Refused, Run
from . import batches
from .batches import Batch
from .rows import Rows, schema_of, spooled, written


def receive(
    run: Run,
    *,
    input: str = "",
    partition: str = "",
    asked: list[dict[str, str]] | None = None,
) -> str:
    """Read new rows strictly, or those of before once more.

    Args:
        run: The pipeline run.
        input: URI of a CSV, JSON lines or Parquet file; by default the rows that came last.
        partition: What their predictions are published as; alone, the rows of that partition
            are taken again.
        asked: Several at once, each an `input` and a `partition`, in place of these two: Airflow
            starts one run for all the news that came meanwhile. One that is refused does not
            stop the others.

    Returns:
        URI of `input.parquet`: the key, the time and the features, nothing else.

    Raises:
        Refused: Every batch is refused: its file is not what it says it is, a column is missing,
            or its partition cannot be called so.
        Skipped: There are no rows to predict.
    """
    wanted, new = batches.wanted(run, asked or [{"input": input, "partition": partition}])
    schema, start = schema_of(run.settings.model), 0
    # A batch that is refused near its end must leave no rows among those of the others.
    spool = run.path("batch.parquet") if len(wanted) > 1 else None
    taken: list[Batch] = []
    refused: dict[Batch, str] = {}
    with written(run.path("input.parquet"), schema) as writer:
        for batch in wanted:
            try:
                rows = Rows(run, batch)
                _append(writer, rows, spool)
            except Refused as refusal:
                refused[batch] = str(refusal)
                print(f"REFUSED {refusal}")
                continue
            taken.append(replace(batch, start=start, rows=rows.rows))
            start += rows.rows
            print(f"{rows.rows} rows from {batch.source}")
        if not taken:
            raise Refused("\n".join(refused.values()))
    facts = {"rows": start, "batches": [asdict(batch) for batch in taken]}
    run.path("received.json").write_text(json.dumps(facts), encoding="utf-8")
    if new:
        batches.remember(run, taken, refused)
    return run.uri("input.parquet")


def _append(writer: pq.ParquetWriter, rows: Rows, spool: Path | None) -> None:
    """Write the rows of a batch; by way of a file, all of them or none."""
    parts = (part.cast(writer.schema) for part in rows.read())
    for part in parts if spool is None else spooled(parts, spool, writer.schema):
        writer.write_batch(part)
