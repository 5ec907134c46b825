"""What the tasks of a run said, piece by piece: a log may be larger than memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.errors import MlopsError
from mlops_cli.core.exits import Exit
from mlops_cli.environments.open import open_environment

from .find_run import find_run, named
from .follow import LogLine, RunUpdate, follow_logs, label, order
from .reading import read_all
from .target import dag_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.port import AirflowApi, TaskInfo
    from mlops_cli.project.model import Project

_LINES_IN_JSON: Final = 10_000
_NOT_RUN: Final = (None, "scheduled", "queued", "skipped", "upstream_failed", "removed")


@dataclass(frozen=True, slots=True)
class TaskLog:
    """The logs of a run's tasks, read while they are shown."""

    dag_id: str
    run_id: str
    state: str
    api: AirflowApi
    tasks: tuple[TaskInfo, ...]
    clock: Clock = field(default_factory=SystemClock)

    def lines(self, task: TaskInfo) -> Iterator[str]:
        """A task's log, line by line."""
        return read_all(self.api, self.dag_id, self.run_id, task, clock=self.clock)

    def to_dict(self) -> dict[str, Any]:
        """As JSON: of each task the last lines."""
        shown = [
            {
                "task": label(task),
                "state": task.state,
                "try_number": task.try_number,
                "lines": list(deque(self.lines(task), maxlen=_LINES_IN_JSON)),
            }
            for task in self.tasks
        ]
        return {
            "dag_id": self.dag_id,
            "run_id": self.run_id,
            "state": self.state,
            "tasks": shown,
        }


@dataclass(frozen=True, slots=True)
class FollowedLog:
    """Logs that were shown while they were written, to the end of the run or of the task."""

    dag_id: str
    run_id: str
    task: str | None
    state: str
    lines: int
    exit_code: Exit


class LogListener(Protocol):
    """Somebody who is shown what tasks say."""

    def line(self, line: LogLine) -> None:
        """Look at a line."""

    def __call__(self, update: RunUpdate) -> None:
        """Look at the run; all lines so far were given."""

    def close(self) -> None:
        """Nothing more comes."""


def logs(
    project: Project,
    pipeline: str,
    task: str | None,
    environment: str,
    *,
    run_id: str | None,
    listener: LogListener | None = None,
    timeout_seconds: float | None = None,
    progress: Progress,
    clock: Clock,
) -> TaskLog | FollowedLog:
    """The logs of a run, by default the newest; of one task, or of all that ran.

    Args:
        project: Whose pipeline.
        pipeline: Its name.
        task: Only this task, or this part of a mapped one.
        environment: Where.
        run_id: Which run.
        listener: Shown the lines as they come, until the run has ended; None: what there is now.
        timeout_seconds: How long to follow.
        progress: Told how the run ended.
        clock: For waiting.

    Raises:
        UsageError: There is no such pipeline or task.
        ProjectError: There is no such run.
        UnavailableError: The environment's Airflow does not run.
        UnfinishedError: The end was not seen.
    """
    project = project.within(environment)
    dag_id = dag_of(project, pipeline)
    opened = open_environment(project, environment, start=False, progress=progress, clock=clock)
    api = opened.airflow
    run = find_run(api, dag_id, run_id, pipeline=pipeline, environment=environment)
    known = tuple(sorted(api.tasks(dag_id, run.run_id), key=order))
    # A part of a mapped task is known only once the run has come that far.
    chosen = () if task is None else named(known, task.partition("[")[0], run.run_id)
    if listener is not None:
        return followed_logs(
            api,
            dag_id,
            run.run_id,
            task=task,
            listener=listener,
            again=f"{pipeline}{f' {task}' if task else ''} --env {environment}",
            timeout_seconds=timeout_seconds,
            progress=progress,
            clock=clock,
        )
    if task is None:
        chosen = tuple(found for found in known if found.state not in _NOT_RUN)
    else:
        chosen = named(known, task, run.run_id)
    return TaskLog(dag_id, run.run_id, run.state, api, chosen, clock)


def followed_logs(
    api: AirflowApi,
    dag_id: str,
    run_id: str,
    *,
    task: str | None,
    listener: LogListener,
    again: str,
    timeout_seconds: float | None,
    progress: Progress,
    clock: Clock,
) -> FollowedLog:
    """Show the logs of a run to a listener until its end, or the task's; the code is its result.

    Raises:
        UnfinishedError: The end was not seen.
    """
    last: RunUpdate | None = None
    count = 0
    seen = follow_logs(api, dag_id, run_id, task=task, timeout_seconds=timeout_seconds, clock=clock)
    try:
        for item in seen:
            if isinstance(item, LogLine):
                count += 1
                listener.line(item)
            else:
                last = item
                listener(item)
    except (KeyboardInterrupt, SystemExit):
        progress.note(f"Run {run_id} goes on: `mlops logs {again} --run-id {run_id} --follow`")
        raise
    except MlopsError as error:
        error.hint = error.hint or f"Look at it again: `mlops logs {again} --run-id {run_id}`"
        raise
    finally:
        listener.close()
    assert last is not None  # noqa: S101 -- following gives an update or raises
    state = last.run.state if task is None else _state(named(last.tasks, task, run_id))
    progress.note(f"{task or 'Run ' + run_id} is over: {state}")
    bad = state in ("failed", "upstream_failed")
    return FollowedLog(dag_id, run_id, task, state, count, Exit.NO if bad else Exit.DONE)


def _state(tasks: tuple[TaskInfo, ...]) -> str:
    """The worst of a mapped task's parts."""
    states = [task.state or "none" for task in tasks]
    return next((bad for bad in ("failed", "upstream_failed") if bad in states), states[0])
