"""What can be wrong with a ruleset or with a data file. Plain exceptions: this room ships alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_WIDTH = 100


class QualityError(Exception):
    """Anything of this room that the user can put right."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}" if self.hint else self.message


class DqdlSyntaxError(QualityError):
    """One thing that is wrong in a ruleset, with its place; `str()` shows the line and a caret."""

    def __init__(
        self, message: str, *, line: int, column: int, source_line: str, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.line = line
        self.column = column
        self.excerpt = _excerpt(source_line, column)

    def __str__(self) -> str:
        text = f"{self.line}:{self.column}: {self.message}\n{self.excerpt}"
        return f"{text}\nhint: {self.hint}" if self.hint else text


class DqdlErrors(QualityError):  # noqa: N818 - it holds several
    """Everything that is wrong in a ruleset, in the order of its lines."""

    def __init__(self, errors: Sequence[DqdlSyntaxError]) -> None:
        self.errors = tuple(sorted(errors, key=lambda error: (error.line, error.column)))
        super().__init__("\n".join(str(error) for error in self.errors))


class HistoryError(QualityError):
    """Earlier results cannot be read, or a new one cannot be kept."""


class RowsError(QualityError):
    """The rows that failed cannot be written as it was asked."""


class RowsNotWrittenError(RowsError):
    """They could be asked for like this, and this machine cannot do it now: its disk is full."""


class DataReadError(QualityError):
    """A data file that could be read only by guessing, or not at all."""


def _excerpt(source_line: str, column: int) -> str:
    """The line and a caret below the column, cut to a width that fits a terminal."""
    start = max(0, column - 1 - _WIDTH // 2)
    shown = "".join(
        character if character.isprintable() else " "
        for character in source_line[start : start + _WIDTH]
    )
    return f"  {shown}\n  {' ' * (column - 1 - start)}^"
