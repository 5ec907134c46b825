"""The rows of a batch, read strictly and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from .._mlops import quality
from .._mlops.runtime.settings import Model
from .._mlops.runtime.steps import Refused, Run, local_path
from ..data import quoted
from .batches import Batch

# Rows that are held in memory at a time; an encoded row can be a hundred times as wide.
BATCH_ROWS = 50_000
SQL = {
    "integer": "BIGINT",
    "number": "DOUBLE",
    "text": "VARCHAR",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
}


class Rows:
    """The rows of a batch, with the columns and types that `mlops.yaml` names."""

    def __init__(self, run: Run, batch: Batch) -> None:
        """Open the file.

        Raises:
            Refused: It is not what it says it is, a column is missing, or its partition cannot be
                called so.
        """
        batch.check_partition()
        self.batch, self.model = batch, run.settings.model
        try:
            self.source = _opened(_place(run, batch.source), self.model)
        except quality.DataReadError as error:
            raise Refused(str(error)) from error
        self._check_columns()
        self._check_days()

    @property
    def rows(self) -> int:
        """How many there are."""
        left: int = self.source.rows - self.batch.start
        return left if self.batch.rows is None else min(left, self.batch.rows)

    def read(self) -> Iterator[pa.RecordBatch]:
        """Read them in order, some at a time.

        Raises:
            Refused: The file is broken inside, or a value does not fit its column's type.
        """
        selected = ", ".join(
            f"CAST({quoted(name)} AS {SQL[kind]}) AS {quoted(name)}"
            for name, kind in self.model.input_columns.items()
        )
        query = f"SELECT {selected} FROM {self._part}"  # noqa: S608 -- quoted names
        try:
            with closing(self.source.scan()) as connection:
                yield from connection.sql(query).to_arrow_reader(BATCH_ROWS)
            self.source.check_unchanged()
        except (duckdb.Error, pa.ArrowException, OSError, quality.DataReadError) as error:
            raise Refused(f"{self.batch.source}: {error}") from error

    @property
    def _part(self) -> str:
        return f"(SELECT * FROM data LIMIT {self.rows} OFFSET {self.batch.start})"  # noqa: S608

    def _check_columns(self) -> None:
        types = {column.name: column.type for column in self.source.columns}
        wanted = list(self.model.input_columns)
        if missing := [name for name in wanted if name not in types]:
            raise Refused(f"{self.batch.source}: there is no column `{missing[0]}`")
        time = self.model.time
        if time is not None and types[time] not in ("date", "timestamp"):
            raise Refused(
                f"{self.batch.source}: `{time}` holds {types[time]}, and days are needed to keep "
                "predictions by"
            )

    def _check_days(self) -> None:
        """Every row has a day, and that of the partition where one was asked for."""
        time, asked = self.model.time, self.batch.partition
        if time is None or not self.rows:
            return
        day = f"CAST({quoted(time)} AS DATE)"
        query = f"SELECT count(*) - count({day}), min({day}), max({day}) FROM {self._part}"  # noqa: S608
        with closing(self.source.scan()) as connection:
            [(missing, first, last)] = connection.execute(query).fetchall()
        if missing:
            raise Refused(f"{self.batch.source}: {missing} rows have no `{time}`")
        if asked is not None and not str(first) == str(last) == asked:
            raise Refused(
                f"{self.batch.source}: its rows are of {first} to {last}, and partition {asked} "
                "was asked for"
            )


def schema_of(model: Model) -> pa.Schema:
    """The columns of `input.parquet`."""
    types = {
        "integer": pa.int64(),
        "number": pa.float64(),
        "text": pa.string(),
        "boolean": pa.bool_(),
        "date": pa.date32(),
        "timestamp": pa.timestamp("us"),
    }
    return pa.schema([(name, types[kind]) for name, kind in model.input_columns.items()])


def _place(run: Run, source: str) -> str:
    """What the reader opens: a path on this machine, or the URI of a file elsewhere."""
    if "://" in source and not source.startswith("file://"):
        return source
    return str(run.root / local_path(source))


def _opened(place: str, model: Model) -> quality.Source:
    keys = dict.fromkeys(model.key, "text")
    try:
        return quality.open_source(place, types={**keys, **model.features})
    except quality.DataReadError:
        # Parquet and JSON say themselves what a key is, a number for instance; it is made a text
        # when it is read.
        try:
            return quality.open_source(place, types=model.features)
        except quality.DataReadError:
            pass
        raise


def spooled(
    parts: Iterator[pa.RecordBatch], path: Path, schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    """The same rows, none of them before all were read; until then they lie in a file."""
    with written(path, schema) as writer:
        for part in parts:
            writer.write_batch(part)
    with pq.ParquetFile(path, pre_buffer=False) as file:
        yield from file.iter_batches(BATCH_ROWS)
    path.unlink()


@contextmanager
def written(path: Path, schema: pa.Schema) -> Iterator[pq.ParquetWriter]:
    """A Parquet file that is there when all of it is."""
    part = path.with_name(f".{path.name}.part")
    try:
        with pq.ParquetWriter(part, schema) as writer:
            yield writer
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
