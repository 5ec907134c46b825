"""Says that there is something new in an asset, once, so that the pipelines waiting for it run."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import (
    MlopsError,
    NotAllowedError,
    UnavailableError,
    UnfinishedError,
    UsageError,
)
from mlops_cli.core.exits import Exit
from mlops_cli.core.redact import printable
from mlops_cli.environments.open import open_environment

from .conf import check_run_id, read_conf
from .follow import follow as followed
from .outcome import seconds
from .trigger import new_run_id

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.port import AirflowApi, Asset, AssetEvent
    from mlops_cli.project.model import Project

_MARK: Final = "mlops_id"
_WAIT_SECONDS: Final = 20.0
_POLL_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class StartedRun:
    """A run that the news started."""

    dag_id: str
    run_id: str
    url: str
    state: str | None = None
    """How it ended; None where nobody waited for that."""
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class AssetNews:
    """Something new in an asset, and what it started."""

    environment: str
    asset: str
    event: str
    waiting: tuple[str, ...]
    """The DAGs that wait for the asset."""
    paused: tuple[str, ...]
    """Those of them that are paused, and do not run."""
    runs: tuple[StartedRun, ...]
    exit_code: Exit = Exit.DONE


def announce(
    project: Project,
    asset: str,
    environment: str,
    *,
    conf: Sequence[str],
    event_id: str | None,
    follow: bool,
    to_the_end: bool = False,
    timeout_seconds: float | None = None,
    progress: Progress,
    clock: Clock,
) -> AssetNews:
    """Say that an asset is new.

    Args:
        project: In whose environment.
        asset: Its name or URI.
        environment: Where.
        conf: What the event carries, as given with `--conf`.
        event_id: An id of the event; given again, it is found, not said again.
        follow: Wait a moment for the runs it starts.
        to_the_end: Then stay until all of them have ended.
        timeout_seconds: How long at most.
        progress: Told the id before it is said.
        clock: For the id and for waiting.

    Raises:
        UsageError: There is no such asset.
        UnfinishedError: It is unknown whether it was said, or how its runs ended.
    """
    extra = read_conf(conf)
    mark = new_run_id(clock) if event_id is None else check_run_id(event_id)
    opened = open_environment(project, environment, start=True, progress=progress, clock=clock)
    api = opened.airflow
    found = _asset(api, asset)
    waiting = {dag.dag_id: dag.is_paused for dag in api.dags() if dag.dag_id in found.starts}
    progress.note(f"Event {mark} of {found.name}")
    event = None if event_id is None else _said(api, found, mark)
    if event is None:
        event = _say(api, found, {**extra, _MARK: mark}, mark)
    else:
        progress.note("It was said already")
    if follow and not all(waiting.values()):
        with progress.step("Waiting for the runs it starts"):
            event = _with_runs(api, found, event, mark, clock=clock)
    runs = tuple(StartedRun(*run, api.run_url(*run)) for run in event.runs)
    if to_the_end:
        again = f"--env {environment}"
        runs = _ended(api, runs, timeout_seconds, again=again, progress=progress, clock=clock)
    return AssetNews(
        environment=environment,
        asset=found.name,
        event=mark,
        waiting=tuple(sorted(waiting)),
        paused=tuple(sorted(dag_id for dag_id, paused in waiting.items() if paused)),
        runs=runs,
        exit_code=Exit.NO if any(run.state == "failed" for run in runs) else Exit.DONE,
    )


def _ended(
    api: AirflowApi,
    runs: tuple[StartedRun, ...],
    timeout_seconds: float | None,
    *,
    again: str,
    progress: Progress,
    clock: Clock,
) -> tuple[StartedRun, ...]:
    """Stay until each has ended; what ends this early leaves them alone."""
    began, done = clock.monotonic(), []
    try:
        for run in runs:
            left = None
            if timeout_seconds is not None:
                left = max(0.0, timeout_seconds - (clock.monotonic() - began))
            with progress.step(f"Following {run.dag_id}, run {run.run_id}"):
                *_, last = followed(api, run.dag_id, run.run_id, timeout_seconds=left, clock=clock)
            took = seconds(last.run.started, last.run.ended)
            done.append(replace(run, state=last.run.state, seconds=took))
            progress.note(f"{run.dag_id} {run.run_id} {last.run.state}")
    except (KeyboardInterrupt, SystemExit):
        progress.note(f"What it started goes on: `mlops status {again}`")
        raise
    except MlopsError as error:
        error.hint = error.hint or f"Look at it again: `mlops status {again}`"
        raise
    return tuple(done)


def _asset(api: AirflowApi, name: str) -> Asset:
    known = api.assets()
    for asset in known:
        if name in (asset.name, asset.uri):
            return asset
    names = [asset.name for asset in known]
    near = difflib.get_close_matches(name, names, n=1)
    told = ", ".join(f"`{one}`" for one in names[:10]) or "none"
    raise UsageError(
        f"There is no asset `{printable(name)}` in Airflow at `{api.name}`",
        hint=f"Did you mean `{near[0]}`?" if near else f"There is {told}",
        state="Nothing was started",
    )


def _say(api: AirflowApi, asset: Asset, extra: Mapping[str, Any], mark: str) -> AssetEvent:
    try:
        return api.asset_event(asset, extra)
    except UnfinishedError as error:
        error.hint = f"Run the same command again with `--run-id {mark}`: it cannot say it twice"
        try:
            found = _said(api, asset, mark)
        except (UnavailableError, NotAllowedError) as silence:
            raise error from silence
        if found is None:
            raise
        return found


def _said(api: AirflowApi, asset: Asset, mark: str) -> AssetEvent | None:
    events = api.asset_events(asset, limit=100)
    return next((event for event in events if event.extra.get(_MARK) == mark), None)


def _with_runs(
    api: AirflowApi, asset: Asset, event: AssetEvent, mark: str, *, clock: Clock
) -> AssetEvent:
    began = clock.monotonic()
    while not event.runs and clock.monotonic() - began < _WAIT_SECONDS:
        clock.sleep(_POLL_SECONDS)
        try:
            event = _said(api, asset, mark) or event
        except (UnavailableError, NotAllowedError):
            return event  # it is said; what it starts is seen later
    return event
