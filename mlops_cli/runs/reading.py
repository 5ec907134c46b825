"""Reads the log of one try from its beginning to its end, whatever happens in between."""

from __future__ import annotations

from dataclasses import replace
from itertools import count
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import UnavailableError
from mlops_cli.core.redact import KeyMask
from mlops_cli.environments.port import PlaceLostError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops_cli.core.clock import Clock
    from mlops_cli.environments.port import AirflowApi, TaskInfo

OVER: Final = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
"""States a task does not leave by itself."""

_ATTEMPTS: Final = 5
_PAUSE_SECONDS: Final = 2.0


class TryLog:
    """One try of a task: each line is given once, over as many calls as it takes.

    A place in a log is a token of the server's; where the server does not know it any more (it
    was restarted with new keys), or gave none, the log is read again and the lines that were
    given are passed over. Lines are counted, not kept: a log may be larger than memory.

    Args:
        api: Who has the log.
        dag_id: Of which DAG.
        run_id: Of which run.
        task: Of which task; its `try_number` says which try.
    """

    def __init__(self, api: AirflowApi, dag_id: str, run_id: str, task: TaskInfo) -> None:
        self.task = task
        self.given = 0
        """How many lines were given."""
        self.complete = False
        """Nothing more will come."""
        self._api = api
        self._of = (dag_id, run_id)
        self._token: str | None = None
        self._known = 0
        self._masked = KeyMask()

    def read(self, task: TaskInfo, *, pages: int | None = None) -> Iterator[str]:
        """The lines that have come since the last time.

        Args:
            task: The task as it is now, perhaps in a later try.
            pages: How many at most of a task that goes on, which may write faster than it is read.

        Raises:
            UnavailableError: They could not be read now; call again to go on.
            NotAllowedError: They may not be read.
        """
        over = task.state in OVER or task.state == "up_for_retry"
        over = over or task.try_number > self.task.try_number
        # A later try's state says nothing about this one, but that it is over.
        state = task.state if task.state in OVER or not over else "failed"
        self.task = replace(task, try_number=self.task.try_number, state=state)
        if over and self._token is None and (streamed := self._stream()) is not None:
            yield from self._fresh(streamed)
            self.complete = True
            return
        yield from self._turn_pages(over=over, most=None if over else pages)

    def _turn_pages(self, *, over: bool, most: int | None) -> Iterator[str]:
        for _ in count() if most is None else range(most):
            before = self._token
            try:
                page = self._api.log(*self._of, self.task, token=before)
            except PlaceLostError:
                self._begin_again()
                continue
            except TooLargeError:
                if (streamed := self._stream()) is None:
                    raise
                yield from self._fresh(streamed)
                self.complete = over
                self._begin_again()
                return
            yield from self._fresh(page.lines)
            self._token = page.token
            if page.token is None:
                self.complete = over
                # An end that is none: the try waits, and its log begins anew when it goes on.
                self._begin_again()
                return
            if not page.lines and page.token == before:
                self.complete = over
                return

    def _stream(self) -> Iterator[str] | None:
        found = self._api.log_lines(*self._of, self.task)
        if found is not None:
            self._begin_again()
        return found

    def _begin_again(self) -> None:
        self._token, self._known = None, self.given
        self._masked = KeyMask()

    def _fresh(self, lines: Iterable[str]) -> Iterator[str]:
        for line in map(self._masked, lines):
            if self._known:
                self._known -= 1
                continue
            self.given += 1
            yield line


def read_all(
    api: AirflowApi, dag_id: str, run_id: str, task: TaskInfo, *, clock: Clock
) -> Iterator[str]:
    """A task's log as it is now; goes on where it was when the connection breaks.

    Raises:
        UnavailableError: It broke again and again.
        NotAllowedError: It may not be read.
    """
    log = TryLog(api, dag_id, run_id, task)
    attempt = 0
    while True:
        before = log.given
        try:
            yield from log.read(task)
        except UnavailableError:
            attempt = 0 if log.given > before else attempt + 1
            if attempt == _ATTEMPTS:
                raise
            clock.sleep(_PAUSE_SECONDS)
        else:
            return
