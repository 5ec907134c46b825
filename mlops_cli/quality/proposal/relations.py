"""Columns compared with each other: keys of two columns, copies, and values that move together.

Only a bounded number of pairs is looked at, on a bounded number of rows; what is found is proven on
all rows before it is proposed.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

from ..data.connection import identifier
from ..language.printer import quote
from .profile import MOMENTS, NUMBERS
from .wording import (
    DOWN,
    ENOUGH_ROWS,
    OF_A_KEY,
    OF_SPREAD,
    Found,
    Hint,
    Suggestion,
    decimal,
    filled,
    is_id_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import duckdb

    from .profile import ColumnProfile, Profile

_MOST_KEY_COLUMNS = 8
_MOST_NUMBERS = 16
_MOST_COPIES = 60
_MOST_ALIKE = 40
_MOST_DISTINCT_ALIKE = 1_000
_CHANCE_PAIRS = 5
_STRONG = 0.95
_ROWS_FOR_CORRELATION = 100
_MOST_CORRELATIONS = 5


def relations(
    connection: duckdb.DuckDBPyConnection, sample: str, profile: Profile, *, keyed: bool
) -> Iterator[Found]:
    """Propose what columns are together.

    Args:
        connection: Where the rows are.
        sample: The table with the rows that pairs are compared on.
        profile: All rows, described.
        keyed: A column is a key by itself, so that none of two is looked for.
    """
    if profile.rows < ENOUGH_ROWS:
        return
    if not keyed:
        yield from _key(connection, sample, profile)
    copies = set()
    for first, second in _copies(connection, sample, profile):
        copies.add(second)
        yield Hint(
            second, f"`{second}` is a copy of `{first}` in every row: one of the two is enough"
        )
    yield from _alike(connection, sample, profile, copies)
    yield from _correlated(connection, sample, profile, copies)


def _key(connection: duckdb.DuckDBPyConnection, sample: str, profile: Profile) -> Iterator[Found]:
    """The two columns that are a key together, and would hardly be by chance."""
    usable = [
        one
        for one in profile.columns
        if one.type in ("integer", "text", *MOMENTS)
        and not one.nulls
        and 1 < one.distinct < profile.rows
    ]
    usable.sort(key=lambda one: (not is_id_name(one.name), -one.distinct))
    for first, second in combinations(usable[:_MOST_KEY_COLUMNS], 2):
        if not (is_id_name(first.name) or first.type in MOMENTS or second.type in MOMENTS):
            continue
        together = first.distinct * second.distinct
        if together < profile.rows:
            continue
        # Two columns that are rich enough are unique by chance, and that is no key.
        if profile.rows**2 / (2 * together) < _CHANCE_PAIRS:
            continue
        if _is_key(connection, sample, first.name, second.name) and _is_key(
            connection, "data", first.name, second.name
        ):
            yield Suggestion(
                f"IsPrimaryKey {quote(first.name)} {quote(second.name)}",
                f"`{first.name}` and `{second.name}` together occur once in each of the "
                f"{profile.rows} rows; neither does alone",
                first.name,
                kind=f"key with {second.name}",
                rank=OF_A_KEY,
                other=second.name,
            )
            return


def _is_key(connection: duckdb.DuckDBPyConnection, table: str, first: str, second: str) -> bool:
    keys = f"{identifier(first)}, {identifier(second)}"
    row = connection.execute(
        f"SELECT (SELECT count(*) FROM (SELECT 1 FROM {table} GROUP BY {keys})) = "  # noqa: S608
        f"(SELECT count(*) FROM {table})"
    ).fetchone()
    return bool(row and row[0])


def _copies(
    connection: duckdb.DuckDBPyConnection, sample: str, profile: Profile
) -> list[tuple[str, str]]:
    """Pairs of columns that are equal in every row; only those of one description are compared."""
    by_look: dict[object, list[ColumnProfile]] = {}
    for one in profile.columns:
        if one.type != "other" and one.distinct > 1:
            counted = None if one.estimated else one.distinct
            look = (one.type, one.nulls, counted, str(one.low), str(one.high), one.longest)
            by_look.setdefault(look, []).append(one)
    # Each with the first of its look: of many copies, all are named.
    pairs = [(group[0].name, other.name) for group in by_look.values() for other in group[1:]][
        :_MOST_COPIES
    ]
    same = _true(connection, sample, [_equal(*pair) for pair in pairs])
    likely = [pair for pair, yes in zip(pairs, same, strict=True) if yes]
    if sample == "data":
        return likely
    same = _true(connection, "data", [_equal(*pair) for pair in likely])
    return [pair for pair, yes in zip(likely, same, strict=True) if yes]


def _equal(first: str, second: str) -> str:
    return f"bool_and({identifier(first)} IS NOT DISTINCT FROM {identifier(second)})"


def _true(
    connection: duckdb.DuckDBPyConnection, table: str, questions: Sequence[str]
) -> tuple[object, ...]:
    if not questions:
        return ()
    return connection.execute(f"SELECT {', '.join(questions)} FROM {table}").fetchone() or ()  # noqa: S608


def _alike(
    connection: duckdb.DuckDBPyConnection, sample: str, profile: Profile, copies: set[str]
) -> Iterator[Found]:
    """Two names for one thing: each value of one column goes with one value of the other."""
    groups: dict[tuple[int, int], list[ColumnProfile]] = {}
    for one in profile.columns:
        few = 2 < one.distinct <= _MOST_DISTINCT_ALIKE and not one.estimated
        again = one.distinct * 5 <= filled(one, profile.rows)
        if few and again and one.type in ("text", "integer") and one.name not in copies:
            groups.setdefault((one.distinct, one.nulls), []).append(one)
    pairs = [pair for group in groups.values() for pair in combinations(group, 2)][:_MOST_ALIKE]
    for first, second in pairs:
        names = f"{identifier(first.name)}, {identifier(second.name)}"
        row = connection.execute(
            f"SELECT count(*), count(DISTINCT {identifier(first.name)}), "  # noqa: S608
            f"count(DISTINCT {identifier(second.name)}) FROM "
            f"(SELECT {names} FROM {sample} GROUP BY {names})"
        ).fetchone() or (0, 1, 1)
        whole = first.distinct + bool(first.nulls)
        if row[0] == whole and row[1] == row[2] == first.distinct:
            yield Hint(
                second.name,
                f"`{first.name}` and `{second.name}` say the same: each of {first.distinct} "
                "values of one goes with one value of the other",
            )


def _correlated(
    connection: duckdb.DuckDBPyConnection, sample: str, profile: Profile, copies: set[str]
) -> Iterator[Found]:
    """Numbers that move together: a rule says so, and a hint that a model needs one of them."""
    numbers = [
        one
        for one in profile.columns
        if one.type in NUMBERS
        and not one.not_finite
        and one.distinct > 2
        and one.name not in copies
        and not is_id_name(one.name)
        and filled(one, profile.rows) >= _ROWS_FOR_CORRELATION
    ][:_MOST_NUMBERS]
    pairs = list(combinations(numbers, 2))
    found = _true(connection, sample, [_correlation(*pair) for pair in pairs])
    strong = [
        (first.name, second.name, float(str(value)))
        for (first, second), value in zip(pairs, found, strict=True)
        if value is not None and abs(float(str(value))) >= _STRONG
    ]
    strong.sort(key=lambda one: -abs(one[2]))
    for first, second, value in strong[:_MOST_CORRELATIONS]:
        # Twice as far from a perfect line, and then some, is still the same relation.
        bound = decimal(max(0.0, 1 - 3 * (1 - abs(value)) - 0.05), DOWN, places=2)
        condition = f">= {bound}" if value > 0 else f"<= -{bound}"
        yield Suggestion(
            f"ColumnCorrelation {quote(first)} {quote(second)} {condition}",
            f"`{first}` and `{second}` move together (correlation {value:.4f}), so a model needs "
            "one of them; if they part, one of them is broken",
            first,
            kind=f"correlation with {second}",
            rank=OF_SPREAD,
            other=second,
            rows_needed=_ROWS_FOR_CORRELATION,
        )
    if len(strong) > _MOST_CORRELATIONS:
        more = len(strong) - _MOST_CORRELATIONS
        yield Hint("", f"{more} more pairs of columns have a correlation of {_STRONG} or more")


def _correlation(first: ColumnProfile, second: ColumnProfile) -> str:
    one, other = (f"CAST({identifier(each.name)} AS DOUBLE)" for each in (first, second))
    # Values near the end of what a double holds have no variance that it could hold.
    safe = f"abs({one}) < 1e100 AND abs({other}) < 1e100"
    return f"corr({one}, {other}) FILTER (WHERE {safe})"
