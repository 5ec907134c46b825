"""Predicts a range of days once more, a run a day, for a pipeline without a schedule of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import MlopsError, UnfinishedError, UsageError
from mlops_cli.core.exits import Exit

from .follow import follow
from .outcome import seconds
from .ranges import BackfilledRun, BackfillOutcome
from .target import require_running
from .trigger import new_run_id, start

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.port import AirflowApi, RunInfo, TaskInfo

    from .target import Target

PARTITION: Final = "partition"
"""The parameter that says which day a run is about."""
_MOST_DAYS: Final = 366
_SKIPPED: Final = "skipped"


def rescore(
    target: Target,
    begin: datetime,
    end: datetime,
    conf: Mapping[str, Any],
    *,
    unpause: bool,
    follow: bool,
    timeout_seconds: float | None,
    progress: Progress,
    clock: Clock,
) -> BackfillOutcome:
    """Run a pipeline for each day of a range, the day as its partition.

    A day of which there is nothing to predict is skipped; when all are, the answer is no.

    Args:
        target: The pipeline; it has a parameter `partition`.
        begin: The first day.
        end: The last day.
        conf: What every run is given besides.
        unpause: Unpause the DAG when it is paused.
        follow: Stay until all have ended.
        timeout_seconds: How long to follow.
        progress: Told of every run that has ended.
        clock: For the ids and for waiting.

    Raises:
        UsageError: There are too many days, or the conf says which rows are meant.
        ConflictError: It is paused.
        UnfinishedError: It is unknown whether a run was started, or how one ended.
    """
    days = [
        str(begin.date() + timedelta(days=number))
        for number in range((end.date() - begin.date()).days + 1)
    ]
    if len(days) > _MOST_DAYS:
        raise UsageError(
            f"Could not predict {len(days)} days at once: {_MOST_DAYS} are the most",
            state="Nothing was started",
        )
    for name in (PARTITION, "input"):
        if name in conf:
            raise UsageError(
                f"Could not predict a range of days: `{name}` says already which rows are meant",
                hint="Leave it out, or leave out `--from` and `--to`",
                state="Nothing was started",
            )
    require_running(target, unpause=unpause)
    progress.note(f"{len(days)} runs of {target.dag.dag_id}, from {days[0]} to {days[-1]}")
    started = _started(target, days, conf, progress=progress, clock=clock)
    shown = [BackfilledRun(run.run_id, run.state, None) for run in started]
    if follow:
        shown = _ended(target, started, timeout_seconds, progress=progress, clock=clock)
    states = {run.state for run in shown}
    return BackfillOutcome(
        project=target.project.name,
        environment=target.environment.name,
        pipeline=target.pipeline,
        dag_id=target.dag.dag_id,
        begin=begin,
        end=end,
        asked=len(days),
        runs=tuple(shown),
        url=target.api.dag_url(target.dag.dag_id),
        warnings=target.warnings,
        exit_code=Exit.NO if "failed" in states or states == {_SKIPPED} else Exit.DONE,
    )


def _started(
    target: Target,
    days: Sequence[str],
    conf: Mapping[str, Any],
    *,
    progress: Progress,
    clock: Clock,
) -> list[RunInfo]:
    name, runs = new_run_id(clock), []
    for day in days:
        try:
            runs.append(
                start(
                    target.api,
                    target.dag.dag_id,
                    f"{name}-{day}",
                    {**conf, PARTITION: day},
                    progress=progress,
                    clock=clock,
                )
            )
        except MlopsError as error:
            error.state = f"{len(runs)} of {len(days)} runs were started, up to the day before"
            error.hint = (
                f"Go on from there: `mlops trigger {target.again} --from {day} --to {days[-1]}`"
            )
            raise
    return runs


def _ended(
    target: Target,
    started: Sequence[RunInfo],
    timeout_seconds: float | None,
    *,
    progress: Progress,
    clock: Clock,
) -> list[BackfilledRun]:
    began, ended = clock.monotonic(), list[BackfilledRun]()
    try:
        for run in started:
            left = None
            if timeout_seconds is not None:
                left = max(timeout_seconds - (clock.monotonic() - began), 0)
            last = _end_of(target.api, run, left, clock=clock)
            ended.append(last)
            progress.note(f"{last.run_id} {last.state}")
    except (KeyboardInterrupt, SystemExit):
        progress.note(f"The runs go on: `mlops status {target.again}`")
        raise
    except UnfinishedError as error:
        error.state = f"{len(ended)} of {len(started)} runs have ended; the others go on"
        error.hint = error.hint or f"Look at them again: `mlops status {target.again}`"
        raise
    return ended


def _end_of(
    api: AirflowApi, run: RunInfo, timeout_seconds: float | None, *, clock: Clock
) -> BackfilledRun:
    tasks: tuple[TaskInfo, ...] = ()
    for update in follow(api, run.dag_id, run.run_id, timeout_seconds=timeout_seconds, clock=clock):
        run, tasks = update.run, update.tasks
    nothing = bool(tasks) and all(task.state == _SKIPPED for task in tasks)
    state = _SKIPPED if run.state == "success" and nothing else run.state
    return BackfilledRun(run.run_id, state, seconds(run.started, run.ended))
