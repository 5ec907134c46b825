"""A place in a list of tokens, and the words to say what is wrong there."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from ..errors import DqdlSyntaxError
from .lexer import Token, tokens
from .model import Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MOST_NESTED = 100
_NEAR_MATCHES = 3


class Cursor:
    """Reads tokens one after the other; moves only through its own methods."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._tokens = tokens(text)
        self._index = 0
        self._depth = 0
        self.terms = 0
        """How many terms the calculation read now has, in all its parentheses."""

    @property
    def token(self) -> Token:
        """The token to read next."""
        return self._tokens[self._index]

    def ahead(self, count: int = 1) -> Token:
        """Look at a later token."""
        return self._tokens[min(self._index + count, len(self._tokens) - 1)]

    @property
    def last_end(self) -> int:
        """Where the token read last ends."""
        return self._tokens[self._index - 1].end if self._index else 0

    def take(self) -> Token:
        """Read a token, whatever it is; one that has no meaning is an error."""
        token = self.token
        if token.kind == "bad":
            self.fail(token.reason, hint=token.hint)
        self._index = min(self._index + 1, len(self._tokens) - 1)
        return token

    def at_mark(self, *texts: str) -> bool:
        """Is the next token one of these marks?"""
        return self.token.kind == "mark" and self.token.text in texts

    def at_word(self, *texts: str) -> bool:
        """Is the next token one of these words?"""
        return self.token.kind == "word" and self.token.text in texts

    def accept(self, *texts: str) -> Token | None:
        """Read the next token if it is one of these words or marks."""
        return self.take() if self.at_mark(*texts) or self.at_word(*texts) else None

    def expect(self, text: str, after: str) -> Token:
        """Read a mark or word that must stand here."""
        if self.at_mark(text) or self.at_word(text):
            return self.take()
        return self.unexpected(f"`{text}` {after}")

    def expect_string(self, what: str) -> Token:
        """Read a quoted string that must stand here."""
        if self.token.kind == "string":
            return self.take()
        return self.unexpected(what)

    def enter(self) -> None:
        """Go one level deeper; too deep is an error, not a crash."""
        self._depth += 1
        if self._depth > _MOST_NESTED:
            self.fail(f"This is nested deeper than {_MOST_NESTED} levels")

    def leave(self) -> None:
        """Come one level up."""
        self._depth -= 1

    @property
    def position(self) -> int:
        """How many tokens were read; for `skip_to_end_of_item`."""
        return self._index

    def skip_to_end_of_item(self, start: int) -> None:
        """After an error in the item that starts at a position, go to the `,` or `]` that ends it.

        Brackets are counted from the item's start: the error may be deep inside.
        """
        reached = self._index
        self._index = start
        self._depth = 0
        depth = 0
        while self.token.kind != "end":
            if depth <= 0 and self._index >= reached and self.at_mark(",", "]"):
                return
            depth += self.at_mark("[", "(", "{") - self.at_mark("]", ")", "}")
            self._index += 1

    def unexpected(self, wanted: str, *, hint: str | None = None) -> NoReturn:
        """Say what was wanted here and what stands here instead."""
        token = self.token
        if token.kind == "bad":
            self.fail(token.reason, hint=token.hint)
        found = "the end of the text" if token.kind == "end" else f"`{token.text}`"
        self.fail(f"Expected {wanted}, found {found}", hint=hint)

    def fail(
        self, message: str, *, hint: str | None = None, at: Token | int | None = None
    ) -> NoReturn:
        """Raise an error at a token or offset; by default at the next token."""
        offset = at if isinstance(at, int) else (at or self.token).start
        line, column = place(self.text, offset)
        lines = self.text.split("\n")
        source_line = lines[line - 1].rstrip("\r")
        raise DqdlSyntaxError(message, line=line, column=column, source_line=source_line, hint=hint)

    def span(self, start: int) -> Span:
        """The span from an offset to the token read last."""
        line, column = place(self.text, start)
        return Span(line, column, start, self.last_end)


def place(text: str, offset: int) -> tuple[int, int]:
    """Turn an offset into line and column, both from one; a byte order mark takes no column."""
    start = text.rfind("\n", 0, offset) + 1
    mark = 1 if start == 0 and text.startswith("\ufeff") else 0
    return text.count("\n", 0, offset) + 1, max(1, offset - start + 1 - mark)


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Make a hint of at most three names that are near."""
    matches = near(name, tuple(known))
    return f"Did you mean {' or '.join(f'`{match}`' for match in matches)}?" if matches else None


def near(name: str, known: Sequence[str]) -> list[str]:
    """List at most three known names near to this one; the same in another case comes alone."""
    same = [other for other in known if other.lower() == name.lower()]
    if same:
        return same[:_NEAR_MATCHES]
    import difflib

    lower = {other.lower(): other for other in known}
    return [
        lower[match]
        for match in difflib.get_close_matches(name.lower()[:80], lower, _NEAR_MATCHES, 0.7)
    ]
