"""Secrets that do not print, and the one redactor every output goes through."""

from __future__ import annotations

import base64
import re
from typing import Final
from urllib.parse import quote

MASK: Final = "***"

_KEY_BEGINS: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")
_KEY_ENDS: Final = re.compile(r"-----END [A-Z ]*PRIVATE KEY-----")
# What each begins with is looked for first: that is a hundred times faster, and logs are long.
_PATTERNS: Final = (
    (("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    (("eyJ",), re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")),  # a JSON Web Token
    (
        ("PRIVATE KEY",),
        re.compile(rf"{_KEY_BEGINS.pattern}.*?(?:{_KEY_ENDS.pattern}|$)", re.S),
    ),
    (("xox",), re.compile(r"\bxox[abprs]-[\w-]{8,}")),
    (
        ("hooks.slack.com",),  # whoever has the address may write to the channel
        re.compile(r"\bhttps://hooks\.slack\.com/\w+/[\w/-]+"),
    ),
    (("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), re.compile(r"\bgh[pousr]_\w{20,}")),
)
# Of a key of 16,384 bits; what lacks its last line must not hide all that follows.
_KEY_LINES: Final = 220
# From the beginning of a word only, or a long one takes its length squared.
_USERINFO = re.compile(r"(?P<scheme>(?<![a-z0-9+.-])[a-z0-9+.-]+://)[^\s/@:]+:[^\s/@]+@", re.I)
_NAMED = re.compile(
    r"(?P<name>\b(?:\w*password|passwd|\w*api_?key|\w*secret(?:_?access)?_?key|\w*access_token)"
    # The place of a secret is none; neither is what was masked before.
    r"[\"']?\s*[=:]\s*[\"']?)(?!\*\*\*|(?:env|keyring|file|aws-secretsmanager):)[^\s\"',;}]+",
    re.I,
)
_NAMES: Final = ("passw", "apikey", "api_key", "secret", "access_token")
_HEADER = re.compile(r"(?P<name>authorization:\s*(?:bearer|basic)\s+)\S+", re.I)


class Secret:
    """A value that never shows itself; `reveal` is the only way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        _known.add(value)

    def reveal(self) -> str:
        """The value itself, for the call that needs it."""
        return self._value

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__


# Process-wide on purpose: a secret met anywhere must be masked everywhere, crash reports included.
_known: set[str] = set()


def redact(text: str) -> str:
    """Mask every secret that is known, has the form of one, or stands behind a name of one."""
    text = mask_values(text)
    lower = text.lower()
    if not any(name in lower for name in _NAMES):
        return text
    return _NAMED.sub(rf"\g<name>{MASK}", text)


def mask_values(text: str) -> str:
    """Mask known secrets (also base64 and URL-encoded) and what has the form of one."""
    for value in sorted(_known, key=len, reverse=True):
        if len(value) >= 4:
            for form in (value, quote(value, safe=""), base64.b64encode(value.encode()).decode()):
                text = text.replace(form, MASK)
    for beginnings, pattern in _PATTERNS:
        if any(beginning in text for beginning in beginnings):
            text = pattern.sub(MASK, text)
    if "://" in text and "@" in text:
        text = _USERINFO.sub(rf"\g<scheme>{MASK}@", text)
    if "authorization" not in text.lower():
        return text
    return _HEADER.sub(rf"\g<name>{MASK}", text)


class KeyMask:
    """Masks private keys in text that comes line by line, where no line of one is known for it."""

    def __init__(self) -> None:
        self._left = 0

    def __call__(self, line: str) -> str:
        """The line, or the mask where it is a part of a key; `redact` does the rest."""
        if self._left:
            self._left = 0 if _KEY_ENDS.search(line) else self._left - 1
            return MASK
        begin = _KEY_BEGINS.search(line) if "PRIVATE KEY" in line else None
        if begin is None or _KEY_ENDS.search(line):
            return line
        self._left = _KEY_LINES
        return line[: begin.start()] + MASK


# Control characters, invisible and direction-changing ones, line separators, lone surrogates.
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff"
    "\U000e0000-\U000e007f]"
)


def printable(text: str) -> str:
    """Text from elsewhere (logs, server messages, names) with control characters escaped."""
    return _CONTROL.sub(lambda match: ascii(match.group())[1:-1], text)
