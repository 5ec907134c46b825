"""A reverse proxy that does, on order, what networks and servers do when they fail."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import struct
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email.utils import format_datetime, parsedate_to_datetime
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import timedelta

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "expect"}


@dataclass(frozen=True)
class Status:
    """Answer so; `after`: once the server has done its work."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    after: bool = False


@dataclass(frozen=True)
class Reset:
    """Cut the connection before the server hears of the request."""


@dataclass(frozen=True)
class Drop:
    """Let the server do its work, and cut the connection instead of answering."""


@dataclass(frozen=True)
class Delay:
    """Answer later."""

    seconds: float


@dataclass(frozen=True)
class Blackhole:
    """Never answer."""


@dataclass(frozen=True)
class Truncate:
    """Send only so many bytes of the body, and cut the connection."""

    size: int


@dataclass(frozen=True)
class Dated:
    """Shift the `Date` of the reply."""

    by: timedelta


@dataclass(frozen=True)
class Throttle:
    """Send the body slowly."""

    bytes_per_second: int


@dataclass(frozen=True)
class Strip:
    """Hide a header of the request from the server."""

    header: str


@dataclass(frozen=True)
class Kill:
    """Send a signal to whoever asks; before the server hears of it, or after it has done it."""

    pid: Callable[[], int]
    signal: int = signal.SIGKILL
    after: bool = False


Action = Status | Reset | Drop | Delay | Blackhole | Truncate | Dated | Throttle | Strip | Kill


@dataclass
class Rule:
    """What to do to which requests: the `offset`-th that matches, and `times` - 1 more."""

    method: str
    path: str
    action: Action
    offset: int = 0
    times: int | None = 1
    authorization: str = "*"
    matched: int = 0
    done: int = 0

    def applies(self, method: str, path: str, authorization: str) -> bool:
        """Also counts."""
        if not (
            fnmatchcase(method, self.method)
            and fnmatchcase(path, self.path)
            and fnmatchcase(authorization, self.authorization)
        ):
            return False
        self.matched += 1
        if self.matched <= self.offset or (self.times is not None and self.done >= self.times):
            return False
        self.done += 1
        return True


@dataclass(frozen=True)
class Seen:
    """One request and the status its sender was told (None: no answer)."""

    method: str
    path: str
    headers: dict[str, str]
    status: int | None


