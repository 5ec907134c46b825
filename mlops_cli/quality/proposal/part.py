"""A part of the rows as a source of its own, seeded, so that rules can be judged on the others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..data.source import Source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import duckdb

SEED = 20_261_122
POSITION = '"position of the row"'


@dataclass(frozen=True, slots=True)
class Part(Source):
    """Some rows of a source: the table `data` of its connections is a view of those."""

    _rows_from: duckdb.DuckDBPyConnection | None = field(
        default=None, repr=False, compare=False, kw_only=True
    )
    _sql: str = field(default="", repr=False, compare=False, kw_only=True)

    def connect(self, *_given: object, **_named: object) -> duckdb.DuckDBPyConnection:
        """Refuse: a part is judged by proposals only, and they hold no SQL of a user."""
        raise TypeError("a part of a source is only scanned")

    def scan(self, *, beside: Mapping[str, Source] | None = None) -> duckdb.DuckDBPyConnection:
        """Open a cursor of the connection that holds all rows; it sees these rows only."""
        if self._rows_from is None or beside:
            raise TypeError("a part of a source is judged alone")
        cursor = self._rows_from.cursor()
        cursor.execute(f"CREATE TEMP VIEW data AS {self._sql}")
        return cursor


def part_of(
    source: Source, connection: duckdb.DuckDBPyConnection, sql: str, columns: Sequence[str]
) -> Part:
    """Make a source of the rows that a query on a connection gives."""
    (rows,) = connection.execute(f"SELECT count(*) FROM ({sql})").fetchone() or (0,)  # noqa: S608
    chosen = tuple(column for column in source.columns if column.name in columns)
    return Part(
        source.uri,
        source.format,
        chosen,
        rows,
        _load=source._load,  # noqa: SLF001 -- nothing loads it: its rows are here already
        _rows_from=connection,
        _sql=sql,
    )


def numbered(connection: duckdb.DuckDBPyConnection) -> str:
    """The table `data` with the position of each row, as SQL for a FROM."""
    names = {row[0].lower() for row in connection.execute("DESCRIBE data").fetchall()}
    kinds = connection.execute(
        "SELECT table_type FROM information_schema.tables WHERE table_name = 'data'"
    ).fetchall()
    # A view has no row numbers of its own, and a column of that name would hide them.
    own = "rowid" not in names and kinds == [("BASE TABLE",)]
    position = "rowid" if own else "row_number() OVER ()"
    return f"(SELECT *, {position} AS {POSITION} FROM data)"  # noqa: S608
