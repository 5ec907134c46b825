"""Where something is wrong, and what: the value every check and loader reports in."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path  # noqa: TC003 -- a dataclass field, read at run time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file; line and column count from 1."""

    path: Path
    line: int | None = None
    column: int | None = None
    subject: str | None = None
    """What stands there, such as `environments.staging.bucket`."""

    def __str__(self) -> str:
        parts = [str(self.path), *(str(n) for n in (self.line, self.column) if n is not None)]
        return ":".join(parts) + (f" ({self.subject})" if self.subject else "")


class Severity(StrEnum):
    """How bad it is: only an error makes a check fail (`--strict`: a warning too)."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: a stable code, one sentence, where, and what to do."""

    code: str
    severity: Severity
    summary: str
    at: Location | None = None
    detail: str | None = None
    hint: str | None = None


def problem_count(found: Sequence[Diagnostic]) -> str:
    """How many there are, in words: `1 problem`, `2 problems`."""
    return f"{len(found)} problem{'s' if len(found) > 1 else ''}"
