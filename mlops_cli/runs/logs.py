"""What the tasks of a run said, page by page: a log may be larger than memory."""

from __future__ import annotations

import difflib
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import ProjectError, UsageError
from mlops_cli.environments.open import open_environment
from mlops_cli.environments.port import pages

from .follow import label
from .trigger import dag_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.port import AirflowApi, RunInfo, TaskInfo
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

    def lines(self, task: TaskInfo) -> Iterator[str]:
        """A task's log, line by line."""
        for page in pages(self.api, self.dag_id, self.run_id, task):
            yield from page.lines

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


def logs(
    project: Project,
    pipeline: str,
    task: str | None,
    environment: str,
    *,
    run_id: str | None,
    progress: Progress,
    clock: Clock,
) -> TaskLog:
    """The logs of a run, by default the newest; of one task, or of all that ran.

    Raises:
        UsageError: There is no such pipeline or task.
        ProjectError: There is no such run.
        UnavailableError: The environment's Airflow does not run.
    """
    dag_id = dag_of(project, pipeline)
    opened = open_environment(project, environment, start=False, progress=progress, clock=clock)
    api = opened.airflow
    run = _run(api, dag_id, run_id, pipeline, environment)
    known = sorted(
        api.tasks(dag_id, run.run_id),
        key=lambda found: (
            found.started.timestamp() if found.started else float("inf"),
            found.task_id,
            found.map_index,
        ),
    )
    chosen = [found for found in known if task in (found.task_id, label(found))]
    if task is not None and not chosen:
        names = list(dict.fromkeys(found.task_id for found in known))
        near = difflib.get_close_matches(task, names, n=1)
        raise UsageError(
            f"There is no task `{task}` in run `{run.run_id}`",
            hint=f"Did you mean `{near[0]}`?" if near else f"Its tasks: {', '.join(names)}",
        )
    if task is None:
        chosen = [found for found in known if found.state not in _NOT_RUN]
    return TaskLog(dag_id, run.run_id, run.state, api, tuple(chosen))


def _run(
    api: AirflowApi, dag_id: str, run_id: str | None, pipeline: str, environment: str
) -> RunInfo:
    if run_id is not None:
        found = api.run(dag_id, run_id)
    else:
        found = next(iter(api.runs(dag_id, limit=1)), None)
    if found is not None:
        return found
    what = f"run `{run_id}`" if run_id else "any run"
    raise ProjectError(
        f"Could not find {what} of `{dag_id}` in `{environment}`",
        hint=f"Start one: `mlops trigger {pipeline} --env {environment}`",
    )
