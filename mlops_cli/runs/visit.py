"""Where a person looks at a project's pipelines in a browser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_cli.environments.open import open_environment

from .find_run import find_run
from .target import dag_of

if TYPE_CHECKING:
    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.project.model import Project


@dataclass(frozen=True, slots=True)
class WebPage:
    """A page of Airflow's web interface."""

    environment: str
    what: str
    url: str


def page(
    project: Project,
    pipeline: str | None,
    environment: str,
    *,
    run_id: str | None,
    progress: Progress,
    clock: Clock,
) -> WebPage:
    """The page of a pipeline, of one of its runs, or of all DAGs.

    Raises:
        UsageError: The project has no such pipeline.
        ProjectError: There is no such run.
        UnavailableError: The environment's Airflow does not run.
    """
    project = project.within(environment)
    dag_id = dag_of(project, pipeline) if pipeline else None
    opened = open_environment(project, environment, start=False, progress=progress, clock=clock)
    api = opened.airflow
    if dag_id is None or pipeline is None:
        return WebPage(environment, "all DAGs", api.dag_url())
    if run_id is not None:
        run = find_run(api, dag_id, run_id, pipeline=pipeline, environment=environment)
        return WebPage(environment, f"run {run.run_id}", api.run_url(dag_id, run.run_id))
    return WebPage(environment, dag_id, api.dag_url(dag_id))
