"""Starts a run once, whatever happens to the answer, and follows it to its end."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import (
    ConflictError,
    MlopsError,
    NotAllowedError,
    UnavailableError,
    UnfinishedError,
)

from .conf import check_conf, check_run_id, read_conf
from .follow import ENDED, RunUpdate, follow
from .outcome import RunOutcome, TaskLine, outcome, seconds, task_lines
from .params import check_values
from .pending import left, pending, place
from .target import dag_of, find, release_of, require_running

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.port import AirflowApi, RunInfo
    from mlops_cli.project.model import Project

    from .follow import Listener
    from .target import Target

__all__ = [
    "RunOutcome", "TaskLine", "dag_of", "followed", "new_run_id", "release_of", "seconds", "start",
    "task_lines", "to_its_end", "trigger",
]  # fmt: skip

_LOOKS: Final = 3
_PAUSE_SECONDS: Final = 1.0


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
    any_release: bool = False,
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
        any_release: Run what is live even if something else was deployed last.

    Raises:
        UsageError: The conf, the run id or the pipeline cannot be.
        ProjectError: The pipeline is not deployed there.
        ConflictError: The DAG is paused, is of another environment or release, or has a run of
            that id.
        UnfinishedError: It is unknown whether the run was started, or how it ended.
    """
    values = read_conf(conf)
    if run_id is not None:
        check_run_id(run_id)
    target = find(
        project, pipeline, environment, any_release=any_release, progress=progress, clock=clock
    )
    check_conf(values, target.dag)
    check_values(values, target.dag)
    require_running(target, unpause=unpause)
    api, dag_id = target.api, target.dag.dag_id
    remembered = place(project.name, environment, pipeline)
    earlier = left(remembered, values) if run_id is None else None
    if earlier is not None:
        progress.note(f"The start of run {earlier} was left without an answer: looking for it")
    run_id = run_id or earlier or new_run_id(clock)
    progress.note(f"Run {run_id} of {dag_id}")
    try:
        with pending(remembered, run_id, values, again=run_id == earlier):
            run = start(api, dag_id, run_id, values, progress=progress, clock=clock)
    except (KeyboardInterrupt, SystemExit):
        progress.note(f"Run {run_id} may have been started: the same command again finds it")
        raise
    # One that was started before may have ended already.
    return to_its_end(
        target,
        run,
        listener=listener,
        timeout_seconds=timeout_seconds,
        progress=progress,
        clock=clock,
    )


def new_run_id(clock: Clock) -> str:
    """A run id nobody has: made here, so that a lost answer can be asked for again."""
    return f"m-{clock.now():%y%m%dT%H%M%S}-{secrets.token_hex(3)}"


def start(
    api: AirflowApi,
    dag_id: str,
    run_id: str,
    conf: Mapping[str, Any],
    *,
    progress: Progress,
    clock: Clock | None = None,
) -> RunInfo:
    """Start a run, or find that it was started already.

    Raises:
        ConflictError: Another run has that id.
        UnfinishedError: It is unknown whether it was started.
    """
    try:
        return api.trigger(dag_id, run_id, conf)
    except (ConflictError, UnfinishedError) as error:
        found = _look(api, dag_id, run_id, clock=clock)
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


def _look(api: AirflowApi, dag_id: str, run_id: str, *, clock: Clock | None) -> RunInfo | None:
    """The run, if it is there; a server that failed once may take a moment to answer again."""
    for attempt in range(_LOOKS):
        try:
            found = api.run(dag_id, run_id)
        except (UnavailableError, NotAllowedError) as error:
            raise UnfinishedError(
                f"Could not see whether run `{run_id}` was started: {error.message}",
                hint=f"Run the same command again with `--run-id {run_id}`: "
                "it cannot start it twice",
                state="The run may or may not have been started",
            ) from error
        if found is not None or clock is None or attempt == _LOOKS - 1:
            return found
        clock.sleep(_PAUSE_SECONDS)
    return None


def to_its_end(
    target: Target,
    run: RunInfo,
    *,
    listener: Listener | None,
    timeout_seconds: float | None,
    progress: Progress,
    clock: Clock,
) -> RunOutcome:
    """Follow a run for a listener; without one, what is known of it now is its outcome.

    Raises:
        UnfinishedError: It was not seen to end.
    """
    api = target.api
    if listener is None:
        tasks = api.tasks(run.dag_id, run.run_id) if run.state in ENDED else ()
        return outcome(RunUpdate(run, tasks), target)
    last = followed(
        api,
        run,
        listener=listener,
        again=target.again,
        timeout_seconds=timeout_seconds,
        progress=progress,
        clock=clock,
    )
    return outcome(last, target)


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
        progress.note(
            f"Run {run.run_id} goes on: `mlops status {again}`, `mlops logs {again} --follow`"
        )
        raise
    except MlopsError as error:
        error.hint = error.hint or f"Look at it again: `mlops status {again}`"
        raise
    finally:
        listener.close()
    return last
