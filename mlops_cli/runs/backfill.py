"""Runs a pipeline for a range of dates: those that are missing or failed, and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import (
    ConflictError,
    MlopsError,
    NotAllowedError,
    UnavailableError,
    UnfinishedError,
    UsageError,
)
from mlops_cli.core.exits import Exit

from .conf import check_conf, read_conf
from .dates import read_range
from .follow import ENDED, PATIENCE_SECONDS
from .outcome import seconds
from .params import check_values
from .ranges import BackfilledRun, BackfillOutcome
from .rescore import PARTITION, rescore
from .target import find, require_running

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from typing import Any

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.port import AirflowApi, Backfill, DagInfo, RunInfo
    from mlops_cli.project.model import Project

    from .target import Target

_POLL_SECONDS: Final = 2.0
# How Airflow words a schedule of assets.
_ASSETS: Final = "Asset"


def backfill(
    project: Project,
    pipeline: str,
    environment: str,
    *,
    begin: str | None,
    end: str | None,
    conf: Sequence[str],
    any_release: bool,
    unpause: bool,
    follow: bool,
    timeout_seconds: float | None,
    progress: Progress,
    clock: Clock,
) -> BackfillOutcome:
    """Run a pipeline for all dates in a range: those of its schedule, or each day's partition.

    Args:
        project: Whose pipeline.
        pipeline: Its name.
        environment: Where.
        begin: The first date, as given.
        end: The last date, as given.
        conf: The `--conf` values as given.
        any_release: Run what is live even if something else was deployed last.
        unpause: Unpause the DAG when it is paused.
        follow: Stay until all have ended.
        timeout_seconds: How long to follow.
        progress: Told of every run that has ended.
        clock: For waiting.

    Raises:
        UsageError: The range or the conf cannot be, or the DAG has no dates.
        ProjectError: The pipeline is not deployed there.
        ConflictError: Another backfill of it is not over, or it is paused or of another release.
        UnfinishedError: It is unknown whether it was started, or how its runs ended.
    """
    first, last = read_range(begin, end, clock=clock)
    values = read_conf(conf)
    target = find(
        project, pipeline, environment, any_release=any_release, progress=progress, clock=clock
    )
    check_conf(values, target.dag)
    check_values(values, target.dag)
    if not _has_dates(target.dag) and PARTITION in target.dag.params:
        return rescore(
            target,
            first,
            last,
            values,
            unpause=unpause,
            follow=follow,
            timeout_seconds=timeout_seconds,
            progress=progress,
            clock=clock,
        )
    _require_dates(target)
    api, dag_id = target.api, target.dag.dag_id
    dates = api.backfill_dates(dag_id, first, last, values)
    if not dates:
        progress.note(f"Nothing to do: no run of {dag_id} is missing or failed in these dates")
        return _outcome(target, first, last, 0, ())
    require_running(target, unpause=unpause)
    progress.note(
        f"{len(dates)} runs of {dag_id}, from {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}"
    )
    started = _start(api, target.dag, first, last, values, progress=progress)
    if not follow:
        return _outcome(target, first, last, len(dates), api.backfill_runs(started))
    runs = _followed(started, target, timeout_seconds, progress=progress, clock=clock)
    return _outcome(target, first, last, len(dates), runs)


def _has_dates(dag: DagInfo) -> bool:
    return dag.schedule is not None and _ASSETS not in dag.schedule


def _require_dates(target: Target) -> None:
    dag = target.dag
    if _has_dates(dag):
        return
    why = "it has no schedule" if dag.schedule is None else "it runs when its assets are new"
    hint = f"Run it once: `mlops trigger {target.again}`"
    raise UsageError(
        f"Could not backfill `{dag.dag_id}`: {why}, so there are no dates to run it for",
        hint=hint,
        state="Nothing was started",
    )


def _start(
    api: AirflowApi,
    dag: DagInfo,
    begin: datetime,
    end: datetime,
    conf: Mapping[str, Any],
    *,
    progress: Progress,
) -> Backfill:
    """Start it, or find that it was started already."""
    known = max((one.number for one in api.backfills(dag.dag_id, limit=1)), default=0)
    try:
        return api.backfill(dag.dag_id, begin, end, conf)
    except (ConflictError, UnfinishedError) as error:
        try:
            found = api.backfills(dag.dag_id)
        except (UnavailableError, NotAllowedError) as silence:
            raise error from silence
        ours = isinstance(error, UnfinishedError)
        for one in found:
            same = (one.begin, one.end, dict(one.conf)) == (begin, end, dict(conf))
            if same and (one.number > known if ours else one.ended is None):
                progress.note(f"Backfill {one.number} was started already")
                return one
        error.hint = (
            "Run the same command again: it starts only what is missing or failed"
            if ours
            else "Wait until it is over, then run the same command again"
        )
        raise


def _followed(
    started: Backfill,
    target: Target,
    timeout_seconds: float | None,
    *,
    progress: Progress,
    clock: Clock,
) -> tuple[RunInfo, ...]:
    try:
        return _watch(started, target.api, timeout_seconds, progress=progress, clock=clock)
    except (KeyboardInterrupt, SystemExit):
        progress.note(f"The backfill goes on: `mlops status {target.again}`")
        raise
    except MlopsError as error:
        error.hint = error.hint or f"Look at it again: `mlops status {target.again}`"
        raise


def _watch(
    started: Backfill,
    api: AirflowApi,
    timeout_seconds: float | None,
    *,
    progress: Progress,
    clock: Clock,
) -> tuple[RunInfo, ...]:
    began = answered = clock.monotonic()
    told: set[str] = set()
    while True:
        try:
            # In this order: a backfill that is over has no run that changes after it.
            found = next(
                one for one in api.backfills(started.dag_id) if one.number == started.number
            )
            runs = api.backfill_runs(found)
            answered = clock.monotonic()
            for run in runs:
                if run.state in ENDED and run.run_id not in told:
                    told.add(run.run_id)
                    progress.note(f"{run.run_id} {run.state}")
            if found.ended is not None or (runs and all(run.state in ENDED for run in runs)):
                return runs
        except StopIteration:
            raise UnfinishedError("Could not follow the backfill: Airflow has it no more") from None
        except (UnavailableError, NotAllowedError) as error:
            if clock.monotonic() - answered > PATIENCE_SECONDS:
                raise UnfinishedError(
                    f"Could not follow the backfill any more: {error.message}",
                    state="It goes on if Airflow does",
                ) from error
        if timeout_seconds is not None and clock.monotonic() - began > timeout_seconds:
            raise UnfinishedError(
                f"Could not see the backfill end within {timeout_seconds:.0f} s",
                state=f"{len(told)} runs have ended; the others go on",
            )
        clock.sleep(_POLL_SECONDS)


def _outcome(
    target: Target, begin: datetime, end: datetime, asked: int, runs: Sequence[RunInfo]
) -> BackfillOutcome:
    lines = tuple(
        BackfilledRun(run.run_id, run.state, seconds(run.started, run.ended)) for run in runs
    )
    return BackfillOutcome(
        project=target.project.name,
        environment=target.environment.name,
        pipeline=target.pipeline,
        dag_id=target.dag.dag_id,
        begin=begin,
        end=end,
        asked=asked,
        runs=lines,
        url=target.api.dag_url(target.dag.dag_id),
        warnings=target.warnings,
        exit_code=Exit.NO if any(run.state == "failed" for run in lines) else Exit.DONE,
    )
