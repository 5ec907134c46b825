"""A ruleset proposed from a data file, and proven on it before anybody sees it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_cli.core.errors import ConflictError, ProjectError, UsageError
from mlops_cli.core.files import write_atomic

from .reading import open_data

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlops_cli.core.progress import Progress
    from mlops_cli.quality import Profile, Source, Suggestion


@dataclass(frozen=True, slots=True)
class SuggestedRuleset:
    """A ruleset that passes on the data it comes from."""

    data: str
    rows: int
    target: str | None
    task: str | None
    suggestions: tuple[Suggestion, ...]
    left_out: tuple[str, ...]
    """Rules that were proposed and did not pass, each with the reason."""
    text: str
    """The ruleset as DQDL, each rule with the reason for it."""
    file: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Give it ready for JSON."""
        return {
            "data": self.data,
            "rows": self.rows,
            "target": self.target,
            "task": self.task,
            "rules": [{"rule": one.rule, "reason": one.reason} for one in self.suggestions],
            "left_out": list(self.left_out),
            "ruleset": self.text,
            "file": self.file,
        }


def suggest(
    data: str,
    *,
    target: str | None = None,
    task: str | None = None,
    delimiter: str | None = None,
    output: Path | None = None,
    progress: Progress,
) -> SuggestedRuleset:
    """Propose a ruleset; every rule of it passes on the data.

    Args:
        data: A path or a `file://` URI of a CSV, Parquet or JSON lines file.
        target: The column that a model learns to predict.
        task: `classification` or `regression`; by default inferred from the target.
        delimiter: Of a CSV file; a comma by default.
        output: The file to write it to.
        progress: Where to say what is being done.

    Raises:
        ProjectError: The data cannot be read, or has no such column.
        UsageError: There is a task and no target, or the file cannot be written.
        ConflictError: The file exists.
    """
    if task and target is None:
        raise UsageError(
            "`--task` says what is learned of a column, and there is no `--target`",
            hint=f"Add `--target COLUMN`, or leave `--task {task}` out",
        )
    _check_free(output, data)
    from mlops_cli import quality

    try:
        with progress.step(f"Reading `{data}`"):
            source = open_data(data, delimiter=delimiter)
            profile = quality.profile(source)
        task = _task(profile, target, task, data, progress)
        with progress.step(f"Checking the proposed rules on `{data}`"):
            found = quality.suggest(profile, target=target, task=task)
            kept, left_out = _proven(found, source)
    except quality.DataReadError as error:
        raise ProjectError(error.message, hint=error.hint) from error
    _say(source, profile, kept, left_out, progress)
    text = quality.render(kept)
    _write(output, text)
    return SuggestedRuleset(data, profile.rows, target, task, kept, left_out, text, output)


def _check_free(output: Path | None, data: str) -> None:
    if output is not None and output.exists():
        raise ConflictError(
            f"Could not write `{output}`: it exists, and may have been edited",
            hint=f"`mlops quality suggest {shlex.quote(data)} > {shlex.quote(str(output))}` "
            "replaces it",
        )


def _task(
    profile: Profile, target: str | None, task: str | None, data: str, progress: Progress
) -> str | None:
    """Say what is learned of the target; nothing without one.

    Raises:
        ProjectError: There is no such column.
    """
    if target is None:
        return None
    from mlops_cli.templates.dataset import infer_task

    column = profile.column(target)
    if column is None:
        from mlops_cli.quality.language.cursor import did_you_mean

        names = [one.name for one in profile.columns]
        near = did_you_mean(target, names)
        listed = ", ".join(f"`{name}`" for name in names[:12])
        more = f" and {len(names) - 12} more" if len(names) > 12 else ""
        raise ProjectError(
            f"There is no column `{target}` in `{data}`", hint=near or f"It has {listed}{more}"
        )
    if task is None:
        task, reason = infer_task(profile, column)
        progress.note(f"The task is {task}: {reason}")
    return task


def _proven(
    found: Sequence[Suggestion], source: Source
) -> tuple[tuple[Suggestion, ...], tuple[str, ...]]:
    """Keep what passes on the very data; what does not is named.

    Raises:
        DataReadError: The data cannot be read any more.
    """
    from mlops_cli import quality

    if not found:
        return (), ()
    outcomes = quality.check(quality.render(found), source).outcomes
    judged = list(zip(found, outcomes, strict=True))
    kept = tuple(one for one, outcome in judged if outcome.outcome == "PASS")
    left_out = tuple(
        f"{one.rule}: {outcome.message}" for one, outcome in judged if outcome.outcome != "PASS"
    )
    return kept, left_out


def _say(
    source: Source,
    profile: Profile,
    kept: Sequence[Suggestion],
    left_out: Sequence[str],
    progress: Progress,
) -> None:
    for note in source.notes:
        progress.note(f"note: {note}")
    for column in profile.columns:
        if column.note:
            progress.note(f"note: `{column.name}` is text: {column.note}")
    for reason in left_out:
        progress.note(f"left out {reason}")
    if not profile.rows:
        progress.note("note: there are no rows, so only the columns are described")
    progress.note(f"{len(kept)} rules: each passes on the data (rows: {profile.rows})")


def _write(output: Path | None, text: str) -> None:
    if output is None:
        return
    try:
        write_atomic(output, text)
    except OSError as error:
        raise UsageError(f"Could not write `{output}`: {error.strerror}") from error
