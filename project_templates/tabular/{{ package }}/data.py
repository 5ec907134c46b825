"""Data files are read strictly: what `mlops.yaml` says of a column is what it has to be."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa

from ._mlops import quality


def read(source: quality.Source, columns: Sequence[str]) -> pa.Table:
    """Some columns of an opened file, in this order.

    Raises:
        DataReadError: The file is not what it says it is, or a column is missing.
    """
    import duckdb  # here: most steps only look at what another has read

    connection = source.connect(list(columns))
    rows = duckdb.table("data", connection=connection).select(*map(quoted, columns))
    return rows.to_arrow_table()


def quoted(column: str) -> str:
    """A column's name in SQL, whatever characters it has."""
    return '"' + column.replace('"', '""') + '"'
