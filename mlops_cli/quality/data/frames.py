"""Takes tables of pandas, polars and pyarrow, without a copy where they are Arrow already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from ..errors import DataReadError
from .connection import connect, identifier
from .source import Source, check_names, reading
from .stored import check_stored, selection, stored_columns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import duckdb
    import pyarrow


class _Series(Protocol):
    def dropna(self) -> Iterable[object]: ...


class _Pandas(Protocol):
    columns: Any
    dtypes: Any

    def __getitem__(self, name: str, /) -> _Series: ...


class _Polars(Protocol):
    def to_arrow(self) -> pyarrow.Table: ...


_HINT = "Give a path, a URI, or a table of pandas, polars or pyarrow"


def open_frame(data: object, types: Mapping[str, str]) -> Source:
    """Open a table in memory; in pandas a missing value is NULL, NaN too.

    Raises:
        DataReadError: It is no table, two columns have one name, or one holds several types.
    """
    module = type(data).__module__.partition(".")[0]
    convert = _CONVERSIONS.get((module, type(data).__name__))
    if convert is None:
        raise DataReadError(f"Could not read a `{type(data).__name__}`", hint=_HINT)
    name = f"a {module} table"
    try:
        # The core of DuckDB reads Arrow only when the package round it was imported.
        import duckdb  # noqa: F401
        import pyarrow as pa
    except ImportError as error:
        raise DataReadError(
            f"Could not read {name}: this needs pyarrow, which is not installed",
            hint="`pip install pyarrow`",
        ) from error
    try:
        table = convert(data, name)
    except (pa.ArrowException, TypeError) as error:
        raise DataReadError(f"Could not read {name}: {_reason(error)}") from error
    return _open(table, name, module, types)


def _open(table: pyarrow.Table, name: str, module: str, types: Mapping[str, str]) -> Source:
    if not table.num_columns:
        raise DataReadError(f"Could not read {name}: it has no columns")
    check_names(name, table.column_names)
    with reading(name):
        connection = connect()
        connection.register("frame", table)
        described = connection.execute("DESCRIBE frame").fetchall()
        connection.close()
    columns = stored_columns([(row[0], row[1]) for row in described])
    check_stored(name, list(columns), types)

    def show(target: duckdb.DuckDBPyConnection, view: str, wanted: Sequence[str] | None) -> None:
        frame = f"frame of {view}"
        target.register(frame, table)
        # `register` makes a temporary view, and only such a one can be built on it.
        chosen = f"SELECT {selection(columns, wanted)} FROM {identifier(frame)}"  # noqa: S608
        target.execute(f"CREATE TEMP VIEW {identifier(view)} AS {chosen}")

    def load(target: duckdb.DuckDBPyConnection, into: str, wanted: Sequence[str] | None) -> None:
        target.register("frame", table)
        target.execute(
            f"CREATE TABLE {identifier(into)} AS SELECT {selection(columns, wanted)} FROM frame"  # noqa: S608
        )
        target.unregister("frame")

    return Source(name, module, tuple(columns), table.num_rows, _load=load, _show=show)


def _from_pandas(frame: _Pandas, name: str) -> pyarrow.Table:
    import pyarrow as pa

    if frame.columns.nlevels > 1:
        raise DataReadError(f"Could not read {name}: its columns have names on several levels")
    for column in frame.columns:
        if not isinstance(column, str):
            raise DataReadError(
                f"Could not read {name}: the name of column `{column}` is no text",
                hint="Name the columns: `frame.columns = frame.columns.astype(str)`",
            )
    check_names(name, list(frame.columns))
    _check_objects(frame, name)
    # The index is no column in DQDL, so it is not read.
    return pa.Table.from_pandas(frame, preserve_index=False)


def _check_objects(frame: _Pandas, name: str) -> None:
    """Refuse columns of objects that are not all of one type; Arrow would turn some to bytes."""
    for column, kind in zip(frame.columns, frame.dtypes, strict=True):
        if str(kind) == "object" and len({type(one) for one in frame[column].dropna()}) > 1:
            raise DataReadError(
                f"Could not read {name}: column `{column}` holds values of several types",
                hint=f"Make them one type: `frame['{column}'] = frame['{column}'].astype(str)`",
            )


def _from_polars(frame: _Polars, _name: str) -> pyarrow.Table:
    return frame.to_arrow()


def _as_it_is(table: pyarrow.Table, _name: str) -> pyarrow.Table:
    return table


def _from_batch(batch: pyarrow.RecordBatch, _name: str) -> pyarrow.Table:
    import pyarrow as pa

    return pa.Table.from_batches([batch])


def _reason(error: Exception) -> str:
    """What Arrow says; the values it quotes first are left out."""
    parts = [str(part) for part in error.args if "Conversion failed" in str(part)]
    return "; ".join(parts) or "a column holds values of several types"


_CONVERSIONS: dict[tuple[str, str], Callable[[Any, str], pyarrow.Table]] = {
    ("pandas", "DataFrame"): _from_pandas,
    ("polars", "DataFrame"): _from_polars,
    ("pyarrow", "Table"): _as_it_is,
    ("pyarrow", "RecordBatch"): _from_batch,
}
