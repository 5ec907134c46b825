"""The champion predicts new rows, a batch at a time."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .._mlops.runtime import journal
from .._mlops.runtime.settings import Model
from .._mlops.runtime.steps import Run, Skipped, local_path
from ..features import inputs
from ..partitions import PUBLISHED
from .rows import BATCH_ROWS, written
from .serving import Serving, champion


def predict(run: Run, *, data: str) -> str:
    """Let the champion predict, some rows at a time.

    Args:
        run: The pipeline run.
        data: URI of the rows, as `receive` leaves them.

    Returns:
        URI of `predictions.parquet`: the key and the time of each row, its `prediction`,
        `model_version` and `run_id`, in the order of the rows.

    Raises:
        Refused: The model's files are not those that were registered, or the rows do not have the
            columns it was trained on.
        Skipped: There is no champion yet.
    """
    serving = champion(run)
    if serving is None:
        later = "the rows that came last" if journal.entries(run.kept(PUBLISHED)) else "these rows"
        raise Skipped(f"there is no champion yet: {later} are predicted when there is one")
    model, rows = run.settings.model, 0
    # Buffered ahead, all of the file would come to lie in memory.
    with pq.ParquetFile(local_path(data), pre_buffer=False) as file:
        serving.check_columns(file.schema_arrow)
        schema = _schema(model, file.schema_arrow)
        with written(run.path("predictions.parquet"), schema) as writer:
            for batch in file.iter_batches(BATCH_ROWS):
                writer.write_batch(_predicted(run, serving, batch, schema))
                rows += batch.num_rows
    print(f"{rows} rows predicted by {run.settings.project} version {serving.version}")
    return run.uri("predictions.parquet")


def _schema(model: Model, read: pa.Schema) -> pa.Schema:
    kept = [field for field in read if field.name in (*model.key, model.time)]
    kinds = {"integer": pa.int64(), "number": pa.float64(), "boolean": pa.bool_()}
    prediction = kinds.get(model.columns[model.target], pa.string())
    added = {"prediction": prediction, "model_version": pa.string(), "run_id": pa.string()}
    return pa.schema([*kept, *added.items()])


def _predicted(
    run: Run, serving: Serving, batch: pa.RecordBatch, schema: pa.Schema
) -> pa.RecordBatch:
    said = serving.model.predict(inputs(batch.to_pandas(), run.settings.model, serving.columns))
    values = pa.array(said, from_pandas=True)
    wanted = schema.field("prediction").type
    if pa.types.is_string(values.type) and pa.types.is_integer(wanted):
        values = pc.cast(values, pa.float64())  # a class may read "1.0" where some had no label
    columns = {
        "prediction": pc.cast(values, wanted),
        "model_version": pa.repeat(pa.scalar(serving.version), batch.num_rows),
        "run_id": pa.repeat(pa.scalar(run.id), batch.num_rows),
    }
    kept = [columns[name] if name in columns else batch.column(name) for name in schema.names]
    return pa.record_batch(kept, schema=schema)
