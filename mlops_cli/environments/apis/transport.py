"""How questions reach an Airflow: the small port below every API adapter."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from mlops_cli.core.errors import UnavailableError
from mlops_cli.core.redact import printable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_cli.core.clock import Clock
    from mlops_cli.environments.port import LogPage, TaskInfo

# Begins the tokens of logs that are read from elsewhere.
ELSEWHERE: Final = "elsewhere:"
SERVER_ERROR: Final = 500

_PASSING: Final = frozenset({429, 502, 503, 504})
_CRASHES_REPEATED: Final = 2
_MAX_PAUSE_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the HTTP status and the JSON body (None where there was none)."""

    status: int
    body: Any = None
    cookies: Mapping[str, str] = field(default_factory=dict)


class PathTooLongError(UnavailableError):
    """The way to this Airflow takes no path that long; nothing was sent."""


class Patience:
    """Says whether a request that changes nothing twice is sent again, and waits before it is.

    What passes by itself (too many requests, a gateway without its server, no answer at all) is
    waited for while there is time. A crash (500) is a bug mostly, but also a database that was
    busy for a moment: it is asked twice more.

    Args:
        clock: Waits.
        seconds: How long in all.
    """

    def __init__(self, clock: Clock, seconds: float) -> None:
        self._clock = clock
        self._deadline = clock.monotonic() + seconds
        self._pause = 0.2
        self._crashes = 0

    @property
    def left_seconds(self) -> float:
        """How much of it there is still."""
        return self._deadline - self._clock.monotonic()

    def again(self, status: int | None) -> bool:
        """Wait, then True; False when it is no use.

        Args:
            status: What came back; None for no answer.
        """
        if status == SERVER_ERROR:
            self._crashes += 1
            may_pass = self._crashes <= _CRASHES_REPEATED
        else:
            may_pass = status is None or status in _PASSING
        if not may_pass or self._pause > self.left_seconds:
            return False
        self._clock.sleep(self._pause * random.uniform(0.5, 1.0))  # noqa: S311 -- not a secret
        self._pause = min(self._pause * 2, _MAX_PAUSE_SECONDS)
        return True


def is_answer(answer: Answer) -> bool:
    """Whether the server understood, be it that it refused; False: it failed or is too busy."""
    return answer.status < SERVER_ERROR and answer.status not in _PASSING


@runtime_checkable
class LineSource(Protocol):
    """A transport that can also read an answer while it comes, line by line."""

    def lines(self, path: str, *, params: Mapping[str, object] | None = None) -> Iterator[str]:
        """The lines of an answer in `application/x-ndjson`; none where there is no such thing.

        Raises:
            UnavailableError: There is no answer, or it broke off.
            NotAllowedError: We are not who we say, or may not do it.
        """


class LogSource(Protocol):
    """Another place where the logs of tasks are, when the API does not give them."""

    def page(self, dag_id: str, run_id: str, task: TaskInfo, *, token: str | None) -> LogPage:
        """Some lines of a task's log, from `token` on."""


class Transport(Protocol):
    """Carries one request to Airflow's REST API, with whatever proves who we are."""

    name: str
    """How messages call the other side."""

    url: str
    """Where a person reaches the web interface, without a slash at the end."""

    longest_path: int | None
    """How long a path may be that it carries for sure, `/api/v2` not counted; None: any."""

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, object] | None = None,
        body: object = None,
        once: bool = False,
    ) -> Answer:
        """Send a request and give back the answer, whatever its status below 500 is.

        Args:
            method: `GET`, `POST`, `PATCH` or `PUT`.
            path: Below the server's root, such as `/api/v2/version`.
            params: Query parameters.
            body: Sent as JSON.
            once: Never send it a second time, because it may have been carried out.

        Raises:
            UnavailableError: There is no answer, or not an Airflow's; nothing was changed.
            NotAllowedError: We are not who we say, or may not do it.
            UnfinishedError: Sent `once`, and whether it was carried out is unknown.
        """

    def close(self) -> None:
        """Give back the connections."""


def detail(answer: Answer, before: str = "") -> str:
    """What Airflow itself says about a refusal, on one line, or nothing."""
    said = answer.body.get("detail") if isinstance(answer.body, dict) else None
    if isinstance(said, dict):
        said = said.get("reason") or said.get("message") or said
    if isinstance(said, list):
        said = "; ".join(_field_problem(item) for item in said)
    return before + printable(" ".join(str(said).split())) if said else ""


def _field_problem(item: object) -> str:
    if not isinstance(item, dict):
        return str(item)
    where = ".".join(str(part) for part in item.get("loc", ()))
    return f"{where}: {item.get('msg', '')}" if where else str(item.get("msg", ""))
