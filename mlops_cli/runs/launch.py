"""What `mlops trigger` is asked for: a run, a part of one again, a range of dates, or news."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_cli.core.errors import UsageError

from .backfill import backfill
from .news import announce
from .rerun import rerun
from .rows import rows_conf
from .trigger import trigger

if TYPE_CHECKING:
    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.project.model import Project

    from .follow import Listener
    from .news import AssetNews
    from .outcome import RunOutcome
    from .ranges import BackfillOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The options of the command, as given."""

    pipeline: str | None
    environment: str
    conf: tuple[str, ...] = ()
    run_id: str | None = None
    tasks: tuple[str, ...] = ()
    begin: str | None = None
    end: str | None = None
    asset: str | None = None
    rows: str | None = None
    """`--input`."""
    partition: str | None = None
    unpause: bool = False
    any_release: bool = False
    timeout_seconds: float | None = None


def launch(
    project: Project,
    request: Request,
    *,
    listener: Listener | None,
    progress: Progress,
    clock: Clock,
) -> RunOutcome | BackfillOutcome | AssetNews:
    """Start what is asked for and, with a listener, stay until it has ended.

    Raises:
        UsageError: The options do not go together.
        MlopsError: See `trigger`, `rerun`, `backfill` and `announce`.
    """
    _check(request)
    conf = request.conf + rows_conf(
        project, request.environment, given=request.rows, partition=request.partition
    )
    if request.asset is not None:
        return announce(
            project,
            request.asset,
            request.environment,
            conf=request.conf,
            event_id=request.run_id,
            follow=listener is not None,
            to_the_end=listener is not None,
            timeout_seconds=request.timeout_seconds,
            progress=progress,
            clock=clock,
        )
    if request.pipeline is None:
        known = ", ".join(f"`{name}`" for name in project.dag_ids)
        raise UsageError(
            "Could not trigger: no pipeline is named",
            hint=f"Name one of {known}, or an asset: `--asset NAME`",
        )
    if request.begin is not None or request.end is not None:
        return backfill(
            project,
            request.pipeline,
            request.environment,
            begin=request.begin,
            end=request.end,
            conf=request.conf,
            any_release=request.any_release,
            unpause=request.unpause,
            follow=listener is not None,
            timeout_seconds=request.timeout_seconds,
            progress=progress,
            clock=clock,
        )
    if request.tasks:
        return rerun(
            project,
            request.pipeline,
            request.environment,
            tasks=request.tasks,
            run_id=request.run_id,
            any_release=request.any_release,
            unpause=request.unpause,
            listener=listener,
            timeout_seconds=request.timeout_seconds,
            progress=progress,
            clock=clock,
        )
    return trigger(
        project,
        request.pipeline,
        request.environment,
        conf=conf,
        run_id=request.run_id,
        any_release=request.any_release,
        unpause=request.unpause,
        listener=listener,
        timeout_seconds=request.timeout_seconds,
        progress=progress,
        clock=clock,
    )


def _check(request: Request) -> None:
    dates = request.begin is not None or request.end is not None
    about = "--input" if request.rows is not None else "--partition"
    rows = request.rows is not None or request.partition is not None
    for one, other, clash in (
        ("--asset", "a pipeline", request.asset is not None and request.pipeline is not None),
        ("--asset", "--task", request.asset is not None and bool(request.tasks)),
        ("--asset", "--from", request.asset is not None and dates),
        ("--task", "--from", bool(request.tasks) and dates),
        ("--task", "--conf", bool(request.tasks) and bool(request.conf)),
        ("--run-id", "--from", request.run_id is not None and dates),
        ("--asset", about, request.asset is not None and rows),
        ("--task", about, bool(request.tasks) and rows),
        (about, "--from", rows and dates),
    ):
        if clash:
            raise UsageError(
                f"Could not trigger: `{one}` does not go together with "
                + (f"`{other}`" if other.startswith("-") else other),
                hint="See `mlops trigger --help`",
            )
