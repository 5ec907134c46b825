"""The connections of one check: our own SQL sees the files, and SQL of the user does not.

SQL that we write names columns with `identifier` and holds values with `literal` alone, so it may
run on a connection that can read files, and reads them where they are. A `where` is a piece of SQL
that the user wrote, if only one expression without a subquery: it runs on a connection that was
locked after its rows were loaded. It needs no process of its own, unlike a whole statement
(`apart.py`): an expression about one row has no table function, no other table and no join to
reach or to multiply anything with, and its query is interrupted in time.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Timer
from typing import TYPE_CHECKING

from ..language import model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    import duckdb

    from ..data.source import Source
    from .measurement import Single


class Connections:
    """Opens each connection when a rule needs it."""

    def __init__(self, data: Source, beside: Mapping[str, Source], rules: Iterable[Single]) -> None:
        self._data = data
        self._beside = beside
        self._filtered = [rule for rule in rules if has_where(rule)]
        self._ours: duckdb.DuckDBPyConnection | None = None
        self._locked: duckdb.DuckDBPyConnection | None = None

    @property
    def are_one(self) -> bool:
        """Whether all rules can be measured on the same rows in one query."""
        return not self._filtered or (self._data.is_loaded and not self._beside)

    @property
    def ours(self) -> duckdb.DuckDBPyConnection:
        """For SQL that holds nothing of the user but quoted names and values.

        Raises:
            DataReadError: The data is broken inside.
        """
        if self._ours is None:
            self._ours = self._data.scan(beside=self._beside)
        return self._ours

    @property
    def locked(self) -> duckdb.DuckDBPyConnection:
        """For SQL with a condition that the user wrote.

        Raises:
            DataReadError: The data is broken inside.
        """
        if self._locked is None:
            if self._data.is_loaded and not self._beside:
                self._locked = self._data.connect()
            else:
                columns = needed_columns(self._filtered, self._data)
                self._locked = self._data.connect(columns, beside=self._beside)
        return self._locked

    def check_data(self, rules: Iterable[Single]) -> None:
        """Find out whether it was the data that made a query fail.

        Raises:
            DataReadError: It was.
        """
        self._data.check_whole(needed_columns(rules, self._data))
        for other in self._beside.values():
            other.check_whole([column.name for column in other.columns])

    def close(self) -> None:
        """Close what was opened."""
        for connection in (self._ours, self._locked):
            if connection is not None:
                connection.close()


def has_where(rule: Single) -> bool:
    """Tell whether a rule holds a condition in SQL."""
    return isinstance(rule, model.Rule) and rule.where is not None


_ANY_COLUMN = (
    "AggregateMatch",
    "AllStatistics",
    "DatasetMatch",
    "ReferentialIntegrity",
    "SchemaMatch",
)


def needed_columns(rules: Iterable[Single], source: Source) -> list[str]:
    """The columns that rules are about; all of them when one may be about any.

    A column that a `where` names stands in its text, letter by letter unless it holds a quote.
    """
    names = [column.name for column in source.columns]
    wanted: set[str] = set()
    texts = []
    for rule in rules:
        if rule.type in _ANY_COLUMN or (rule.type == "DuplicateRowCount" and not rule.parameters):
            return names
        wanted |= {name.lower() for name in model.rule_columns(rule)}
        if isinstance(rule, model.Rule) and rule.where is not None:
            texts.append(rule.where.value.lower())
    quoted = {name for name in names if texts and not name.isidentifier()}
    return [
        name
        for name in names
        if name.lower() in wanted or name in quoted or any(name.lower() in text for text in texts)
    ]


@contextmanager
def limited(connection: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
    """Interrupt what runs on a connection when its time is up."""
    timer = Timer(seconds, connection.interrupt)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