class FaultProxy:
    """Forwards to `upstream`, less what its rules spoil; `url` is where it listens."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream)
        self.rules: list[Rule] = []
        self.seen: list[Seen] = []
        self.guard = threading.Lock()
        self.closing = threading.Event()
        self.working = 0
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def rule(
        self,
        method: str,
        path: str,
        action: Action,
        *,
        offset: int = 0,
        times: int | None = 1,
        authorization: str = "*",
    ) -> Rule:
        """Order a fault; method, path (with its query) and who asks are globs."""
        made = Rule(method, path, action, offset, times, authorization)
        with self.guard:
            self.rules.append(made)
        return made

    def clear(self) -> None:
        """From now on everything works; what was seen is forgotten."""
        with self.guard:
            self.rules.clear()
            self.seen.clear()

    def requests(self, method: str = "*", path: str = "*") -> list[Seen]:
        """What was asked."""
        with self.guard:
            return [
                one
                for one in self.seen
                if fnmatchcase(one.method, method) and fnmatchcase(one.path, path)
            ]

    def settle(self) -> None:
        """Wait until nothing is on its way any more, whoever sent it."""
        quiet = 0
        while quiet < 20:
            quiet = 0 if self.working else quiet + 1
            time.sleep(0.01)

    def close(self) -> None:
        """Stop listening."""
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def actions(self, method: str, path: str, authorization: str) -> list[Action]:
        with self.guard:
            asked = (method, path, authorization)
            return [rule.action for rule in self.rules if rule.applies(*asked)]


@contextmanager
def fault_proxy(upstream: str) -> Iterator[FaultProxy]:
    """Run one."""
    proxy = FaultProxy(upstream)
    try:
        yield proxy
    finally:
        proxy.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address) -> None:
        """A sender that went away is what these tests are about."""


class _CutError(Exception):
    """The connection ends here."""


def _handler(proxy: FaultProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        upstream: http.client.HTTPConnection | None = None

        def log_message(self, *_: object) -> None:
            pass

        def answer(self) -> None:
            path = unquote(self.path)
            actions = proxy.actions(self.command, path, self.headers.get("Authorization", ""))
            status: int | None = None
            with proxy.guard:
                proxy.working += 1
            try:
                body = self.incoming()
                status = self.carry_out(body, actions)
            except _CutError:
                self.cut()
            finally:
                with proxy.guard:
                    proxy.seen.append(Seen(self.command, path, dict(self.headers), status))
                    proxy.working -= 1

        def carry_out(self, body: bytes, actions: list[Action]) -> int | None:
            hidden = {one.header.lower() for one in actions if isinstance(one, Strip)}
            for action in actions:
                if isinstance(action, Delay):
                    proxy.closing.wait(action.seconds)
                elif isinstance(action, Reset):
                    raise _CutError
                elif isinstance(action, Blackhole):
                    proxy.closing.wait(300)
                    raise _CutError
                elif isinstance(action, Kill) and not action.after:
                    os.kill(action.pid(), action.signal)
                    if action.signal == signal.SIGKILL:
                        raise _CutError
                elif isinstance(action, Status) and not action.after:
                    return self.reply(action.status, list(action.headers.items()), action.body)
            status, headers, data = self.forward(body, hidden)
            for action in actions:
                if isinstance(action, Drop):
                    raise _CutError
                if isinstance(action, Kill) and action.after:
                    os.kill(action.pid(), action.signal)
                if isinstance(action, Status):
                    return self.reply(action.status, list(action.headers.items()), action.body)
                if isinstance(action, Dated):
                    headers = [
                        (name, shift(value, action.by) if name.lower() == "date" else value)
                        for name, value in headers
                    ]
            return self.reply(status, headers, data, actions)

        def incoming(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                parts = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                while self.rfile.readline().strip():
                    pass
                return b"".join(parts)
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))

        def forward(self, body: bytes, hidden: set[str]) -> tuple[int, list, bytes]:
            sent = {
                name: value
                for name, value in self.headers.items()
                if name.lower() not in _HOP | hidden
            }
            sent["Content-Length"] = str(len(body))
            for fresh in (False, True):
                if self.upstream is None or fresh:
                    self.upstream = http.client.HTTPConnection(
                        proxy.upstream.hostname, proxy.upstream.port, timeout=60
                    )
                try:
                    self.upstream.request(self.command, self.path, body, sent)
                    got = self.upstream.getresponse()
                    return got.status, got.getheaders(), got.read()
                except (http.client.HTTPException, OSError):
                    self.upstream.close()
            raise _CutError

        def reply(self, status: int, headers: list, body: bytes, actions: list[Action] = ()) -> int:
            length = str(len(body))
            if self.command == "HEAD":
                length = next((v for k, v in headers if k.lower() == "content-length"), "0")
                body = b""
            self.send_response_only(status)
            for name, value in headers:
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", length)
            self.end_headers()
            for action in actions:
                if isinstance(action, Truncate):
                    self.wfile.write(body[: action.size])
                    self.wfile.flush()
                    raise _CutError
                if isinstance(action, Throttle):
                    step = max(1, action.bytes_per_second // 10)
                    for start in range(0, len(body), step):
                        self.wfile.write(body[start : start + step])
                        time.sleep(0.1)
                    return status
            self.wfile.write(body)
            return status

        def cut(self) -> None:
            self.close_connection = True
            with suppress(OSError):
                self.wfile.flush()
                # No goodbye: the other side sees a reset.
                self.connection.setsockopt(
                    socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                )
            with suppress(OSError):
                self.connection.shutdown(socket.SHUT_RD)

        def finish(self) -> None:
            if self.upstream is not None:
                self.upstream.close()
            with suppress(OSError):
                super().finish()

    for verb in ("GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "OPTIONS"):
        setattr(Handler, f"do_{verb}", Handler.answer)
    return Handler


def shift(date: str, by: timedelta) -> str:
    return format_datetime(parsedate_to_datetime(date) + by, usegmt=True)
