"""The service's state: its environments, what was asked, and the faults it was told to have."""

from __future__ import annotations

import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from .behind import Airflow, Environment
from .http import handler
from .places import ACCOUNT, REGION
from .wire import title

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Mapping


@dataclass
class Fault:
    """Something that goes wrong for the next `times` calls that match."""

    match: str
    """A regular expression on `InvokeRestApi GET /dags` or `GetEnvironment`."""
    kind: str | None = None
    """Answer with this error and do nothing."""
    message: str = "injected"
    status: int | None = None
    members: Mapping[str, object] = field(default_factory=dict)
    drop: bool = False
    """Do what was asked, then close the connection without an answer."""
    reset: bool = False
    """Close the connection and do nothing."""
    delay_seconds: float = 0.0
    times: int = 1


class MwaaServer:
    """A small Amazon MWAA that is not one: a real HTTP server; tests change its state directly.

    Args:
        s3: A boto3 client of the S3 that holds the environments' files; None checks no versions.
        listener: A socket that listens; by default one at a free port of this machine.
    """

    def __init__(
        self,
        s3: Any = None,  # noqa: ANN401 -- boto3 makes its classes at run time
        *,
        listener: socket.socket | None = None,
    ) -> None:
        self.s3 = s3
        self.environments: dict[str, Environment] = {}
        self.faults: list[Fault] = []
        self.calls: list[tuple[str, dict[str, Any]]] = []
        """Operation and input of everything that was asked."""
        self.web_requests: list[tuple[str, str]] = []
        """Method and path of what came to the web server itself."""
        self.credentials: set[str] | None = None
        """The access keys that are known; None: all are."""
        self.tokens: dict[str, tuple[Environment, float]] = {}
        """Web login tokens to whose they are and until when."""
        self.lock = threading.RLock()
        self._server = _server(self, listener)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}"

    def add(self, name: str, airflow: Airflow, *, bucket: str, **facts: object) -> Environment:
        """An environment that is there, in front of an Airflow."""
        made = {
            "Arn": f"arn:aws:airflow:{REGION}:{ACCOUNT}:environment/{name}",
            "CreatedAt": datetime.now(UTC),
            "WebserverUrl": self.host,
            "WebserverAccessMode": "PUBLIC_ONLY",
            "ExecutionRoleArn": f"arn:aws:iam::{ACCOUNT}:role/airflow-{name}",
            "AirflowVersion": "3.3.1",
            "SourceBucketArn": f"arn:aws:s3:::{bucket}",
            "DagS3Path": "dags",
            "EnvironmentClass": "mw1.small",
            "MaxWorkers": 2,
            "MinWorkers": 1,
            "LoggingConfiguration": {
                "TaskLogs": {
                    "Enabled": True,
                    "LogLevel": "INFO",
                    "CloudWatchLogGroupArn": (
                        f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{task_logs_of(name)}"
                    ),
                }
            },
        }
        environment = Environment(name, airflow, made | facts)
        self.environments[name] = environment
        return environment

    def fail(self, match: str, kind: str | None = None, **what: Any) -> None:  # noqa: ANN401 -- a Fault's
        """Let the next calls that match go wrong."""
        self.faults.append(Fault(match, kind, **what))

    def fault_for(self, asked: str) -> Fault | None:
        """What goes wrong with this call; it is used up."""
        for fault in self.faults:
            if fault.times > 0 and re.search(fault.match, asked):
                fault.times -= 1
                return fault
        return None

    def asked(self, match: str) -> int:
        """How many calls matched."""
        return sum(bool(re.search(match, title(*call))) for call in self.calls)

    @contextmanager
    def serving(self) -> Iterator[MwaaServer]:
        """Answer for as long as the context lasts."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join(5)


def task_logs_of(name: str) -> str:
    """The log group an environment's tasks write to."""
    return f"airflow-{name}-Task"


def _server(state: MwaaServer, listener: socket.socket | None) -> ThreadingHTTPServer:
    server = ThreadingHTTPServer(
        ("127.0.0.1", 0), handler(state), bind_and_activate=listener is None
    )
    if listener is not None:
        server.socket.close()
        server.socket = listener
        server.server_address = listener.getsockname()
    server.daemon_threads = True
    return server
