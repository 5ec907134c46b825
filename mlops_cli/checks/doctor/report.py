"""What the doctor found, as values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from mlops_cli.core.exits import Exit

if TYPE_CHECKING:
    from mlops_cli.core.errors import MlopsError


class Status(StrEnum):
    """How one look ended."""

    PASSED = "passed"
    WARNING = "warning"
    """It works, or may work; somebody should know."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """It could not be looked at; the reason is given."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    check: str
    """A stable word, such as `identity`."""
    status: Status
    summary: str
    hint: str | None = None
    """The command or the edit that mends it."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Everything that was looked at in one environment."""

    project: str
    environment: str
    kind: str
    target: str | None
    """Where releases go; None where that could not be found out."""
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def exit_code(self) -> Exit:
        """Whether a deploy may be expected to work."""
        failed = any(found.status is Status.FAILED for found in self.findings)
        return Exit.NO if failed else Exit.DONE

    def to_dict(self) -> dict[str, object]:
        """The diagnosis, with its verdict spelt out."""
        count = {
            str(status): sum(found.status is status for found in self.findings) for status in Status
        }
        return {
            "project": self.project,
            "environment": self.environment,
            "environment_kind": self.kind,
            "target": self.target,
            "healthy": self.exit_code is Exit.DONE,
            "count": count,
            "findings": self.findings,
            "seconds": self.seconds,
        }


def passed(check: str, summary: str) -> Finding:
    """It is as it should be."""
    return Finding(check, Status.PASSED, summary)


def failed(check: str, summary: str, hint: str | None = None) -> Finding:
    """It is not as it should be."""
    return Finding(check, Status.FAILED, summary, hint)


def warning(check: str, summary: str, hint: str | None = None) -> Finding:
    """It may be as it should be."""
    return Finding(check, Status.WARNING, summary, hint)


def skipped(check: str, reason: str) -> Finding:
    """It was not looked at."""
    return Finding(check, Status.SKIPPED, reason)


def from_error(check: str, error: MlopsError) -> Finding:
    """What an error says, as a finding."""
    return Finding(check, Status.FAILED, error.message, error.hint)
