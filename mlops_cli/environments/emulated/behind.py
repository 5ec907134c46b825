"""The Airflow behind an emulated environment, and the environment's own state."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWER_SECONDS: Final = 10.0
"""So long the service waits for Airflow."""


class Airflow:
    """The Airflow behind an environment, as its web server lets the service in.

    Args:
        url: Where it is.
        username: Who the service is there.
        password: Proves it.
    """

    def __init__(self, url: str, username: str, password: str) -> None:
        self.url = url.rstrip("/")
        self._login = {"username": username, "password": password}
        self._token: str | None = None
        self.client = httpx.Client(base_url=self.url, timeout=ANSWER_SECONDS, trust_env=False)

    def token(self) -> str:
        """A token of Airflow's own."""
        answer = self.client.post("/auth/token", json=self._login)
        answer.raise_for_status()
        return str(answer.json()["access_token"])

    def ask(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: object
    ) -> httpx.Response:
        """Airflow's answer; logs in first, and again when the token ran out."""
        answer = self._ask(method, path, query, body)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._token = None
            answer = self._ask(method, path, query, body)
        return answer

    def _ask(
        self, method: str, path: str, query: Mapping[str, Any] | None, body: object
    ) -> httpx.Response:
        self._token = self._token or self.token()
        headers = {"Authorization": f"Bearer {self._token}"}
        return self.client.request(
            method, f"/api/v2{path}", params=query, json=body, headers=headers
        )


@dataclass
class Update:
    """A change that is on its way."""

    over_at: float
    changes: dict[str, Any]
    failure: tuple[str, str] | None


@dataclass
class Environment:
    """One environment; tests change it directly."""

    name: str
    airflow: Airflow
    facts: dict[str, Any]
    """What GetEnvironment tells, besides the status."""
    status: str = "AVAILABLE"
    update_seconds: float = 0.3
    """How long an update takes; the real ones take 10 to 30 minutes."""
    failing: list[tuple[str, str]] = field(default_factory=list)
    """Code and message the next updates fail with."""
    update: Update | None = None

    def look(self) -> dict[str, Any]:
        """What GetEnvironment tells now."""
        if self.update is not None and time.monotonic() >= self.update.over_at:
            self._settle(self.update)
        return {"Name": self.name, "Status": self.status, **self.facts}

    def _settle(self, update: Update) -> None:
        self.update = None
        last = self.facts["LastUpdate"]
        if update.failure is None:
            self.facts |= update.changes
            self.status, last["Status"] = "AVAILABLE", "SUCCESS"
            return
        code, message = update.failure
        self.status, last["Status"] = "UPDATE_FAILED", "FAILED"
        last["Error"] = {"ErrorCode": code, "ErrorMessage": message}
