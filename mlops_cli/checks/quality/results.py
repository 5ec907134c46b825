"""What came of a ruleset on data files: each has its own result, and one outcome sums them up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops_cli.core.exits import Exit

if TYPE_CHECKING:
    from mlops_cli.quality import QualityReport

PASS, FAIL, ERROR = "PASS", "FAIL", "ERROR"
_EXITS = {PASS: Exit.DONE, FAIL: Exit.NO, ERROR: Exit.INVALID}


@dataclass(frozen=True, slots=True)
class DataResult:
    """What came of one data file: a report, or why there is none."""

    data: str
    """As the user named it, without what may be a secret."""
    report: QualityReport | None = None
    reason: str = ""
    hint: str | None = None
    notes: tuple[str, ...] = ()
    """What is odd about the file although it could be read."""

    @property
    def outcome(self) -> str:
        """FAIL when a rule failed; ERROR when none did and one, or the file, has no verdict."""
        if self.report is None or not self.report.outcomes:
            return ERROR
        if self.report.of(FAIL):
            return FAIL
        return ERROR if self.report.of(ERROR) else PASS

    def to_dict(self) -> dict[str, Any]:
        """Give it as Glue's GetDataQualityResult does; `Error` stands where there is no report."""
        if self.report is None:
            return {
                "Score": 0.0,
                "DataSource": {"Uri": self.data},
                "RuleResults": [],
                "AnalyzerResults": [],
                "Error": {"Message": self.reason, "Hint": self.hint},
            }
        return self.report.to_dict() | {"DataSource": {"Uri": self.data}}


@dataclass(frozen=True, slots=True)
class QualityCheck:
    """What came of a ruleset on all the files."""

    ruleset: str
    results: tuple[DataResult, ...]
    exit_code: Exit = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "exit_code", _EXITS[self.outcome])

    @property
    def outcome(self) -> str:
        """FAIL when anything failed, else ERROR when anything has no verdict, else PASS."""
        found = {result.outcome for result in self.results}
        return next((kind for kind in (FAIL, ERROR) if kind in found), PASS)

    def to_dict(self) -> dict[str, Any]:
        """Give the results ready for JSON."""
        return {
            "outcome": self.outcome,
            "results": [
                {"RulesetName": self.ruleset} | result.to_dict() for result in self.results
            ],
        }
