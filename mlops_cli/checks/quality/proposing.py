"""A ruleset proposed from a data file, and judged before anybody sees it."""

from __future__ import annotations

import shlex
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_cli.core.crashes import engine_died
from mlops_cli.core.errors import ConflictError, ProjectError, UsageError
from mlops_cli.core.forked import ChildDiedError, forked

from .outputs import is_data, write_output
from .reading import open_data, public_name
from .surviving import memory_for

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from pathlib import Path

    from mlops_cli.core.progress import Progress
    from mlops_cli.quality import Profile, Proposal


@dataclass(frozen=True, slots=True)
class SuggestedRuleset:
    """A ruleset that passes on the data it comes from."""

    data: str
    target: str | None
    task: str | None
    proposal: Proposal
    file: Path | None = None

    @property
    def text(self) -> str:
        """The ruleset as DQDL, each rule with the reason for it."""
        return self.proposal.text

    def to_dict(self) -> dict[str, Any]:
        """Give it ready for JSON."""
        found = self.proposal
        return {
            "data": self.data,
            "rows": found.rows,
            "target": self.target,
            "task": self.task,
            "rules": [{"rule": one.rule, "reason": one.reason} for one in found.suggestions],
            "remarks": [one.text for one in found.hints],
            "left_out": list(found.left_out),
            "held_out": {
                "splits": found.splits,
                "rows": found.held_out_rows,
                "rules": found.judged,
                "widened": found.widened,
            },
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
    given, data = data, public_name(data)
    with forked(_propose(given, target, task, delimiter)) as coming:
        try:
            with progress.step(f"Reading `{data}`"):
                notes = next(coming)
            with progress.step(f"Describing the columns of `{data}`"):
                profile = next(coming)
            task, reason = next(coming)
            if reason:
                progress.note(f"The task is {task}: {reason}")
            with progress.step(f"Judging proposed rules on rows of `{data}`"):
                found = next(coming)
            next(coming, None)
        except ChildDiedError as died:
            raise engine_died(data, died) from died
    _say(notes, profile, found, progress)
    if output is not None:
        write_output(output, found.text)
    return SuggestedRuleset(data, target, task, found, output)


def _propose(
    data: str, target: str | None, task: str | None, delimiter: str | None
) -> Generator[Any, None, None]:
    """In the child: give the file's notes, its profile, the task with why, and the proposal."""
    from mlops_cli import quality

    try:
        with (
            memory_for(public_name(data)),
            closing(open_data(data, delimiter=delimiter)) as source,
        ):
            yield source.notes
            profile = quality.profile(source)
            yield profile
            task, reason = _task(profile, target, task, public_name(data))
            yield task, reason
            yield quality.propose(source, profile=profile, target=target, task=task)
    except quality.DataReadError as error:
        raise ProjectError(error.message, hint=error.hint) from error


def _check_free(output: Path | None, data: str) -> None:
    if output is not None and is_data(output, data):
        raise UsageError(f"Could not write `{output}`: it is the data", hint="Give it another name")
    if output is not None and output.exists():
        raise ConflictError(
            f"Could not write `{output}`: it exists, and may have been edited",
            hint=f"`mlops quality suggest {shlex.quote(data)} > {shlex.quote(str(output))}` "
            "replaces it",
        )


def _task(
    profile: Profile, target: str | None, task: str | None, data: str
) -> tuple[str | None, str]:
    """Find what is learned of the target, nothing without one; and why, where nobody said it.

    Raises:
        ProjectError: There is no such column.
    """
    if target is None:
        return None, ""
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
    return infer_task(profile, column) if task is None else (task, "")


def _say(notes: Sequence[str], profile: Profile, found: Proposal, progress: Progress) -> None:
    for note in notes:
        progress.note(f"note: {note}")
    for column in profile.columns:
        if column.note:
            progress.note(f"note: `{column.name}` is text: {column.note}")
    for reason in found.left_out:
        progress.note(f"left out {reason}")
    if not profile.rows:
        progress.note("note: there are no rows, so only the columns are described")
    rules = len(found.suggestions)
    progress.note(f"{rules} rules: each passes on the data (rows: {profile.rows})")
    if profile.rows:
        progress.note(_held_out(found))


def _held_out(found: Proposal) -> str:
    if not found.splits:
        return "not judged on held-out rows: there are too few"
    widened = f", {found.widened} of them with more slack" if found.widened else ""
    return (
        f"{found.judged} of them could be judged on rows they were not made from, and held there"
        f"{widened} (splits: {found.splits}, held-out rows: {found.held_out_rows})"
    )
