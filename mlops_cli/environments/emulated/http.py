"""The door of the service: AWS's operations, and the web server of the environment."""

from __future__ import annotations

import json
import secrets
import time
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Final, TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

from .operations import PERFORM
from .wire import Refusal, plain, require_valid, route, title

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .service import Fault, MwaaServer

_T = TypeVar("_T")

WEB_LOGIN: Final = "/pluginsv2/aws_mwaa/login"

_REMEMBERED: Final = 10_000
_HOP: Final = frozenset(
    {"connection", "transfer-encoding", "content-encoding", "content-length", "date"}
)


def handler(server: MwaaServer) -> type[BaseHTTPRequestHandler]:
    """The class that answers each request to `server`."""

    class Bound(_Handler):
        state = server

    return Bound


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    state: MwaaServer

    def log_message(self, *_: object) -> None:
        """Say nothing: requests are kept in the state."""

    def answer(self) -> None:
        """Answer one request, whichever method it has."""
        parts = urlsplit(self.path)
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        found = route(self.command, parts.path)
        if found is None:
            self._serve_web(parts.path, data)
            return
        operation, uri = found
        asked = {key: values[0] for key, values in parse_qs(parts.query).items()}
        named = {key: unquote(value) for key, value in uri.items()}
        self._serve(operation, {**asked, **(json.loads(data) if data else {}), **named})

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer  # noqa: N815 -- the library's

    def _serve(self, operation: str, request: dict[str, object]) -> None:
        asked = title(operation, request)
        with self.state.lock:
            _remember(self.state.calls, (operation, request))
            fault = self.state.fault_for(asked)
        if fault and fault.delay_seconds:
            time.sleep(fault.delay_seconds)
        if fault and fault.reset:
            self.close_connection = True
            return
        body: object
        try:
            _refuse(fault)
            signed = self.headers.get("Authorization") or ""
            require_valid(operation, request, signed, self.state.credentials)
            status, body, kind = 200, PERFORM[operation](self.state, request), None
        except Refusal as refusal:
            status, body, kind = refusal.status, refusal.body, refusal.kind
        if fault and fault.drop:
            self.close_connection = True
            return
        self._send(status, json.dumps(plain(body)).encode(), kind)

    def _serve_web(self, path: str, data: bytes) -> None:
        with self.state.lock:
            _remember(self.state.web_requests, (self.command, path))
        if path == WEB_LOGIN:
            self._log_in(parse_qs(data.decode()).get("token", [""])[0])
            return
        environment = next(iter(self.state.environments.values()), None)
        if environment is None:
            self._send(404, b"{}")
            return
        passed = {key: value for key, value in self.headers.items() if key.lower() != "host"}
        try:
            answer = environment.airflow.client.request(
                self.command, self.path, headers=passed, content=data
            )
        except httpx.HTTPError:
            self._send(502, b"")
            return
        kept = {key: value for key, value in answer.headers.items() if key.lower() not in _HOP}
        self._send(answer.status_code, answer.content, headers=kept)

    def _log_in(self, token: str) -> None:
        with self.state.lock:
            environment, until = self.state.tokens.pop(token, (None, 0.0))
        if environment is None or time.monotonic() > until:
            self._send(403, json.dumps({"detail": "Forbidden"}).encode())
            return
        cookie = {"Set-Cookie": f"_token={environment.airflow.token()}; Path=/; HttpOnly"}
        self._send(200, b"{}", headers=cookie)

    def _send(
        self,
        status: int,
        data: bytes,
        kind: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        sent = {"Content-Type": "application/json", "x-amzn-RequestId": secrets.token_hex(16)}
        if kind:
            sent["x-amzn-ErrorType"] = kind
        for name, value in (sent | dict(headers or {})).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _remember(told: list[_T], new: _T) -> None:
    told.append(new)
    if len(told) > _REMEMBERED:  # it may run for weeks
        del told[: _REMEMBERED // 2]


def _refuse(fault: Fault | None) -> None:
    if fault and fault.kind:
        raise Refusal(fault.kind, fault.message, fault.status, **fault.members)
