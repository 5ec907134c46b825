"""A ruleset against data files: a file that cannot be read stops none of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from mlops_cli.core.errors import UsageError
from mlops_cli.core.redact import redact

from .evaluating import Job, Keeping, RowOptions, evaluated
from .outputs import check_outputs, write_output
from .reading import named_datasets, read_ruleset
from .results import QualityCheck

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlops_cli.core.progress import Progress


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
    job = Job(
        ruleset,
        rules,
        named_datasets(datasets),
        delimiter,
        keep,
        rows,
        composite,
        profile,
        viewed=html is not None,
    )
    found = evaluated(job, data, progress)
    checked = QualityCheck(str(ruleset), tuple(result for result, _ in found))
    if junit is not None:
        from .junit import to_junit

        write_output(junit, redact(to_junit(checked)))
    if html is not None:
        from .page import to_html

        shown = [view for _, view in found if view is not None]
        write_output(html, redact(to_html(str(ruleset), shown)))
    return checked
