"""Starts a run once, whatever happens to the answer, and follows it to its end."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import (
    ConflictError,
    MlopsError,
    ProjectError,
    UnfinishedError,
    UsageError,
)
from mlops_cli.core.exits import Exit
from mlops_cli.environments import record
from mlops_cli.environments.open import open_environment

from .conf import check_conf, check_run_id, read_conf
from .follow import ENDED, RunUpdate, first_failed, follow, label, log_tail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.open import Environment
    from mlops_cli.environments.port import AirflowApi, DagInfo, RunInfo, TaskInfo
    from mlops_cli.project.model import Project

    from .follow import Listener

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


def trigger(
    project: Project,
    pipeline: str,
    environment: str,
    *,
    conf: Sequence[str],
    run_id: str | None,
    unpause: bool,
    listener: Listener | None,
    timeout_seconds: float | None,
    progress: Progress,
    clock: Clock,
) -> RunOutcome:
    """Start a pipeline's run and, with a listener, follow it to its end.

    Args:
        project: Whose pipeline.
        pipeline: Its name, such as `training`.
        environment: Where.
        conf: The `--conf` values as given.
        run_id: The run's id; giving it again finds the same run instead of starting another.
        unpause: Unpause the DAG when it is paused.
        listener: Shown how the run goes on; None starts the run and returns.
        timeout_seconds: How long to follow.
        progress: Told the run's id before it is started.
        clock: For the id and for waiting.

    Raises:
        UsageError: The conf, the run id or the pipeline cannot be.
        ProjectError: The pipeline is not deployed there.
        ConflictError: The DAG is paused, is of another environment, or has a run of that id.
        UnfinishedError: It is unknown whether the run was started, or how it ended.
    """
    values = read_conf(conf)
    run_id = new_run_id(clock) if run_id is None else check_run_id(run_id)
    dag_id = dag_of(project, pipeline)
    opened = open_environment(project, environment, start=True, progress=progress, clock=clock)
    api = opened.airflow
    dag = deployed(opened, project, pipeline)
    check_conf(values, dag)
    check_environment(opened, dag)
    warnings = stale_warning(opened, project, dag)
    for warning in warnings:
        progress.note(f"warning: {warning}")
    if dag.is_paused:
        _unpause(api, dag_id, pipeline, environment, allowed=unpause)
    progress.note(f"Run {run_id} of {dag_id}")
    run = start(api, dag_id, run_id, values, progress=progress)
    # One that was started before may have ended already.
    last = RunUpdate(run, api.tasks(dag_id, run_id) if run.state in ENDED else ())
    if listener is not None:
        last = followed(
            api,
            run,
            listener=listener,
            again=f"{pipeline} --env {environment}",
            timeout_seconds=timeout_seconds,
            progress=progress,
            clock=clock,
        )
    return _outcome(last, dag, opened, project=project, pipeline=pipeline, warnings=warnings)


def new_run_id(clock: Clock) -> str:
    """A run id nobody has: made here, so that a lost answer can be asked for again."""
    return f"m-{clock.now():%y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def dag_of(project: Project, pipeline: str) -> str:
    """The DAG id of a pipeline.

    Raises:
        UsageError: The project has no such pipeline.
    """
    if pipeline not in project.dag_ids:
        known = ", ".join(f"`{name}`" for name in project.dag_ids)
        raise UsageError(
            f"There is no pipeline `{pipeline}` in `{project.name}`", hint=f"There is {known}"
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
        state="nothing was started",
    )


def stale_warning(environment: Environment, project: Project, dag: DagInfo) -> tuple[str, ...]:
    """Says so when Airflow would run another release than the one deployed last."""
    live, runs = record.live(environment.store, project.name), release_of(dag)
    if live is None or runs is None or runs == live.current:
        return ()
    return (f"Airflow runs release `{runs}`; deployed last was `{live.current}`",)


def release_of(dag: DagInfo) -> str | None:
    """The release a DAG is from, by its tag."""
    return next((tag.partition(":")[2] for tag in dag.tags if tag.startswith("release:")), None)


def start(
    api: AirflowApi, dag_id: str, run_id: str, conf: Mapping[str, Any], *, progress: Progress
) -> RunInfo:
    """Start a run, or find that it was started already.

    Raises:
        ConflictError: Another run has that id.
        UnfinishedError: It is unknown whether it was started.
    """
    try:
        return api.trigger(dag_id, run_id, conf)
    except (ConflictError, UnfinishedError) as error:
        found = api.run(dag_id, run_id)
        if found is None:
            raise UnfinishedError(
                f"Could not start run `{run_id}`: no answer came, and Airflow does not have it yet",
                hint=f"Run the same command again with `--run-id {run_id}`: "
                "it cannot start it twice",
            ) from error
        if dict(found.conf) != dict(conf):
            raise ConflictError(
                f"Could not start run `{run_id}`: a run with that id has another conf",
                hint="Choose another `--run-id`, or leave it out",
            ) from error
    since = found.started or found.run_after
    told = f", at {since:%Y-%m-%d %H:%M:%S} UTC" if since else ""
    progress.note(f"Run {run_id} was started already{told}")
    return found


def _unpause(
    api: AirflowApi, dag_id: str, pipeline: str, environment: str, *, allowed: bool
) -> None:
    if not allowed:
        raise ConflictError(
            f"Could not trigger `{dag_id}`: it is paused, and the run would wait for ever",
            hint=f"Unpause it as well: `mlops trigger {pipeline} --env {environment} --unpause`",
        )
    api.set_paused(dag_id, paused=False)


def followed(
    api: AirflowApi,
    run: RunInfo,
    *,
    listener: Listener,
    again: str,
    timeout_seconds: float | None,
    progress: Progress,
    clock: Clock,
) -> RunUpdate:
    """Show a run to a listener until it has ended; what ends this early leaves the run alone.

    Args:
        api: Who runs it.
        run: Which.
        listener: Shown how it goes on.
        again: The arguments that look at it again, such as `training --env local`.
        timeout_seconds: How long at most.
        progress: Told that the run goes on when this does not.
        clock: For waiting.

    Raises:
        UnfinishedError: It was not seen to end.
    """
    last = RunUpdate(run, ())
    seen = follow(api, run.dag_id, run.run_id, timeout_seconds=timeout_seconds, clock=clock)
    try:
        for last in seen:
            listener(last)
    except (KeyboardInterrupt, SystemExit):
        listener.close()
        progress.note(f"Run {run.run_id} goes on: `mlops status {again}`, `mlops logs {again}`")
        raise
    except MlopsError as error:
        error.hint = error.hint or f"Look at it again: `mlops status {again}`"
        raise
    finally:
        listener.close()
    return last


def _outcome(
    last: RunUpdate,
    dag: DagInfo,
    environment: Environment,
    *,
    project: Project,
    pipeline: str,
    warnings: tuple[str, ...],
) -> RunOutcome:
    api, run = environment.airflow, last.run
    failed = first_failed(last.tasks) if run.state == "failed" else None
    log: tuple[str, ...] = ()
    if failed is not None:
        log = log_tail(api, run.dag_id, run.run_id, failed, lines=_LOG_LINES)
    return RunOutcome(
        project=project.name,
        environment=environment.name,
        pipeline=pipeline,
        dag_id=run.dag_id,
        run_id=run.run_id,
        state=run.state,
        url=api.run_url(run.dag_id, run.run_id),
        release=release_of(dag),
        seconds=seconds(run.started, run.ended),
        tasks=task_lines(last.tasks),
        failed_task=label(failed) if failed else None,
        log=log,
        warnings=warnings,
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
