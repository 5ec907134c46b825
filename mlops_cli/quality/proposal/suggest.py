"""Proposes rules from a profile: each passes on the data it comes from, with slack for more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..language.printer import quote
from .moments import moment_rules
from .numbers import number_rules
from .profile import MOMENTS, NUMBERS
from .texts import text_rules
from .values import (
    class_balance,
    completeness,
    constant,
    identifier_rules,
    is_category,
    is_identifier,
    value_set,
)
from .wording import (
    ENOUGH_ROWS,
    OF_THE_TARGET,
    Found,
    Hint,
    Setting,
    Suggestion,
    filled,
    is_id_name,
    stands,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .profile import ColumnProfile, Profile

_MOST_FOR_A_COLUMN = 5


def suggest(
    profile: Profile, *, target: str | None = None, task: str | None = None
) -> tuple[Suggestion, ...]:
    """Propose rules from a description alone; `propose` also judges them on held-out rows.

    Args:
        profile: The data.
        target: The column that a model learns to predict.
        task: `classification` or `regression`, when there is a target.
    """
    setting = Setting(profile.rows, datetime.now(UTC).replace(tzinfo=None))
    found = from_profile(profile, setting, target=target, task=task)
    return tuple(one for one in found if isinstance(one, Suggestion))


def from_profile(
    profile: Profile, setting: Setting, *, target: str | None, task: str | None
) -> list[Found]:
    """Propose everything that a description shows: rules, and hints for people."""
    found = list(_of_the_file(profile))
    for column in profile.columns:
        role = task if column.name == target else None
        stated = list(_of_a_column(column, setting, role))
        rules = [one for one in stated if isinstance(one, Suggestion) and stands(one.rule)]
        found += rules[:_MOST_FOR_A_COLUMN] if role is None else rules
        found += [one for one in stated if isinstance(one, Hint)]
    return found


def _of_the_file(profile: Profile) -> Iterator[Found]:
    rows, columns = profile.rows, len(profile.columns)
    if rows:
        were = "row was" if rows == 1 else "rows were"
        reason = f"{rows} {were} seen; a file of less than half of that is not whole"
        yield Suggestion(f"RowCount >= {max(1, rows // 2)}", reason, kind="rows", rows_needed=None)
    reason = "A new or lost column is a new schema"
    yield Suggestion(f"ColumnCount = {columns}", reason, kind="columns")


def _of_a_column(column: ColumnProfile, setting: Setting, role: str | None) -> Iterator[Found]:
    rows = setting.rows
    if not filled(column, rows):
        rule = f"ColumnExists {quote(column.name)}"
        yield Suggestion(rule, f"`{column.name}` has no values yet", column.name, kind="exists")
        return
    if role is None and is_identifier(column, rows):
        yield from identifier_rules(column, setting)
        if column.nulls or not is_id_name(column.name):
            yield from completeness(column, setting)
        if column.type == "text":
            yield from text_rules(column, setting)
        return
    yield from _ranked(completeness(column, setting), role)
    if is_category(column, rows, role):
        yield from _ranked(value_set(column, setting, role), role)
        if role == "classification":
            yield from class_balance(column, setting)
    elif column.distinct == 1 and rows >= ENOUGH_ROWS:
        yield constant(column)
    elif column.type in NUMBERS:
        yield from _ranked(number_rules(column, setting, role), role)
    elif column.type in MOMENTS:
        yield from moment_rules(column, setting)
    elif column.type == "text":
        yield from text_rules(column, setting)


def _ranked(found: Iterator[Found], role: str | None) -> Iterator[Found]:
    """What is about the target is worth more than the same about any other column."""
    for one in found:
        yield replace(one, rank=OF_THE_TARGET) if role and isinstance(one, Suggestion) else one
