"""What a proposal is made of, and how its numbers, reasons and names are written."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import TYPE_CHECKING, Final, TypeAlias

from ..errors import DqdlErrors
from ..language.model import Rule
from ..language.parser import parse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from .profile import ColumnProfile

ENOUGH_ROWS: Final = 20
DOWN, UP = ROUND_FLOOR, ROUND_CEILING
# The smaller, the more a rule is worth when there is no room for all.
OF_THE_FILE, OF_THE_TARGET, OF_A_KEY, OF_VALUES, OF_NULLS, OF_BOUNDS, OF_FORM, OF_SPREAD = range(8)

_ID_NAME = re.compile(r"(^|[_\W])(id|key|uuid|guid)$|Id$|ID$", re.IGNORECASE)
_PERSONAL_NAME = re.compile(
    r"^name$|(^|[_\W])(e?-?mail|phone|mobile|fax|telephone|ssn|iban|passport|licen[cs]e|street"
    r"|address|dob|birth_?(date|day)|date_of_birth|account|card|ip)([_ ]?(no|nr|num|number|1|2))?$"
    r"|(first|last|sur|full|user|middle|maiden|customer|client|patient|employee|person|contact"
    r"|owner|holder)[_ ]?name$",
    re.IGNORECASE,
)
_PERSONAL_VALUE = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|\+?[\d][\d ()/.-]{6,}")

Key: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A rule and why it is proposed."""

    rule: str
    reason: str
    column: str = ""
    """The column it is about; nothing for a rule about the whole file."""
    other: str = ""
    """The second column, where it is about two."""
    kind: str = ""
    """Which of the proposals about the column it is, whatever its numbers are."""
    rank: int = OF_THE_FILE
    rows_needed: int | None = 1
    """On fewer rows it says nothing; None for a rule about the whole file, which no part tests."""

    @property
    def key(self) -> Key:
        """What it is about: the same for a rule from other rows of the same data."""
        return (self.column, self.kind)


@dataclass(frozen=True, slots=True)
class Hint:
    """What a person should know of a column, and no rule can say."""

    column: str
    text: str


Found: TypeAlias = Suggestion | Hint


@dataclass(frozen=True, slots=True)
class Setting:
    """What all proposals start from."""

    rows: int
    now: datetime
    """UTC, without a time zone."""
    static: bool = False
    """The file stays as it is, so no rule may ask for newer rows."""
    widened: Mapping[Key, float] = field(default_factory=dict)
    """How much more slack a rule gets than it would have by itself."""

    def slack(self, column: str, kind: str) -> float:
        """By what the slack of a rule is multiplied."""
        return self.widened.get((column, kind), 1.0)


def render(suggestions: Sequence[Suggestion], hints: Sequence[Hint] = ()) -> str:
    """Write suggestions as a ruleset, each with its reason.

    The comments stand inside of the list: Airflow's Glue operator wants a text that begins with
    `Rules`.
    """
    lines = []
    for position, suggestion in enumerate(suggestions):
        comma = "," if position < len(suggestions) - 1 else ""
        lines.append(f"    # {_one_line(suggestion.reason)}\n    {suggestion.rule}{comma}\n")
    lines += [f"    # {_one_line(hint.text)}\n" for hint in hints]
    return "Rules = [\n" + "".join(lines) + "]\n"


def _one_line(text: str) -> str:
    return "".join(one if one.isprintable() else " " for one in text)


def decimal(value: float, rounding: str, *, places: int | None = None, whole: bool = False) -> str:
    """Write a number as DQDL does, rounded to three digits away from the data."""
    exact = Decimal(repr(value))
    exponent = -places if places is not None else exact.adjusted() - 2
    step = Decimal(1).scaleb(max(exponent, 0) if whole else exponent)
    scaled = (exact / step).to_integral_value(rounding=rounding) * step
    text = format(scaled, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def stands(rule: str) -> bool:
    """Can the rule be written? A column called `2026-01-01` cannot: DQDL reads a date."""
    try:
        found = parse(f"Rules = [ {rule} ]").rules
    except DqdlErrors:
        return False
    return len(found) == 1 and isinstance(found[0], Rule)


def percent(share: float) -> str:
    """Write a share for people, and never 100 % for less."""
    if share in (0.0, 1.0):
        return f"{share * 100:.0f} %"
    return f"{min(max(share * 100, 0.01), 99.99):.2f}".rstrip("0").rstrip(".") + " %"


def counted(number: int, noun: str) -> str:
    """Write a number with its noun."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def filled(column: ColumnProfile, rows: int) -> int:
    """Count the rows that have a value."""
    return rows - column.nulls


def share_floor(column: ColumnProfile, setting: Setting) -> str:
    """Write a share of rows with a value that the next rows reach too."""
    share = filled(column, setting.rows) / setting.rows
    slack = share_slack(share, setting.rows) * setting.slack(column.name, "completeness")
    return decimal(max(0.0, share - slack), DOWN, places=2)


def share_slack(share: float, rows: int) -> float:
    """How far the share may fall: 0.05, or what chance alone does to so few rows."""
    deviation = (share * (1 - share) / max(rows, 1)) ** 0.5
    return float(max(0.05, 5 * deviation))


def is_id_name(name: str) -> bool:
    """Does a column's name say that it identifies something?"""
    return _ID_NAME.search(name) is not None


def is_personal(column: ColumnProfile) -> bool:
    """Could a column hold data of persons, which no rule or comment may repeat?"""
    if _PERSONAL_NAME.search(column.name):
        return True
    return column.type == "text" and any(
        _PERSONAL_VALUE.fullmatch(str(value)) for value, _ in column.top
    )
