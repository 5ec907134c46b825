"""What a validation came to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlops_cli.core.diagnostics import Diagnostic, Location, Severity
from mlops_cli.core.exits import Exit


@dataclass(frozen=True, slots=True)
class Skipped:
    """A check that did not run, and why."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class CheckReport:
    """Everything that was checked and found."""

    project: str
    root: Path
    environment: str
    diagnostics: tuple[Diagnostic, ...]
    """Places are relative to `root`."""
    checks_run: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    cached: bool
    """Nothing had changed since the last run: these are its answers."""
    seconds: float
    strict: bool
    exit_code: int

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(item.severity is Severity.ERROR for item in self.diagnostics)

    @property
    def warnings(self) -> int:
        """How many findings are warnings."""
        return sum(item.severity is Severity.WARNING for item in self.diagnostics)


def exit_code(diagnostics: tuple[Diagnostic, ...], *, strict: bool) -> Exit:
    """0 when nothing is wrong; 3 when `mlops.yaml` is; 1 for everything else."""
    errors = [item for item in diagnostics if item.severity is Severity.ERROR]
    if any(item.code == "MLP101" for item in errors):
        return Exit.INVALID
    warned = strict and any(item.severity is Severity.WARNING for item in diagnostics)
    return Exit.NO if errors or warned else Exit.DONE


def to_json(item: Diagnostic) -> dict[str, Any]:
    """A finding as it is kept in the cache."""
    at = item.at
    return {
        "code": item.code,
        "severity": item.severity.value,
        "summary": item.summary,
        "at": [str(at.path), at.line, at.column, at.subject] if at else None,
        "detail": item.detail,
        "hint": item.hint,
    }


def from_json(kept: dict[str, Any]) -> Diagnostic:
    """A finding out of the cache."""
    at = kept["at"]
    place = Location(Path(at[0]), at[1], at[2], at[3]) if at else None
    severity = Severity(kept["severity"])
    return Diagnostic(kept["code"], severity, kept["summary"], place, kept["detail"], kept["hint"])
