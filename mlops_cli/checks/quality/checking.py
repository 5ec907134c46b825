"""A ruleset against data files: each file has its own result, and one outcome sums them up."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from mlops_cli.core.errors import ProjectError, UsageError
from mlops_cli.core.exits import Exit
from mlops_cli.core.files import write_atomic
from mlops_cli.core.redact import redact

from .keeping import history_of
from .outputs import check_outputs
from .reading import open_data, open_datasets, public_name, read_ruleset

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlops_cli.core.progress import Progress
    from mlops_cli.quality import DataReadError, FileHistory, QualityReport, Ruleset, Source

    from .page import FileView

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


@dataclass(frozen=True, slots=True)
class Keeping:
    """Results are kept."""

    name: str | None = None
    """What the data set is called; by default it goes by where it is."""


@dataclass(frozen=True, slots=True)
class RowOptions:
    """Rows that fail are written."""

    path: Path
    redacted: tuple[str, ...] = ()
    most: int | None = None

    @classmethod
    def given(
        cls, path: Path | None, redacted: Sequence[str], most: int | None
    ) -> RowOptions | None:
        """Take them as a user gives them; None when no rows are asked for.

        Raises:
            UsageError: It is said how to write rows, and not where.
        """
        if path is not None:
            return cls(path, tuple(redacted), most)
        for option, given in (("--redact", bool(redacted)), ("--most-rows", most is not None)):
            if given:
                raise UsageError(
                    f"`{option}` is about the rows that fail, and none are to be written",
                    hint="Say where with `--rows failed.parquet`",
                )
        return None


def check(
    ruleset: Path,
    data: Sequence[str],
    *,
    datasets: Sequence[str] = (),
    delimiter: str | None = None,
    junit: Path | None = None,
    html: Path | None = None,
    keep: Keeping | None = None,
    rows: RowOptions | None = None,
    composite: Literal["column", "row"] = "column",
    profile: Literal["aws", "deequ"] = "aws",
    progress: Progress,
) -> QualityCheck:
    """Run a ruleset on data files; a file that cannot be read stops none of the others.

    Args:
        ruleset: A file of DQDL.
        data: Paths or `file://` URIs of CSV, Parquet or JSON lines files.
        datasets: The other data sets that rules compare with, each as `NAME=FILE`.
        delimiter: Of CSV files; a comma by default.
        junit: Where to write the outcomes as JUnit XML.
        html: Where to write the page that shows them.
        keep: How results are kept and compared with earlier ones; by default they are not.
        rows: Where to write the rows that fail; by default nowhere.
        composite: Whether composite rules join verdicts, or hold for each row.
        profile: Whose semantics hold where AWS's documents and Deequ differ.
        progress: Where to say what is being done.

    Raises:
        ProjectError: The ruleset, a data set to compare with, or the history cannot be read.
        UsageError: A data set is not `NAME=FILE`, or a file cannot be written.
    """
    if rows is not None and len(data) > 1:
        raise UsageError(
            f"Could not write rows to `{rows.path}`: rows of {len(data)} data files do not mix",
            hint="Give one data file, or leave out `--rows`",
        )
    check_outputs(
        {"--junit": junit, "--html": html, "--rows": rows.path if rows else None},
        ruleset=ruleset,
        data=data,
        datasets=datasets,
    )
    rules = read_ruleset(ruleset, data, profile=profile)
    others = open_datasets(datasets, delimiter=delimiter)
    results, views = [], []
    for one in data:
        name = public_name(one)
        with progress.step(f"Checking `{name}`"):
            history = history_of(ruleset, one, name=keep.name) if keep else None
            options = {"datasets": others, "history": history} | {
                "composite": composite,
                "profile": profile,
            }
            earlier = _earlier(history) if history is not None and html is not None else ()
            with _opened(one, delimiter) as source:
                results.append(_check_one(rules, name, source, options, rows))
                if html is not None:
                    views.append(_view(rules, results[-1], source, (*earlier,), rows))
    checked = QualityCheck(str(ruleset), tuple(results))
    if junit is not None:
        from .junit import to_junit

        _write(junit, to_junit(checked))
    if html is not None:
        from .page import to_html

        _write(html, to_html(str(ruleset), views))
    return checked


def _earlier(history: FileHistory) -> Sequence[dict[str, Any]]:
    from mlops_cli.quality import HistoryError

    try:
        return history.results()
    except HistoryError as error:
        raise ProjectError(error.message, hint=error.hint) from error


@contextmanager
def _opened(data: str, delimiter: str | None) -> Iterator[Source | DataReadError]:
    """Open a data file for as long as it is looked at; give the reason where it cannot be."""
    from mlops_cli.quality import DataReadError

    try:
        source = open_data(data, delimiter=delimiter)
    except DataReadError as error:
        yield error
        return
    try:
        yield source
    finally:
        source.close()


def _check_one(
    rules: Ruleset,
    data: str,
    source: Source | DataReadError,
    options: dict[str, Any],
    rows: RowOptions | None,
) -> DataResult:
    from mlops_cli import quality

    failed = quality.FailedRows(rows.path, rows.redacted, rows.most) if rows is not None else None
    history: quality.FileHistory | None = options["history"]
    try:
        if isinstance(source, quality.DataReadError):
            raise source
        report = quality.check(rules, source, rows=failed, **options)
        kept = history.notes if history is not None else ()
        return DataResult(data, report, notes=(*source.notes, *report.notes, *kept))
    except quality.RowsError as error:
        raise UsageError(error.message, hint=error.hint) from error
    except quality.HistoryError as error:
        raise ProjectError(error.message, hint=error.hint) from error
    except quality.DataReadError as error:
        return DataResult(data, reason=error.message, hint=error.hint)


def _view(
    rules: Ruleset,
    result: DataResult,
    source: Source | DataReadError,
    earlier: tuple[dict[str, Any], ...],
    rows: RowOptions | None,
) -> FileView:
    from mlops_cli.quality import DataReadError

    from .page import Material, file_view, material, rows_of

    if isinstance(source, DataReadError) or result.report is None:
        return file_view(result, rules, Material())
    failing = rows_of(rows.path) if rows is not None else None
    return file_view(result, rules, material(rules, source, earlier=earlier, failing=failing))


def _write(path: Path, text: str) -> None:
    try:
        write_atomic(path, redact(text))
    except OSError as error:
        raise UsageError(f"Could not write `{path}`: {error.strerror}") from error
