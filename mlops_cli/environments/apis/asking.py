"""How questions to API v2 are put and their answers read, whatever carries them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from mlops_cli.core.errors import ProjectError, UnavailableError

from .transport import Answer, detail

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .transport import Transport

PAGE: Final = 100  # more is cut by `[api] maximum_page_limit`


class Asking:
    """What every part of the API needs: send, read, turn pages, refuse what is unexpected.

    Args:
        transport: The way to the Airflow.
    """

    def __init__(self, transport: Transport) -> None:
        self.name = transport.name
        self._transport = transport

    def _carries(self, path: str) -> bool:
        longest = self._transport.longest_path
        return longest is None or len(path) <= longest

    def _send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, object] | None = None,
        body: object = None,
        once: bool = False,
    ) -> Answer:
        return self._transport.send(method, f"/api/v2{path}", params=params, body=body, once=once)

    def _get(self, path: str, params: Mapping[str, object] | None = None) -> Any:  # noqa: ANN401
        answer = self._send("GET", path, params=params)
        if answer.status == 404:
            return None
        self._expect(answer, {200}, f"read `{path}`")
        return answer.body

    def _pages(
        self, path: str, key: str, params: Mapping[str, object], *, most: int | None = None
    ) -> Iterator[Mapping[str, Any]]:
        offset = 0
        while most is None or offset < most:
            limit = PAGE if most is None else min(PAGE, most - offset)
            body = self._get(path, {**params, "limit": limit, "offset": offset}) or {}
            items = body.get(key) or []
            yield from items
            offset += len(items)
            if not items or offset >= int(body.get("total_entries") or 0):
                return

    def _known_dag(self, answer: Answer, dag_id: str, verb: str) -> None:
        if answer.status == 404:
            raise ProjectError(
                f"Could not {verb} `{dag_id}`: Airflow at `{self.name}` does not know it",
                hint="Deploy the project first: `mlops deploy`",
            )

    def _expect(self, answer: Answer, statuses: set[int], what: str) -> None:
        if answer.status not in statuses:
            raise UnavailableError(
                f"Could not {what}: Airflow at `{self.name}` answered with status "
                f"{answer.status}{detail(answer, ': ')}"
            )


def part(text: str) -> str:
    """A piece of a path."""
    return quote(text, safe="")


def run_path(dag_id: str, run_id: str) -> str:
    """Where a run is."""
    return f"/dags/{part(dag_id)}/dagRuns/{part(run_id)}"
