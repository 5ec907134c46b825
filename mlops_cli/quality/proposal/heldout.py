"""Judges proposals on rows they were not made from: what fails there gets slack, or is dropped.

The same proposals are made from a part of the rows and run on the others: seeded parts, and for
files in order of time the last fifth, since the next file is later still.
"""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..data.connection import identifier
from ..engine.run import check
from .part import POSITION, SEED, numbered, part_of
from .profile import describe
from .relations import relations
from .suggest import from_profile
from .wording import Key, Setting, Suggestion, render

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import duckdb

    from ..data.source import Source
    from .part import Part
    from .profile import Profile
    from .wording import Found

_CELLS = 2_000_000
_MOST_ROWS, _LEAST_ROWS = 200_000, 2_000
_ROWS_FOR_ONE_SPLIT = 200
_ROWS_FOR_ANY = 40
_PARTS = 5
_MOST_COLUMNS_FOR_PARTS = 50
_WIDER = (2.0, 4.0)


@dataclass(frozen=True, slots=True)
class HeldOut:
    """What came of the rules on rows they were not made from."""

    splits: int = 0
    rows: int = 0
    """How many rows rules were judged on, over all splits."""
    judged: frozenset[Key] = frozenset()
    widened: Mapping[Key, float] = field(default_factory=dict)
    """Rules that failed, and the slack with which they hold."""
    failed: Mapping[Key, str] = field(default_factory=dict)
    """Rules that failed with more slack too, each with what was said last."""


@dataclass(frozen=True, slots=True)
class _Split:
    described: Profile
    related: tuple[Found, ...]
    others: Part


def all_rules(
    described: Profile,
    related: Iterable[Found],
    setting: Setting,
    *,
    target: str | None,
    task: str | None,
) -> list[Found]:
    """Everything that is proposed from one description of rows."""
    found = from_profile(described, setting, target=target, task=task)
    return [*found, *related]


def related_columns(
    connection: duckdb.DuckDBPyConnection, sample: str, described: Profile, found: Iterable[Found]
) -> tuple[Found, ...]:
    """What columns are together, given what each is alone."""
    keyed = any(isinstance(one, Suggestion) and one.kind == "key" for one in found)
    return tuple(relations(connection, sample, described, keyed=keyed))


def hold_out(
    source: Source,
    connection: duckdb.DuckDBPyConnection,
    rules: Sequence[Suggestion],
    setting: Setting,
    *,
    target: str | None,
    task: str | None,
) -> HeldOut:
    """Make the proposals from parts of the rows and run them on the others.

    Args:
        source: What is described.
        connection: Where its rows are.
        rules: What is proposed from all rows: only these are judged.
        setting: What the proposals start from.
        target: The column that a model learns to predict.
        task: What is learned of it.
    """
    about = {name for rule in rules for name in (rule.column, rule.other) if name}
    names = [column.name for column in source.columns if column.name in about]
    if setting.rows < _ROWS_FOR_ANY or not names:
        return HeldOut()
    table = identifier(f"held_out_{os.urandom(4).hex()}")
    _take(connection, table, names, setting.rows)
    try:
        splits = [
            _split(
                part_of(source, connection, _rows(table, names, f"NOT ({held})"), names),
                part_of(source, connection, _rows(table, names, held), names),
                setting,
                target=target,
                task=task,
            )
            for held in _parts(setting.rows, len(names))
        ]
        splits = [one for one in splits if one.others.rows and one.described.rows]
        return _judge(splits, {rule.key for rule in rules}, setting, target=target, task=task)
    finally:
        connection.execute(f"DROP TABLE {table}")


def _take(
    connection: duckdb.DuckDBPyConnection, table: str, names: Sequence[str], rows: int
) -> None:
    columns = ", ".join(identifier(name) for name in names)
    most = min(max(_CELLS // len(names), _LEAST_ROWS), _MOST_ROWS)
    share = min(round(most / rows * 2**32), 2**32)
    # A table of the database, not of the connection: each part reads it through a cursor.
    connection.execute(
        f"CREATE TABLE {table} AS SELECT {columns}, {POSITION} FROM {numbered(connection)} "  # noqa: S608
        f"WHERE hash({POSITION}, {SEED + 1}) % 4294967296 < {share}"
    )


def _parts(rows: int, columns: int) -> list[str]:
    """The rows to hold out, as SQL, one condition for each split."""
    drawn = f"hash({POSITION}, {SEED + 2}) % {_PARTS} ="
    if rows < _ROWS_FOR_ONE_SPLIT and columns <= _MOST_COLUMNS_FOR_PARTS:
        return [f"{drawn} {number}" for number in range(_PARTS)]
    return [f"{drawn} 0", f"{POSITION} >= {rows * (_PARTS - 1) // _PARTS}"]


def _rows(table: str, names: Sequence[str], condition: str) -> str:
    columns = ", ".join(identifier(name) for name in names)
    return f"SELECT {columns} FROM {table} WHERE {condition}"  # noqa: S608


def _split(
    made_from: Part, others: Part, setting: Setting, *, target: str | None, task: str | None
) -> _Split:
    with closing(made_from.scan()) as cursor:
        described = describe(cursor, made_from.columns, made_from.uri, made_from.rows)
        own = replace(setting, rows=made_from.rows)
        found = from_profile(described, own, target=target, task=task)
        related = related_columns(cursor, "data", described, found)
    return _Split(described, related, others)


def _judge(
    splits: Sequence[_Split],
    keys: set[Key],
    setting: Setting,
    *,
    target: str | None,
    task: str | None,
) -> HeldOut:
    widened: dict[Key, float] = {}
    judged: set[Key] = set()
    failed: dict[Key, str] = {}
    for wider in (1.0, *_WIDER):
        again = set(failed)
        widened |= dict.fromkeys(again, wider)
        failed = {}
        for split in splits:
            own = replace(setting, rows=split.described.rows, widened=widened)
            found = all_rules(split.described, split.related, own, target=target, task=task)
            wanted = again if wider > 1 else keys
            asked = [one for one in _askable(found, split.others.rows) if one.key in wanted]
            judged |= {one.key for one in asked}
            failed |= _failing(asked, split.others, setting)
        if not failed:
            break
    rows = sum(split.others.rows for split in splits)
    kept = {key: wider for key, wider in widened.items() if key not in failed}
    return HeldOut(len(splits), rows, frozenset(judged), kept, failed)


def _askable(found: Iterable[Found], rows: int) -> list[Suggestion]:
    return [
        one
        for one in found
        if isinstance(one, Suggestion) and one.rows_needed is not None and rows >= one.rows_needed
    ]


def _failing(asked: Sequence[Suggestion], others: Part, setting: Setting) -> dict[Key, str]:
    if not asked:
        return {}
    report = check(render(asked), others, now=_aware(setting))
    return {
        one.key: outcome.message
        for one, outcome in zip(asked, report.outcomes, strict=True)
        if outcome.outcome != "PASS"
    }


def _aware(setting: Setting) -> datetime:
    return setting.now.replace(tzinfo=UTC)
