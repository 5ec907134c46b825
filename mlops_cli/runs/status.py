"""What a project's pipelines are doing in an environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_cli.environments import record
from mlops_cli.environments.open import open_environment

from .outcome import TaskLine, seconds, task_lines
from .target import dag_of, release_of

if TYPE_CHECKING:
    from datetime import datetime

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.open import Environment
    from mlops_cli.project.model import Project

_RUNS: Final = 5


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run, in few words."""

    run_id: str
    state: str
    run_type: str | None
    started: datetime | None
    seconds: float | None
    url: str


@dataclass(frozen=True, slots=True)
class PipelineStatus:
    """One pipeline and its newest runs."""

    pipeline: str
    dag_id: str
    state: str
    """`live`, `paused`, `stale`, `import error` or `not deployed`."""
    release: str | None
    runs: tuple[RunLine, ...]
    tasks: tuple[TaskLine, ...]
    """Of the newest run."""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """A project's pipelines in an environment."""

    project: str
    environment: str
    airflow: str
    deployed: str | None
    """The release deployed last."""
    pipelines: tuple[PipelineStatus, ...]


def status(
    project: Project, pipeline: str | None, environment: str, *, progress: Progress, clock: Clock
) -> StatusReport:
    """The state of one pipeline, or of all.

    Raises:
        UsageError: The project has no such pipeline.
        UnavailableError: The environment's Airflow does not run.
    """
    project = project.within(environment)
    names = [pipeline] if pipeline else list(project.dag_ids)
    for name in names:
        dag_of(project, name)
    opened = open_environment(project, environment, start=False, progress=progress, clock=clock)
    live = record.live(opened.store, project.name)
    return StatusReport(
        project=project.name,
        environment=environment,
        airflow=opened.airflow.name,
        deployed=live.current if live else None,
        pipelines=tuple(_pipeline(opened, project, name) for name in names),
    )


def _pipeline(environment: Environment, project: Project, pipeline: str) -> PipelineStatus:
    api, dag_id = environment.airflow, dag_of(project, pipeline)
    dag = api.dag(dag_id)
    if dag is None:
        return PipelineStatus(pipeline, dag_id, "not deployed", None, (), ())
    state = "paused" if dag.is_paused else "live"
    if dag.is_stale or dag.has_import_errors:
        state = "stale" if dag.is_stale else "import error"
    runs = api.runs(dag_id, limit=_RUNS)
    tasks = task_lines(api.tasks(dag_id, runs[0].run_id)) if runs else ()
    lines = tuple(
        RunLine(
            run.run_id,
            run.state,
            run.run_type,
            run.started,
            seconds(run.started, run.ended),
            api.run_url(dag_id, run.run_id),
        )
        for run in runs
    )
    return PipelineStatus(pipeline, dag_id, state, release_of(dag), lines, tasks)
