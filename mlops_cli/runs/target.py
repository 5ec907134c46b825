"""A pipeline where it is deployed, and whether what would run is what was deployed."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import ConflictError, ProjectError, UsageError
from mlops_cli.environments import record
from mlops_cli.environments.open import open_environment

if TYPE_CHECKING:
    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.open import Environment
    from mlops_cli.environments.port import AirflowApi, DagInfo
    from mlops_cli.project.model import Project

_CATCH_UP_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class Target:
    """A pipeline as an environment's Airflow has it, ready to run."""

    project: Project
    pipeline: str
    environment: Environment
    dag: DagInfo
    warnings: tuple[str, ...]

    @property
    def api(self) -> AirflowApi:
        """The environment's Airflow."""
        return self.environment.airflow

    @property
    def again(self) -> str:
        """The arguments that look at it again, such as `training --env local`."""
        return f"{self.pipeline} --env {self.environment.name}"


def find(
    project: Project,
    pipeline: str,
    environment: str,
    *,
    any_release: bool,
    progress: Progress,
    clock: Clock,
) -> Target:
    """The pipeline, proved to be what was deployed to that environment last.

    Args:
        project: Whose pipeline.
        pipeline: Its name, such as `training`.
        environment: Where.
        any_release: Take what is live even if something else was deployed last, and say so.
        progress: Told of a difference.
        clock: For waiting until Airflow has caught up.

    Raises:
        UsageError: The project has no such pipeline.
        ProjectError: It is not deployed there.
        ConflictError: What is live is of another environment, or not what was deployed last.
    """
    project = project.within(environment)
    dag_of(project, pipeline)
    opened = open_environment(project, environment, start=True, progress=progress, clock=clock)
    dag = deployed(opened, project, pipeline)
    check_environment(opened, dag)
    if any_release:
        warnings = stale_warning(opened, project, dag)
    else:
        dag, warnings = fresh(opened, project, dag, pipeline, progress=progress, clock=clock), ()
    for warning in warnings:
        progress.note(f"warning: {warning}")
    return Target(project, pipeline, opened, dag, warnings)


def dag_of(project: Project, pipeline: str) -> str:
    """The DAG id of a pipeline.

    Raises:
        UsageError: The project has no such pipeline.
    """
    if pipeline not in project.dag_ids:
        known = ", ".join(f"`{name}`" for name in project.dag_ids)
        near = difflib.get_close_matches(pipeline, list(project.dag_ids), n=1)
        raise UsageError(
            f"There is no pipeline `{pipeline}` in `{project.name}`",
            hint=f"Did you mean `{near[0]}`?" if near else f"There is {known}",
        )
    return project.dag_ids[pipeline]


def deployed(environment: Environment, project: Project, pipeline: str) -> DagInfo:
    """The pipeline's DAG as Airflow has it.

    Raises:
        ProjectError: It is not deployed there.
    """
    dag = environment.airflow.dag(dag_of(project, pipeline))
    if dag is not None and not dag.is_stale:
        return dag
    live = record.live(environment.store, project.name)
    told = f"; the last deployed release is `{live.current}`" if live else ""
    raise ProjectError(
        f"Could not find the pipeline `{pipeline}` in `{environment.name}`: "
        f"Airflow does not have it{told}",
        hint=f"Deploy it: `mlops deploy --env {environment.name}`",
    )


def check_environment(environment: Environment, dag: DagInfo) -> None:
    """Refuse to run a release that was made for another environment of the same Airflow.

    Its gates may be run by another engine than the environment's.

    Raises:
        ConflictError: With the environment it is for.
    """
    release = release_of(dag)
    described = record.read_manifest(environment.store, release) if release else None
    if described is None or described.environment == environment.name:
        return
    raise ConflictError(
        f"Could not trigger `{dag.dag_id}` in `{environment.name}`: "
        f"the release that is live, `{release}`, is for `{described.environment}`",
        hint=f"Deploy it: `mlops deploy --env {environment.name}`",
        state="Nothing was started",
    )


def fresh(
    environment: Environment,
    project: Project,
    dag: DagInfo,
    pipeline: str,
    *,
    progress: Progress,
    clock: Clock,
) -> DagInfo:
    """The DAG of the release that was deployed last; Airflow is given a moment to load it.

    Raises:
        ConflictError: Airflow still has another one.
    """
    live = record.live(environment.store, project.name)
    if live is None or release_of(dag) == live.current:
        return dag
    began = clock.monotonic()
    with progress.step(f"Waiting for Airflow to load release {live.current}"):
        while clock.monotonic() - began < _CATCH_UP_SECONDS:
            clock.sleep(_POLL_SECONDS)
            dag = environment.airflow.dag(dag.dag_id) or dag
            if release_of(dag) == live.current:
                return dag
    raise ConflictError(
        f"Could not trigger `{dag.dag_id}`: Airflow runs {_named(dag)}, "
        f"and deployed last was `{live.current}`",
        hint=f"Have it loaded: `mlops deploy --env {environment.name}`; or run what is live: "
        f"`mlops trigger {pipeline} --env {environment.name} --any-release`",
        state="Nothing was started",
    )


def stale_warning(environment: Environment, project: Project, dag: DagInfo) -> tuple[str, ...]:
    """Says so when Airflow would run another release than the one deployed last."""
    live = record.live(environment.store, project.name)
    if live is None or release_of(dag) == live.current:
        return ()
    return (f"Airflow runs {_named(dag)}; deployed last was `{live.current}`",)


def release_of(dag: DagInfo) -> str | None:
    """The release a DAG is from: that of its tasks, or else by its tag."""
    return dag.release or next(
        (tag.partition(":")[2] for tag in dag.tags if tag.startswith("release:")), None
    )


def require_running(target: Target, *, unpause: bool) -> None:
    """Unpause the DAG if that was asked for.

    Raises:
        ConflictError: It is paused.
    """
    dag_id = target.dag.dag_id
    if not target.dag.is_paused:
        return
    if not unpause:
        raise ConflictError(
            f"Could not trigger `{dag_id}`: it is paused, and the run would wait for ever",
            hint=f"Unpause it as well: `mlops trigger {target.again} --unpause`",
            state="Nothing was started",
        )
    target.api.set_paused(dag_id, paused=False)


def _named(dag: DagInfo) -> str:
    release = release_of(dag)
    return f"release `{release}`" if release else "a DAG that no release brought"
