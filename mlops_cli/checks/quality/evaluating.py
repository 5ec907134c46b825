"""Evaluates a ruleset on one data file after the other, in a child that may crash on any."""

from __future__ import annotations

from collections import deque
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from mlops_cli.core.crashes import engine_died
from mlops_cli.core.errors import ProjectError, UsageError
from mlops_cli.core.forked import ChildDiedError, forked

from .keeping import history_of
from .outputs import UNTOUCHED
from .reading import open_data, public_name
from .results import DataResult
from .surviving import memory_for, open_datasets, wait_for_datasets

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence
    from pathlib import Path

    from mlops_cli.core.progress import Progress
    from mlops_cli.quality import FileHistory, QualityReport, Ruleset, Source

    from .page import FileView

    Evaluated: TypeAlias = "tuple[DataResult, FileView | None]"


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


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be done with each data file."""

    path: Path
    """Where the ruleset is."""
    rules: Ruleset
    datasets: Mapping[str, str]
    """The other data sets that rules compare with."""
    delimiter: str | None
    keep: Keeping | None
    rows: RowOptions | None
    composite: Literal["column", "row"]
    profile: Literal["aws", "deequ"]
    viewed: bool
    """There will be a page that shows it."""


def evaluated(job: Job, data: Sequence[str], progress: Progress) -> list[Evaluated]:
    """Evaluate all the files; where the engine dies on one, the next have a new one.

    Raises:
        ProjectError: A data set to compare with, or the history, cannot be read.
        UsageError: The rows that fail cannot be written.
    """
    found: list[Evaluated] = []
    pending = deque(data)
    while pending:
        with forked(_evaluate(job, tuple(pending))) as coming:
            wait_for_datasets(job.datasets, coming)
            # Not before: a spinner is a thread, and only one thread can be forked.
            try:
                while pending:
                    with progress.step(f"Checking `{public_name(pending[0])}`"):
                        found.append(next(coming))
                    pending.popleft()
                next(coming, None)
            except ChildDiedError as died:
                found.append(_died(job, pending.popleft(), died))
    return found


def _died(job: Job, data: str, died: ChildDiedError) -> Evaluated:
    if job.rows is not None:
        from mlops_cli import quality

        quality.FailedRows(job.rows.path).discard(died.pid)
    error = engine_died(public_name(data), died)
    result = DataResult(public_name(data), reason=error.message, hint=error.hint)
    return result, _view(job, result, None, ()) if job.viewed else None


def _evaluate(job: Job, data: Sequence[str]) -> Generator[Any, None, None]:
    """In the child: open what is compared with, then give an `Evaluated` for each file."""
    others: dict[str, Source] = {}
    yield from open_datasets(job.datasets, others, job.delimiter)
    for one in data:
        yield _evaluate_one(job, one, others)


def _evaluate_one(job: Job, data: str, others: Mapping[str, Source]) -> Evaluated:
    from mlops_cli.quality import DataReadError

    name = public_name(data)
    history = history_of(job.path, data, name=job.keep.name) if job.keep else None
    earlier = _earlier(history) if history is not None and job.viewed else ()
    try:
        with memory_for(name), closing(open_data(data, delimiter=job.delimiter)) as source:
            report, notes = _report(job, source, others, history)
            result = DataResult(name, report, notes=notes)
            return result, _view(job, result, source, (*earlier,)) if job.viewed else None
    except DataReadError as error:
        result = DataResult(name, reason=error.message, hint=error.hint)
        return result, _view(job, result, None, ()) if job.viewed else None


def _earlier(history: FileHistory) -> Sequence[dict[str, Any]]:
    from mlops_cli.quality import HistoryError

    try:
        return history.results()
    except HistoryError as error:
        raise ProjectError(error.message, hint=error.hint) from error


def _report(
    job: Job, source: Source, others: Mapping[str, Source], history: FileHistory | None
) -> tuple[QualityReport, tuple[str, ...]]:
    """Evaluate the rules on a file; give what is odd about it all, too.

    Raises:
        DataReadError: It is broken inside.
        ProjectError: The history cannot be used.
        UsageError: The rows that fail cannot be written.
    """
    from mlops_cli import quality

    wanted = job.rows
    rows = quality.FailedRows(wanted.path, wanted.redacted, wanted.most) if wanted else None
    try:
        report = quality.check(
            job.rules,
            source,
            datasets=others,
            rows=rows,
            history=history,
            composite=job.composite,
            profile=job.profile,
        )
        kept = history.notes if history is not None else ()
    except quality.RowsNotWrittenError as error:
        raise ProjectError(error.message, hint=error.hint, state=UNTOUCHED) from error
    except quality.RowsError as error:
        raise UsageError(error.message, hint=error.hint) from error
    except quality.HistoryError as error:
        raise ProjectError(error.message, hint=error.hint) from error
    return report, (*source.notes, *report.notes, *kept)


def _view(
    job: Job,
    result: DataResult,
    source: Source | None,
    earlier: tuple[dict[str, Any], ...],
) -> FileView:
    from .page import Material, file_view, material, rows_of

    if source is None:
        return file_view(result, job.rules, Material())
    failing = rows_of(job.rows.path) if job.rows is not None else None
    return file_view(
        result, job.rules, material(job.rules, source, earlier=earlier, failing=failing)
    )
