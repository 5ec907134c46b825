"""Finds a run, and the tasks of it somebody means."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from mlops_cli.core.errors import ProjectError, UsageError

from .follow import label

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_cli.environments.port import AirflowApi, RunInfo, TaskInfo


def find_run(
    api: AirflowApi, dag_id: str, run_id: str | None, *, pipeline: str, environment: str
) -> RunInfo:
    """The run of that id, or the newest.

    Raises:
        ProjectError: There is none.
    """
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


def named(tasks: Iterable[TaskInfo], name: str, run_id: str) -> tuple[TaskInfo, ...]:
    """The tasks called so: `fit` is every part of a mapped one, `fit[2]` is its third.

    Raises:
        UsageError: The run has no such task.
    """
    known = tuple(tasks)
    chosen = tuple(task for task in known if name in (task.task_id, label(task)))
    if chosen:
        return chosen
    names = list(dict.fromkeys(task.task_id for task in known))
    near = difflib.get_close_matches(name, names, n=1)
    raise UsageError(
        f"There is no task `{name}` in run `{run_id}`",
        hint=f"Did you mean `{near[0]}`?" if near else f"Its tasks: {', '.join(names)}",
    )
