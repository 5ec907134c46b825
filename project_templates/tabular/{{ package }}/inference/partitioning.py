"""Which predictions go to which partition, written apart in bounded memory."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from .._mlops.runtime.steps import Run
from ..data import quoted
from .rows import BATCH_ROWS

FILES = ("input.parquet", "predictions.parquet")
MEMORY = "1GiB"


@dataclass(frozen=True)
class Part:
    """The rows of one partition."""

    partition: str
    batch: int
    """Of those the run received: one that came later takes the place of an earlier one's."""
    rows: int


class Split:
    """The rows of a run by partition: the day of each row, else what its batch is published as."""

    def __init__(self, run: Run) -> None:
        """Look which partitions there are."""
        self.run, self.time = run, run.settings.model.time
        received = json.loads(run.path("received.json").read_text(encoding="utf-8"))
        self.batches: list[dict[str, Any]] = received["batches"]
        with self._connect() as connection:
            found = connection.execute(
                f"SELECT mlops_part, mlops_batch, count(*) FROM {self._rows(FILES[1])} "  # noqa: S608
                "GROUP BY ALL ORDER BY mlops_part, mlops_batch"
            ).fetchall()
        newest = {part: Part(part, batch, rows) for part, batch, rows in found}
        self.parts = list(newest.values())
        self.whole = len(found) == 1
        self.open: dict[str, _Slices] = {}

    def write(self, part: Part, folder: Path) -> None:
        """Write the files of a part; to be called for each of `parts`, in their order."""
        if self.whole:
            for name in FILES:
                shutil.copyfile(self.run.path(name), folder / name)
            return
        if not self.open:
            connection = self._connect()
            self.open = {name: _Slices(self._sorted(connection.cursor(), name)) for name in FILES}
        for name, slices in self.open.items():
            with pq.ParquetWriter(folder / name, slices.schema) as writer:
                for rows in slices.take(part.rows):
                    writer.write_batch(rows)

    def _connect(self) -> duckdb.DuckDBPyConnection:
        spill = str(self.run.path("spill"))
        return duckdb.connect(config={"memory_limit": MEMORY, "temp_directory": spill})

    def _rows(self, name: str) -> str:
        """The rows of a file, each with its number, its batch and its partition, as SQL."""
        ends = [one["start"] + one["rows"] for one in self.batches]
        batch = _by_number(ends, [str(number) for number in range(len(ends))])
        if self.time is not None:
            part = f"CAST(CAST({quoted(self.time)} AS DATE) AS VARCHAR)"
        else:
            part = _by_number(ends, [_literal(str(one["partition"])) for one in self.batches])
        return (
            f"(SELECT *, {batch} AS mlops_batch, {part} AS mlops_part "  # noqa: S608 -- ours
            f"FROM read_parquet({_literal(str(self.run.path(name)))}, file_row_number = true))"
        )

    def _sorted(self, connection: duckdb.DuckDBPyConnection, name: str) -> pa.RecordBatchReader:
        """The rows of all parts, one part after the other, each in the order they came in."""
        parts = ", ".join(f"({_literal(part.partition)}, {part.batch})" for part in self.parts)
        return connection.sql(
            "SELECT * EXCLUDE (file_row_number, mlops_batch, mlops_part) "  # noqa: S608 -- ours
            f"FROM {self._rows(name)} WHERE (mlops_part, mlops_batch) IN ({parts}) "
            "ORDER BY mlops_part, file_row_number"
        ).to_arrow_reader(BATCH_ROWS)


class _Slices:
    """A stream of rows, taken so many at a time."""

    def __init__(self, reader: pa.RecordBatchReader) -> None:
        self.reader, self.schema = reader, reader.schema
        self.left = pa.RecordBatch.from_pylist([], schema=reader.schema)

    def take(self, rows: int) -> Iterator[pa.RecordBatch]:
        while rows:
            if not self.left.num_rows:
                self.left = self.reader.read_next_batch()
            part = self.left.slice(0, rows)
            self.left = self.left.slice(part.num_rows)
            rows -= part.num_rows
            yield part


def _by_number(ends: list[int], values: list[str]) -> str:
    """By the row's number, the value of the batch it is in, as SQL."""
    cases = " ".join(
        f"WHEN file_row_number < {end} THEN {value}"
        for end, value in zip(ends, values, strict=True)
    )
    return f"CASE {cases} END"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
