"""Proposals about NULL, keys and value sets: what a column holds, whatever its type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..language.printer import quote
from .profile import FEW, is_varied
from .wording import (
    DOWN,
    ENOUGH_ROWS,
    OF_A_KEY,
    OF_NULLS,
    OF_THE_TARGET,
    OF_VALUES,
    Found,
    Hint,
    Setting,
    Suggestion,
    counted,
    decimal,
    filled,
    is_id_name,
    is_personal,
    percent,
    share_floor,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .profile import ColumnProfile

_SEEN_OFTEN = 5
_MOST_NUMBERS = 10
_LEAST_SHARE, _LEAST_COUNT = 0.02, 30
_CERTAIN_COUNT = 10
_ROWS_TO_JUDGE_SHARES = 200
# As many pairs of equal values as chance would make, were the values drawn at random.
_CHANCE_PAIRS = 5


def completeness(column: ColumnProfile, setting: Setting) -> Iterator[Found]:
    """Every row has a value, or most rows have."""
    name, rows = quote(column.name), setting.rows
    if not column.nulls:
        reason = f"`{column.name}` has a value in every row ({rows} of {rows})"
        yield Suggestion(f"IsComplete {name}", reason, column.name, kind="complete", rank=OF_NULLS)
        return
    floor = share_floor(column, setting)
    if float(floor) <= 0:
        yield Hint(
            column.name,
            f"`{column.name}`: {percent(column.nulls / rows)} of {rows} rows have no value; "
            "so few are filled that no rule about it would hold",
        )
        return
    share = filled(column, rows) / rows
    yield Suggestion(
        f"Completeness {name} >= {floor}",
        f"`{column.name}` has no value in {column.nulls} of {rows} rows: "
        f"{percent(share)} are filled, and {float(floor):.2f} leaves slack",
        column.name,
        kind="completeness",
        rank=OF_NULLS,
        rows_needed=_ROWS_TO_JUDGE_SHARES,
    )


def is_identifier(column: ColumnProfile, rows: int) -> bool:
    """Is each value there once, and not by chance?"""
    count = filled(column, rows)
    if column.estimated or count < ENOUGH_ROWS or column.distinct != count:
        return False
    if column.type == "text":
        formatted = column.shape is not None and bool(column.shape.format or column.shape.pattern)
        return is_id_name(column.name) or (formatted and is_personal(column))
    if column.type != "integer":
        return False
    places = int(column.high) - int(column.low) + 1
    dense = count * count / (2 * places) >= _CHANCE_PAIRS
    return is_id_name(column.name) or (dense and count >= 100)


def identifier_rules(column: ColumnProfile, setting: Setting) -> Iterator[Found]:
    """Each value occurs once."""
    name, count = quote(column.name), filled(column, setting.rows)
    key = not column.nulls and is_id_name(column.name)
    word = "IsPrimaryKey" if key else "IsUnique"
    reason = f"each of the {count} values of `{column.name}` occurs once"
    if key:
        reason += ", and every row has one"
    yield Suggestion(f"{word} {name}", reason, column.name, kind="key", rank=OF_A_KEY)


def is_category(column: ColumnProfile, rows: int, role: str | None) -> bool:
    """Are its values few, and the same ones again and again?"""
    if not column.top or column.distinct > FEW or column.not_finite or is_personal(column):
        return False
    if role == "classification":
        return column.type in ("text", "boolean", "integer")
    if role == "regression" or column.distinct < 2:
        return False
    if column.type == "integer":
        # A count of something has larger values to come, and the largest ones are rare.
        rarest = min(count for _, count in column.top)
        often = rarest >= max(_LEAST_COUNT, _LEAST_SHARE * filled(column, rows))
        return column.distinct <= _MOST_NUMBERS and often and not is_id_name(column.name)
    return column.type == "text" and not is_varied(column, rows)


def value_set(column: ColumnProfile, setting: Setting, role: str | None) -> Iterator[Found]:
    """The values it may have: closed when each was seen often, else most rows have one."""
    name, count = quote(column.name), filled(column, setting.rows)
    values = sorted((value for value, _ in column.top), key=str)
    if column.type == "integer":
        values = sorted(values, key=lambda value: int(str(value)))
    items = [_item(value) for value in values] + (["NULL"] if column.nulls else [])
    rule = f"ColumnValues {name} in [{', '.join(items)}]"
    reason = f"`{column.name}` took these {counted(len(values), 'value')} in {count} rows"
    rarest = min(seen for _, seen in column.top)
    wider = setting.slack(column.name, "set")
    if role != "classification" and (rarest < _SEEN_OFTEN or wider > 1):
        # The chance of a value never seen is about the share of those seen once.
        floor = decimal(max(0.5, 1 - 0.05 * wider), DOWN, places=2)
        rule += f" with threshold >= {floor}"
        reason += f"; the rarest only {counted(rarest, 'time')}, so others may come"
    rank = OF_THE_TARGET if role else OF_VALUES
    yield Suggestion(rule, reason, column.name, kind="set", rank=rank)


def class_balance(column: ColumnProfile, setting: Setting) -> Iterator[Found]:
    """No class vanishes, and the rarest keeps a share that can be learned from."""
    name, count = quote(column.name), filled(column, setting.rows)
    if column.distinct < 2:
        return
    sure = [value for value, seen in column.top if seen >= _CERTAIN_COUNT]
    least = max(2, len(sure)) + bool(column.nulls)
    yield Suggestion(
        f"DistinctValuesCount {name} >= {least}",
        f"A model learns nothing of a class that vanished: {column.distinct} were seen"
        + (", and NULL counts as one" if column.nulls else ""),
        column.name,
        kind="classes",
        rank=OF_THE_TARGET,
        rows_needed=None,
    )
    if column.distinct > len(column.top):
        return
    rarest, seen = column.top[-1]
    if seen < _CERTAIN_COUNT:
        yield Hint(
            column.name,
            f"`{column.name}`: the rarest class has {counted(seen, 'row')} of {count}, too few "
            "for a rule about its share, and to learn from",
        )
        return
    for value, times in column.top if column.nulls else [(rarest, seen)]:
        share = times / setting.rows
        floor = share / 2 / setting.slack(column.name, f"share of {value}")
        # What chance does to a small class must not fail the file: five deviations are left.
        chance = share - 5 * (share * (1 - share) / setting.rows) ** 0.5
        bound = f"> {decimal(min(floor, chance), DOWN)}" if min(floor, chance) > 0 else "> 0.0"
        what = "the rarest class" if value == rarest else "a class"
        yield Suggestion(
            f"ColumnValues {name} in [{_item(value)}] with threshold {bound}",
            f"{what} of `{column.name}` has {times} of {setting.rows} rows "
            f"({percent(share)}); below half of that a model hardly sees it",
            column.name,
            kind=f"share of {value}",
            rank=OF_THE_TARGET,
            rows_needed=_ROWS_TO_JUDGE_SHARES,
        )


def constant(column: ColumnProfile) -> Hint:
    """It tells nothing."""
    return Hint(column.name, f"`{column.name}` is the same in every row, and tells nothing")


def _item(value: object) -> str:
    if isinstance(value, bool):
        return quote(str(value).lower())
    return quote(value) if isinstance(value, str) else str(value)
