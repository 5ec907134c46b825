"""Watches a run until it ends; a connection that comes and goes does not end the watching."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Protocol

from mlops_cli.core.errors import NotAllowedError, UnavailableError, UnfinishedError
from mlops_cli.core.redact import KeyMask
from mlops_cli.environments.port import pages

from .reading import OVER, TryLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_cli.core.clock import Clock
    from mlops_cli.environments.port import AirflowApi, RunInfo, TaskInfo

ENDED: Final = ("success", "failed")
POLL_SECONDS: Final = 0.5
_SLOWEST_POLL_SECONDS: Final = 5.0
# Waiting this many times as long as answers take asks a service far away, which also limits how
# often it is asked, every few seconds, and an Airflow on this machine twice a second.
_PAUSES: Final = 10
# A restart of Airflow, or a laptop that changes its network, takes less.
PATIENCE_SECONDS: Final = 90.0
# Of one task: the others, the time and the run itself are looked at in between.
_PAGES_AT_ONCE: Final = 10
# Before these there is no log of the newest try.
_NOT_BEGUN: Final = (None, "scheduled", "queued")


@dataclass(frozen=True, slots=True)
class RunUpdate:
    """A run and its tasks as they are now."""

    run: RunInfo
    tasks: tuple[TaskInfo, ...]
    trouble: str | None = None
    """Why nothing newer is known, while Airflow does not answer."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """Something a task said."""

    task: str
    try_number: int
    text: str


class Listener(Protocol):
    """Somebody who is shown how a run goes on."""

    def __call__(self, update: RunUpdate) -> None:
        """Look at the run."""

    def close(self) -> None:
        """Nothing more comes; leave the screen to others."""


def follow(
    api: AirflowApi, dag_id: str, run_id: str, *, timeout_seconds: float | None, clock: Clock
) -> Iterator[RunUpdate]:
    """The run again and again, until it has ended.

    Raises:
        UnfinishedError: Time is up, Airflow stays away, or the run was deleted.
    """
    began = answered = clock.monotonic()
    last: RunUpdate | None = None
    while True:
        asked = clock.monotonic()
        try:
            run = api.run(dag_id, run_id)
            if run is None:
                raise UnfinishedError(f"Could not follow run `{run_id}`: Airflow has it no more")
            last = RunUpdate(run, api.tasks(dag_id, run_id))
            answered = clock.monotonic()
        except (UnavailableError, NotAllowedError) as error:
            if clock.monotonic() - answered > PATIENCE_SECONDS:
                raise UnfinishedError(
                    f"Could not follow run `{run_id}` any more: {error.message}",
                    state="The run goes on if Airflow does",
                ) from error
            if last is not None:
                yield RunUpdate(last.run, last.tasks, error.message)
        else:
            yield last
            if run.state in ENDED:
                return
        if timeout_seconds is not None and clock.monotonic() - began > timeout_seconds:
            raise UnfinishedError(
                f"Could not see run `{run_id}` end within {timeout_seconds:.0f} s",
                state=f"It is {last.run.state if last else 'unknown'}, and goes on",
            )
        took = clock.monotonic() - asked
        clock.sleep(min(max(POLL_SECONDS, _PAUSES * took), _SLOWEST_POLL_SECONDS))


def follow_logs(
    api: AirflowApi,
    dag_id: str,
    run_id: str,
    *,
    task: str | None,
    timeout_seconds: float | None,
    clock: Clock,
) -> Iterator[RunUpdate | LogLine]:
    """What the tasks of a run say, while they say it; all tries, each line once.

    Args:
        api: Who runs it.
        dag_id: Of which DAG.
        run_id: Of which run.
        task: Only this task, until it has ended; None: all, until the run has.
        timeout_seconds: How long at most.
        clock: For waiting.

    Raises:
        UnfinishedError: Time is up, Airflow stays away, or the run was deleted.
        NotAllowedError: The run may be looked at, but not its logs.
    """
    logs = _Logs(api, dag_id, run_id, task)
    last: RunUpdate | None = None
    for last in follow(api, dag_id, run_id, timeout_seconds=timeout_seconds, clock=clock):
        yield last
        if last.trouble is None:
            try:
                yield from logs.read(last.tasks)
            except (UnavailableError, NotAllowedError) as error:
                yield replace(last, trouble=error.message)
            if task is not None and logs.are_complete(last.tasks):
                return
    if last is not None:
        yield from _rest(logs, last, clock=clock)


def _rest(logs: _Logs, last: RunUpdate, *, clock: Clock) -> Iterator[RunUpdate | LogLine]:
    """What could not be read before the run had ended."""
    began = clock.monotonic()
    while True:
        try:
            yield from logs.read(last.tasks)
        except (UnavailableError, NotAllowedError) as error:
            if clock.monotonic() - began <= PATIENCE_SECONDS:
                yield replace(last, trouble=error.message)
            elif isinstance(error, NotAllowedError):
                raise
            else:
                raise UnfinishedError(
                    f"Could not read the logs of run `{last.run.run_id}` to their end: "
                    f"{error.message}",
                    state=f"The run has ended: {last.run.state}",
                ) from error
        else:
            return
        clock.sleep(POLL_SECONDS)


class _Logs:
    """The logs of all tries of a run's tasks."""

    def __init__(self, api: AirflowApi, dag_id: str, run_id: str, task: str | None) -> None:
        self._api = api
        self._of = (dag_id, run_id)
        self._task = task
        self._known: dict[tuple[str, int, int], TryLog] = {}

    def read(self, tasks: tuple[TaskInfo, ...]) -> Iterator[LogLine]:
        for task in sorted(filter(self._is_wanted, tasks), key=order):
            for log, number in self._tries(task):
                if not log.complete:
                    for text in log.read(task, pages=_PAGES_AT_ONCE):
                        yield LogLine(label(task), number, text)

    def are_complete(self, tasks: tuple[TaskInfo, ...]) -> bool:
        """All that was asked for has ended and was read."""
        wanted = [task for task in tasks if self._is_wanted(task)]
        return bool(wanted) and all(
            task.state in OVER and all(log.complete for log, _ in self._tries(task))
            for task in wanted
        )

    def _is_wanted(self, task: TaskInfo) -> bool:
        return self._task in (None, task.task_id, label(task))

    def _tries(self, task: TaskInfo) -> Iterator[tuple[TryLog, int]]:
        waits = task.state in _NOT_BEGUN or task.started is None
        for number in range(1, task.try_number + (not waits)):
            key = (task.task_id, task.map_index, number)
            if key not in self._known:
                this = replace(task, try_number=number)
                self._known[key] = TryLog(self._api, *self._of, this)
            yield self._known[key], number


