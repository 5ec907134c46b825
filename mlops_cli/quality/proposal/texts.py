"""Proposals about texts: types they can be read as, patterns, lengths; never a text itself."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..language.printer import quote
from .shapes import FORMATS
from .wording import OF_FORM, Found, Setting, Suggestion, counted, filled, share_floor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .profile import ColumnProfile
    from .shapes import TextShape

_ENOUGH_VALUES = 50
_ENOUGH_DISTINCT = 20
_VARYING_LETTERS = re.compile(r"\[(A-Z|a-z)\]\+")


def text_rules(column: ColumnProfile, setting: Setting) -> Iterator[Found]:
    """Type, pattern, length: the first two when they are nearly certain."""
    shape = column.shape
    certain = shape is not None and shape.values >= _ENOUGH_VALUES
    certain = certain and column.distinct >= _ENOUGH_DISTINCT
    pattern = ""
    if shape is not None and certain:
        pattern = FORMATS.get(shape.format, "") or _telling(shape.pattern)
        if shape.type:
            yield _type(column, shape, setting)
        if pattern and not (shape.type and pattern == "[0-9]+"):
            yield _pattern(column, shape, pattern, setting)
    # A pattern of a fixed length, or a format that people know, says enough.
    said = pattern and (shape is None or shape.format or "+" not in pattern)
    if not said:
        yield from _length(column, setting, certain=certain)


def _telling(pattern: str) -> str:
    """Words of any length are text that happens to look alike; digits and codes are not."""
    letters_only = "[0-9]" not in pattern
    return "" if letters_only and _VARYING_LETTERS.search(pattern) else pattern


def _share(column: ColumnProfile, setting: Setting) -> str:
    return f" with threshold >= {share_floor(column, setting)}" if column.nulls else ""


def _type(column: ColumnProfile, shape: TextShape, setting: Setting) -> Suggestion:
    return Suggestion(
        f'ColumnDataType {quote(column.name)} = "{shape.type}"{_share(column, setting)}',
        f"`{column.name}` is stored as text, and all of {counted(shape.values, 'text')} "
        f"read as {shape.type}",
        column.name,
        kind="type",
        rank=OF_FORM,
        rows_needed=200 if column.nulls else 1,
    )


def _pattern(column: ColumnProfile, shape: TextShape, pattern: str, setting: Setting) -> Suggestion:
    what = f"are {shape.format}" if shape.format else "are made in this way"
    return Suggestion(
        f'ColumnValues {quote(column.name)} matches "{pattern}"{_share(column, setting)}',
        f"all of {counted(shape.values, 'text')} of `{column.name}` {what}",
        column.name,
        kind="pattern",
        rank=OF_FORM,
        rows_needed=200 if column.nulls else 1,
    )


def _length(column: ColumnProfile, setting: Setting, *, certain: bool) -> Iterator[Found]:
    name = quote(column.name)
    shortest, longest = column.shortest or 0, column.longest or 0
    wider = setting.slack(column.name, "length")
    if certain and shortest == longest and not column.nulls and wider == 1:
        yield Suggestion(
            f"ColumnLength {name} = {longest}",
            f"each of the {filled(column, setting.rows)} texts of `{column.name}` has "
            f"{counted(longest, 'character')}",
            column.name,
            kind="length",
            rank=OF_FORM,
        )
        return
    most = max(1, round(2 * wider * longest))
    condition, reason = f"<= {most}", f"the longest has {counted(longest, 'character')}"
    # NULL has length 0, so only a column that is filled has a shortest one.
    least = int(shortest / (2 * wider))
    if certain and least >= 1 and not column.nulls:
        condition = f"between {least - 1} and {most + 1}"
        reason = f"they have {shortest} to {counted(longest, 'character')}"
    yield Suggestion(
        f"ColumnLength {name} {condition}",
        f"texts of `{column.name}`: {reason}; {2 * wider:g} times is slack",
        column.name,
        kind="length",
        rank=OF_FORM,
    )
