"""Where messages arrive: an HTTP server as Slack and SNS's subscribers have it, and an SMTP one."""

from __future__ import annotations

import base64
import json
import socketserver
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from .serving import up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from email.message import EmailMessage


@dataclass(frozen=True)
class Posted:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class HttpReceiver:
    """Keeps what is posted to it; answers as Slack does."""

    url: str = ""
    posted: list[Posted] = field(default_factory=list)
    token: str = "xoxb-right"  # what Slack's API takes
    answer: tuple[int, str] = (200, "ok")
    """What a webhook answers."""

    def to(self, path: str) -> list[Posted]:
        return [one for one in self.posted if one.path == path]

    def texts(self) -> list[str]:
        return [one.json["text"] for one in list(self.posted) if b'"text"' in one.body]

    def hears(self, words: str) -> list[str]:
        """The messages with these words in their first line; waits for the first."""

        def found() -> list[str]:
            return [text for text in self.texts() if words in text.splitlines()[0]]

        return self.wait_for(found, seconds=240)  # two cores may have more to do than this

    def wait_for(self, found: Callable[[], list[Any]], seconds: float = 60) -> list[Any]:
        deadline = time.monotonic() + seconds
        while not found():
            assert time.monotonic() < deadline, f"nothing came; there is {self.posted}"
            time.sleep(0.1)
        return found()


@contextmanager
def http_receiver() -> Iterator[HttpReceiver]:
    """Run it on a free port of this machine."""
    receiver = HttpReceiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            receiver.posted.append(Posted(self.path, dict(self.headers), body))
            status, answer = receiver.answer
            if self.path.startswith("/api/"):
                right = self.headers.get("Authorization") == f"Bearer {receiver.token}"
                said = {"ok": True} if right else {"ok": False, "error": "invalid_auth"}
                status, answer = 200, json.dumps(said)
            self.send_response(status)
            kind = "application/json" if answer.startswith("{") else "text/plain"
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer.encode())

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}"
    with up(server):
        yield receiver


@dataclass
class Mailbox:
    """Keeps every mail it is given; knows one user where a password is asked for."""

    port: int = 0
    mails: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    """Recipients of the envelope, and the message."""
    password: str | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def mailbox(password: str | None = None) -> Iterator[Mailbox]:
    """Run an SMTP server on a free port of this machine."""
    box = Mailbox(password=password)

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 mailbox.test ESMTP")
            recipients: list[str] = []
            while line := self.rfile.readline():
                words = line.decode().strip().split(" ")
                verb = words[0].upper()
                if verb in {"EHLO", "HELO"}:
                    self._say("250-mailbox.test", "250-AUTH PLAIN", "250 8BITMIME")
                elif verb == "AUTH":
                    self._authenticate(words[-1])
                elif verb == "RCPT":
                    recipients.append(line.decode().partition("<")[2].partition(">")[0])
                    self._say("250 ok")
                elif verb == "DATA":
                    self._say("354 go on")
                    mail = message_from_bytes(self._content(), policy=policy.default)
                    with box.lock:
                        box.mails.append((recipients, mail))
                    recipients = []
                    self._say("250 kept")
                elif verb == "QUIT":
                    self._say("221 bye")
                    return
                else:
                    self._say("250 ok")

        def _authenticate(self, given: str) -> None:
            said = base64.b64decode(given).decode().split("\0")[-1]
            right = box.password is None or said == box.password
            self._say("235 welcome" if right else "535 5.7.8 authentication failed")

        def _content(self) -> bytes:
            lines = []
            while (line := self.rfile.readline()) not in {b".\r\n", b""}:
                lines.append(line[1:] if line.startswith(b"..") else line)
            return b"".join(lines)

        def _say(self, *lines: str) -> None:
            self.wfile.write("".join(f"{line}\r\n" for line in lines).encode())

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    box.port = server.server_address[1]
    with up(server):
        yield box