def order(task: TaskInfo) -> tuple[float, str, int]:
    """Sorts tasks as they were started."""
    started = task.started.timestamp() if task.started else float("inf")
    return (started, task.task_id, task.map_index)


def first_failed(tasks: tuple[TaskInfo, ...]) -> TaskInfo | None:
    """The task the failure began with; tasks that only waited for it do not count."""
    failed = [task for task in tasks if task.state == "failed"]
    return min(failed, key=lambda task: (task.ended is None, task.ended), default=None)


def label(task: TaskInfo) -> str:
    """A task as people name it: `fit[2]` for the third of a mapped one."""
    return task.task_id if task.map_index < 0 else f"{task.task_id}[{task.map_index}]"


def log_tail(
    api: AirflowApi, dag_id: str, run_id: str, task: TaskInfo, *, lines: int
) -> tuple[str, ...]:
    """The last lines of a task's log; empty when it cannot be read."""
    kept: deque[str] = deque(maxlen=lines)
    masked = KeyMask()
    try:
        streamed = api.log_lines(dag_id, run_id, task)
        if streamed is not None:
            kept.extend(map(masked, streamed))
        else:
            for page in pages(api, dag_id, run_id, task):
                kept.extend(map(masked, page.lines))
    except (UnavailableError, NotAllowedError):
        pass
    return tuple(kept)
