"""Watches a run until it ends; a connection that comes and goes does not end the watching."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from mlops_cli.core.errors import NotAllowedError, UnavailableError, UnfinishedError
from mlops_cli.environments.port import pages

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_cli.core.clock import Clock
    from mlops_cli.environments.port import AirflowApi, RunInfo, TaskInfo

ENDED: Final = ("success", "failed")
_POLL_SECONDS: Final = 0.5
# A restart of Airflow, or a laptop that changes its network, takes less.
_PATIENCE_SECONDS: Final = 90.0


@dataclass(frozen=True, slots=True)
class RunUpdate:
    """A run and its tasks as they are now."""

    run: RunInfo
    tasks: tuple[TaskInfo, ...]
    trouble: str | None = None
    """Why nothing newer is known, while Airflow does not answer."""


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
        try:
            run = api.run(dag_id, run_id)
            if run is None:
                raise UnfinishedError(f"Could not follow run `{run_id}`: Airflow has it no more")
            last = RunUpdate(run, api.tasks(dag_id, run_id))
            answered = clock.monotonic()
            yield last
            if run.state in ENDED:
                return
        except (UnavailableError, NotAllowedError) as error:
            if clock.monotonic() - answered > _PATIENCE_SECONDS:
                raise UnfinishedError(
                    f"Could not follow run `{run_id}` any more: {error.message}",
                    state="The run goes on if Airflow does",
                ) from error
            if last is not None:
                yield RunUpdate(last.run, last.tasks, error.message)
        if timeout_seconds is not None and clock.monotonic() - began > timeout_seconds:
            raise UnfinishedError(
                f"Could not see run `{run_id}` end within {timeout_seconds:.0f} s",
                state=f"It is {last.run.state if last else 'unknown'}, and goes on",
            )
        clock.sleep(_POLL_SECONDS)


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
    try:
        for page in pages(api, dag_id, run_id, task):
            kept.extend(page.lines)
    except (UnavailableError, NotAllowedError):
        pass
    return tuple(kept)
