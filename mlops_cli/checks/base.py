"""The form of a check: one small unit, one code, and a docstring that is its documentation."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path  # noqa: TC003 -- a dataclass field, read at run time
from typing import TYPE_CHECKING

from mlops_cli.core.diagnostics import Diagnostic, Location, Severity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .subject import Subject


class Stage(StrEnum):
    """What a check needs: the files alone, a package index, or Airflow's own interpreter."""

    STATIC = "static"
    INDEX = "index"
    IMPORT = "import"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found; the runner adds the check's code and severity."""

    summary: str
    path: Path | None = None
    """Relative to the project."""
    line: int | None = None
    column: int | None = None
    hint: str | None = None
    detail: str | None = None
    severity: Severity | None = None
    """When it is not the check's usual one."""
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what it is called, what it needs, how bad its findings are."""

    code: str
    inspect: Callable[[Subject], Iterable[Finding]]
    documentation: str
    severity: Severity
    stage: Stage
    requires: tuple[str, ...]
    """Codes that must have found no error, else this check would only repeat them."""

    @property
    def title(self) -> str:
        """The first line of its documentation."""
        return self.documentation.splitlines()[0].rstrip(".")

    def run(self, subject: Subject) -> tuple[Diagnostic, ...]:
        """Everything it has to say about a project."""
        return tuple(self._diagnose(finding) for finding in self.inspect(subject))

    def _diagnose(self, found: Finding) -> Diagnostic:
        at = None
        if found.path is not None:
            at = Location(found.path, found.line, found.column, found.subject)
        severity = found.severity or self.severity
        return Diagnostic(self.code, severity, found.summary, at, found.detail, found.hint)


def check(
    code: str,
    *,
    severity: Severity = Severity.ERROR,
    stage: Stage = Stage.STATIC,
    requires: tuple[str, ...] = (),
) -> Callable[[Callable[[Subject], Iterable[Finding]]], Check]:
    """Make a check of a function that yields what is wrong.

    Args:
        code: `MLP`, a family digit and two digits; never used again for something else.
        severity: How bad its findings usually are.
        stage: Whether it needs a package index, or the DAGs imported.
        requires: Checks that must be clean before this one makes sense.
    """

    def make(function: Callable[[Subject], Iterable[Finding]]) -> Check:
        documentation = inspect.getdoc(function) or ""
        return Check(code, function, documentation, severity, stage, requires)

    return make
