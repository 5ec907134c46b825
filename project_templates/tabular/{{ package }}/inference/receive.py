"""New rows come in, or those of before once more."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

from .._mlops.runtime.steps import Run
from . import batches
from .rows import Rows, schema_of, written


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
            starts one run for all the news that came meanwhile.

    Returns:
        URI of `input.parquet`: the key, the time and the features, nothing else.

    Raises:
        Refused: A file is not what it says it is, or a column is missing.
        Skipped: There are no rows to predict.
    """
    wanted, new = batches.wanted(run, asked or [{"input": input, "partition": partition}])
    schema, taken, start = schema_of(run.settings.model), [], 0
    with written(run.path("input.parquet"), schema) as writer:
        for batch in wanted:
            rows = Rows(run, batch)
            for part in rows.read():
                writer.write_batch(part.cast(schema))
            taken.append(replace(batch, start=start, rows=rows.rows))
            start += rows.rows
            print(f"{rows.rows} rows from {batch.source}")
    facts = {"rows": start, "batches": [asdict(batch) for batch in taken]}
    run.path("received.json").write_text(json.dumps(facts), encoding="utf-8")
    if new:
        batches.remember(run, taken)
    return run.uri("input.parquet")
