"""Runs a part of a run again: a task that failed, and what comes after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_cli.core.errors import (
    ConflictError,
    NotAllowedError,
    ProjectError,
    UnavailableError,
    UnfinishedError,
)

from .find_run import find_run, named
from .follow import ENDED, label
from .target import find, require_running
from .trigger import to_its_end

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.port import AirflowApi, RunInfo, TaskInfo
    from mlops_cli.project.model import Project

    from .follow import Listener
    from .outcome import RunOutcome


def rerun(
    project: Project,
    pipeline: str,
    environment: str,
    *,
    tasks: Sequence[str],
    run_id: str | None,
    any_release: bool,
    unpause: bool,
    listener: Listener | None,
    timeout_seconds: float | None,
    progress: Progress,
    clock: Clock,
) -> RunOutcome:
    """Run tasks of a run again, and all that follow them; with a listener, to the run's end.

    Args:
        project: Whose pipeline.
        pipeline: Its name.
        environment: Where.
        tasks: Names such as `fit`, or `fit[2]` for a part of a mapped task.
        run_id: Of which run; by default of the newest.
        any_release: Run what is live even if something else was deployed last.
        unpause: Unpause the DAG when it is paused.
        listener: Shown how the run goes on.
        timeout_seconds: How long to follow.
        progress: Told what runs again.
        clock: For waiting.

    Raises:
        UsageError: The run has no such task.
        ProjectError: There is no such run.
        ConflictError: One of the tasks runs, or the DAG is paused or of another release.
        UnfinishedError: It is unknown whether they run again, or how the run ended.
    """
    target = find(
        project, pipeline, environment, any_release=any_release, progress=progress, clock=clock
    )
    api, dag_id = target.api, target.dag.dag_id
    run = find_run(api, dag_id, run_id, pipeline=pipeline, environment=environment)
    before = api.tasks(dag_id, run.run_id)
    chosen = tuple(task for name in tasks for task in named(before, name, run.run_id))
    if not any(task.state for task in chosen):
        raise ProjectError(
            f"Could not run `{label(chosen[0])}` again: it has not run in `{run.run_id}`",
            hint=f"Look at the run: `mlops status {target.again}`",
        )
    require_running(target, unpause=unpause)
    ids = [_mark(name, chosen) for name in tasks]
    try:
        cleared = api.clear(dag_id, run.run_id, ids)
        names = dict.fromkeys(label(task) for task in cleared)
        progress.note(f"Run again in {run.run_id}: {', '.join(names)}")
    except ConflictError as error:
        error.hint = f"Wait for it: `mlops logs {target.again} --run-id {run.run_id} --follow`"
        raise
    except UnfinishedError as error:
        if not _was_cleared(api, dag_id, run, before):
            error.hint = "Run the same command again"
            raise
        progress.note(f"Tasks of {run.run_id} run again")
    now = api.run(dag_id, run.run_id) or run
    return to_its_end(
        target,
        now,
        listener=listener,
        timeout_seconds=timeout_seconds,
        progress=progress,
        clock=clock,
    )


def _mark(name: str, chosen: Sequence[TaskInfo]) -> str | tuple[str, int]:
    found = next(task for task in chosen if name in (task.task_id, label(task)))
    part = name == label(found) and found.map_index >= 0
    return (found.task_id, found.map_index) if part else found.task_id


def _was_cleared(api: AirflowApi, dag_id: str, run: RunInfo, before: tuple[TaskInfo, ...]) -> bool:
    try:
        now = api.run(dag_id, run.run_id)
        tasks = api.tasks(dag_id, run.run_id)
    except (UnavailableError, NotAllowedError):
        return False
    if now is None:
        return False
    known = {label(task): (task.state, task.try_number) for task in before}
    changed = any(
        known.get(label(task), (None, 0)) != (task.state, task.try_number) for task in tasks
    )
    return changed or (run.state in ENDED and now.state not in ENDED)
