"""A ruleset against data files: each file has its own result, and one outcome sums them up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops_cli.core.errors import UsageError
from mlops_cli.core.exits import Exit
from mlops_cli.core.files import write_atomic
from mlops_cli.core.redact import redact

from .reading import open_data, open_datasets, read_ruleset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlops_cli.core.progress import Progress
    from mlops_cli.quality import QualityReport, Ruleset, Source

PASS, FAIL, ERROR = "PASS", "FAIL", "ERROR"
_EXITS = {PASS: Exit.DONE, FAIL: Exit.NO, ERROR: Exit.INVALID}


@dataclass(frozen=True, slots=True)
class DataResult:
    """What came of one data file: a report, or why there is none."""

    data: str
    """As the user named it."""
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


def check(
    ruleset: Path,
    data: Sequence[str],
    *,
    datasets: Sequence[str] = (),
    delimiter: str | None = None,
    junit: Path | None = None,
    progress: Progress,
) -> QualityCheck:
    """Run a ruleset on data files; a file that cannot be read stops none of the others.

    Args:
        ruleset: A file of DQDL.
        data: Paths or `file://` URIs of CSV, Parquet or JSON lines files.
        datasets: The other data sets that rules compare with, each as `NAME=FILE`.
        delimiter: Of CSV files; a comma by default.
        junit: Where to write the outcomes as JUnit XML.
        progress: Where to say what is being done.

    Raises:
        ProjectError: The ruleset, or a data set to compare with, cannot be read.
        UsageError: A data set is not `NAME=FILE`, or the JUnit file cannot be written.
    """
    rules = read_ruleset(ruleset, data)
    others = open_datasets(datasets, delimiter=delimiter)
    results = []
    for one in data:
        with progress.step(f"Checking `{one}`"):
            results.append(_check_one(rules, one, others, delimiter))
    checked = QualityCheck(str(ruleset), tuple(results))
    if junit is not None:
        _write_junit(checked, junit)
    return checked


def _check_one(
    rules: Ruleset, data: str, others: Mapping[str, Source], delimiter: str | None
) -> DataResult:
    from mlops_cli import quality

    try:
        source = open_data(data, delimiter=delimiter)
        return DataResult(data, quality.check(rules, source, datasets=others), notes=source.notes)
    except quality.DataReadError as error:
        return DataResult(data, reason=error.message, hint=error.hint)


def _write_junit(checked: QualityCheck, path: Path) -> None:
    from .junit import to_junit

    try:
        write_atomic(path, redact(to_junit(checked)))
    except OSError as error:
        raise UsageError(f"Could not write `{path}`: {error.strerror}") from error
