"""Cuts DQDL text into tokens. Never fails: what is no token becomes a `bad` one with its reason."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\r\n\f]+)
    | (?P<comment>\#[^\n]*)
    | (?P<date>"[0-9]{4}-[0-9]{2}-[0-9]{2}")
    | (?P<time>"(?:[0-9]{1,2}:[0-9]{2}[ ](?:AM|PM)|[0-9]{2}:[0-9]{2})")
    | (?P<string>"(?:[^"\\]|\\["\\]?)*")
    | (?P<now>now\(\))
    | (?P<word>[A-Za-z0-9_.]+)
    | (?P<bad>==|<>|//|&&|\|\|)
    | (?P<mark>!\s*=|>=|<=|[\[\]{}(),=<>+\-*/:$])
    """,
    re.VERBOSE,
)
_INTEGER = re.compile(r"[0-9]+")
_DECIMAL = re.compile(r"[0-9]+\.[0-9]+")

_BAD = {
    "==": ("`==` is not an operator", "Write `=`"),
    "<>": ("`<>` is not an operator", "Write `!=`"),
    "//": ("`//` does not start a comment", "Comments start with `#`"),
    "&&": ("`&&` is not an operator", "Write `(...) and (...)`"),
    "||": ("`||` is not an operator", "Write `(...) or (...)`"),
}
_QUOTES = "'`\u2018\u2019\u201c\u201d\u00ab\u00bb"


class Token(NamedTuple):
    """One token: `kind` is string, date, time, now, integer, decimal, word, mark, bad or end."""

    kind: str
    text: str
    start: int
    reason: str = ""
    hint: str | None = None

    @property
    def end(self) -> int:
        """The offset after its last character."""
        return self.start + len(self.text)

    @property
    def raw(self) -> str:
        """What stands between the quotes."""
        return self.text[1:-1]


def tokens(text: str) -> list[Token]:
    """Cut a text into tokens; the last is always `end`."""
    found: list[Token] = []
    position = 1 if text.startswith("\ufeff") else 0
    while position < len(text):
        token = _next(text, position)
        if token.kind not in ("space", "comment"):
            found.append(token)
        position = token.end
    found.append(Token("end", "", len(text)))
    return found


def _next(text: str, position: int) -> Token:
    match = _TOKEN.match(text, position)
    if match is None:
        return _stranger(text, position)
    kind, value = str(match.lastgroup), match.group()
    if kind == "bad":
        return Token("bad", value, position, *_BAD[value])
    if kind == "word":
        kind = _word_kind(value)
    return Token(kind, value, position)


def _word_kind(value: str) -> str:
    if _INTEGER.fullmatch(value):
        return "integer"
    return "decimal" if _DECIMAL.fullmatch(value) else "word"


def _stranger(text: str, position: int) -> Token:
    character = text[position]
    if character == '"':
        line = text[position:].split("\n", 1)[0].rstrip("\r")
        return Token("bad", line, position, 'This string has no closing `"`', 'Add the closing `"`')
    if character == "!":
        return Token("bad", "!", position, "`!` stands alone", "Write `!=` or `not`")
    if character in _QUOTES:
        return Token(
            "bad",
            character,
            position,
            f"`{character}` is not a quotation mark of DQDL",
            'Put text and names in straight double quotes: "…"',
        )
    name = unicodedata.name(character, f"U+{ord(character):04X}").lower()
    shown = f"`{character}` ({name})" if character.isprintable() else f"The character {name}"
    return Token(
        "bad", character, position, f"{shown} has no meaning here", _outside_hint(character)
    )


def _outside_hint(character: str) -> str | None:
    if character.isspace():
        return "Replace it by a plain space"
    return 'Names with other characters than letters, digits, `_` and `.` need quotes: "…"'
