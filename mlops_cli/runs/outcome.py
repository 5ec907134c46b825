"""What came of a run, in the words every command uses."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_cli.core.exits import Exit

from .follow import first_failed, label, log_tail
from .target import release_of

if TYPE_CHECKING:
    from datetime import datetime

    from mlops_cli.environments.port import TaskInfo

    from .follow import RunUpdate
    from .target import Target

_LOG_LINES: Final = 20


@dataclass(frozen=True, slots=True)
class TaskLine:
    """A task of a run, in few words."""

    task: str
    state: str | None
    seconds: float | None
    tries: int


@dataclass(frozen=True, slots=True)
class RunOutcome:
    """A run that was started, and how it ended if it was followed."""

    project: str
    environment: str
    pipeline: str
    dag_id: str
    run_id: str
    state: str
    url: str
    release: str | None
    """The release whose code runs."""
    seconds: float | None
    tasks: tuple[TaskLine, ...]
    failed_task: str | None
    log: tuple[str, ...]
    """The last lines of the failed task's log."""
    warnings: tuple[str, ...]
    exit_code: Exit


def outcome(last: RunUpdate, target: Target) -> RunOutcome:
    """What came of a run, by the last that was seen of it."""
    api, run = target.api, last.run
    failed = first_failed(last.tasks) if run.state == "failed" else None
    log: tuple[str, ...] = ()
    if failed is not None:
        log = log_tail(api, run.dag_id, run.run_id, failed, lines=_LOG_LINES)
    return RunOutcome(
        project=target.project.name,
        environment=target.environment.name,
        pipeline=target.pipeline,
        dag_id=run.dag_id,
        run_id=run.run_id,
        state=run.state,
        url=api.run_url(run.dag_id, run.run_id),
        release=release_of(target.dag),
        seconds=seconds(run.started, run.ended),
        tasks=task_lines(last.tasks),
        failed_task=label(failed) if failed else None,
        log=log,
        warnings=target.warnings,
        exit_code=Exit.NO if run.state == "failed" else Exit.DONE,
    )


def task_lines(tasks: tuple[TaskInfo, ...]) -> tuple[TaskLine, ...]:
    """Tasks in the order they were started."""
    ordered = sorted(
        tasks,
        key=lambda task: (
            task.started is None,
            task.started.timestamp() if task.started else 0.0,
            task.task_id,
            task.map_index,
        ),
    )
    return tuple(
        TaskLine(label(task), task.state, seconds(task.started, task.ended), task.try_number)
        for task in ordered
    )


def seconds(began: datetime | None, ended: datetime | None) -> float | None:
    """How long something took, when it has ended."""
    return (ended - began).total_seconds() if began and ended else None
