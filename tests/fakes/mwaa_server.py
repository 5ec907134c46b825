"""A small Amazon MWAA that is not one: a real HTTP server with state, faults on request.

It speaks the service's wire format, checked against botocore's own model of it, so that boto3 talks
to it as it is. The Airflow behind each environment is somebody else's: a real one, or a fake.
Stands on the standard library, botocore and httpx only.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

REGION = "eu-central-1"
ACCOUNT = "123456789012"
WEB_LOGIN = "/pluginsv2/aws_mwaa/login"
ANSWER_SECONDS = 10.0
"""So long the service waits for Airflow."""
ANSWER_BYTES = 6 * 1024 * 1024
TOKEN_SECONDS = 60.0

_BUSY = frozenset({"CREATING", "UPDATING", "ROLLING_BACK", "CREATING_SNAPSHOT", "DELETING"})
_DOWN = frozenset({"CREATING", "CREATE_FAILED", "DELETING", "DELETED", "UNAVAILABLE", "PENDING"})
_HOP = frozenset({"connection", "transfer-encoding", "content-encoding", "content-length", "date"})


class Refusal(Exception):  # noqa: N818 -- an answer of the service
    """An error the service answers with.

    Args:
        kind: Its name in the service's model, or one that all services have.
        message: What it says.
        status: The HTTP status; by default the model's.
        members: More of its body.
    """

    def __init__(
        self, kind: str, message: str = "", status: int | None = None, **members: object
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status or _status_of(kind)
        self.body = {"message": message, **members}


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

    def ask(self, method: str, path: str, query: Any, body: Any) -> httpx.Response:
        """Airflow's answer; logs in first, and again when the token ran out."""
        for _ in range(2):
            self._token = self._token or self.token()
            headers = {"Authorization": f"Bearer {self._token}"}
            answer = self.client.request(
                method, f"/api/v2{path}", params=query, json=body, headers=headers
            )
            if answer.status_code != 401:
                break
            self._token = None
        return answer


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


class MwaaServer:
    """The service's state; tests change it directly."""

    def __init__(self, s3: Any = None) -> None:
        self.s3 = s3
        """A boto3 client of the S3 that holds the environments' files; None checks no versions."""
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
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"http://{self.host}"

    def add(self, name: str, airflow: Airflow, *, bucket: str, **facts: Any) -> Environment:
        """An environment that is there, in front of an Airflow."""
        group = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:airflow-{name}-Task"
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
                "TaskLogs": {"Enabled": True, "LogLevel": "INFO", "CloudWatchLogGroupArn": group}
            },
        }
        environment = Environment(name, airflow, made | facts)
        self.environments[name] = environment
        return environment

    def fail(self, match: str, kind: str | None = None, **what: Any) -> None:
        """Let the next calls that match go wrong."""
        self.faults.append(Fault(match, kind, **what))

    def asked(self, match: str) -> int:
        """How many calls matched."""
        return sum(bool(re.search(match, _title(*call))) for call in self.calls)

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


# --- what the service's model says -----------------------------------------------------------


@cache
def _model() -> Any:
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model("mwaa", "service-2"), "mwaa")


@cache
def _routes() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    found = []
    for name in _OPERATIONS:
        http = _model().operation_model(name).http
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", http["requestUri"])
        found.append((http["method"], re.compile(pattern), name))
    return tuple(found)


def _status_of(kind: str) -> int:
    shapes = _model().shape_names
    if kind in shapes:
        return int(_model().shape_for(kind).metadata["error"]["httpStatusCode"])
    return {"ThrottlingException": 429, "ServiceUnavailableException": 503}.get(kind, 403)


def _problems(shape: Any, value: Any, where: str) -> Iterator[str]:
    """What is wrong with an input, by the model; botocore itself checks less."""
    limits = shape.metadata
    if shape.type_name == "structure" and not getattr(shape, "is_document_type", False):
        if not isinstance(value, dict):
            yield f"{where} is no structure"
            return
        for name in shape.required_members:
            if name not in value:
                yield f"{where}{name} is required"
        for name, member in value.items():
            if name in shape.members:
                yield from _problems(shape.members[name], member, f"{where}{name}")
            else:
                yield f"{where}{name} is unknown"
    elif shape.type_name == "string":
        yield from _text_problems(limits, shape.enum, value, where)


def _text_problems(
    limits: Mapping[str, Any], words: list[str], value: Any, where: str
) -> Iterator[str]:
    if not isinstance(value, str):
        yield f"{where} is no text"
    elif not limits.get("min", 0) <= len(value) <= limits.get("max", len(value)):
        yield (
            f"1 validation error detected: Value at '{where}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {limits.get('max')}"
        )
    elif words and value not in words:
        yield f"{where} must be one of {', '.join(words)}"
    elif limits.get("pattern") and not re.fullmatch(limits["pattern"], value):
        yield f"{where} must match {limits['pattern']}"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()  # as rest-json has it
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


# --- HTTP ------------------------------------------------------------------------------------


def _title(operation: str, request: Mapping[str, Any]) -> str:
    if operation != "InvokeRestApi":
        return operation
    return f"InvokeRestApi {request.get('Method')} {request.get('Path')}"


def _handler(server: MwaaServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            data = self.rfile.read(length)
            for method, pattern, operation in _routes():
                found = pattern.fullmatch(parts.path)
                if found and method == self.command:
                    self._serve(operation, parts.query, found.groupdict(), data)
                    return
            self._serve_web(parts.path, data)

        def _serve(self, operation: str, query: str, uri: dict[str, str], data: bytes) -> None:
            asked = {key: values[0] for key, values in parse_qs(query).items()}
            named = {key: unquote(value) for key, value in uri.items()}
            request = {**asked, **(json.loads(data) if data else {}), **named}
            with server.lock:
                server.calls.append((operation, request))
                fault = _take(server, _title(operation, request))
            if fault and fault.delay_seconds:
                time.sleep(fault.delay_seconds)
            if fault and fault.reset:
                self.close_connection = True
                return
            try:
                _refuse(fault)
                _check(server, operation, request, self.headers.get("Authorization") or "")
                status, body, kind = 200, _OPERATIONS[operation](server, request), None
            except Refusal as refusal:
                status, body, kind = refusal.status, refusal.body, refusal.kind
            if fault and fault.drop:
                self.close_connection = True
                return
            self._send(status, json.dumps(_plain(body)).encode(), kind)

        def _serve_web(self, path: str, data: bytes) -> None:
            with server.lock:
                server.web_requests.append((self.command, path))
            if path == WEB_LOGIN:
                self._log_in(parse_qs(data.decode()).get("token", [""])[0])
                return
            environment = next(iter(server.environments.values()), None)
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
            self._send(
                answer.status_code,
                answer.content,
                None,
                {key: value for key, value in answer.headers.items() if key.lower() not in _HOP},
            )

        def _log_in(self, token: str) -> None:
            with server.lock:
                environment, until = server.tokens.pop(token, (None, 0.0))
            if environment is None or time.monotonic() > until:
                self._send(403, json.dumps({"detail": "Forbidden"}).encode())
                return
            cookie = {"Set-Cookie": f"_token={environment.airflow.token()}; Path=/; HttpOnly"}
            self._send(200, b"{}", None, cookie)

        def _send(
            self,
            status: int,
            data: bytes,
            kind: str | None = None,
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

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _answer  # noqa: N815 -- the library's

    return Handler


def _refuse(fault: Fault | None) -> None:
    if fault and fault.kind:
        raise Refusal(fault.kind, fault.message, fault.status, **fault.members)


def _take(server: MwaaServer, title: str) -> Fault | None:
    for fault in server.faults:
        if fault.times > 0 and re.search(fault.match, title):
            fault.times -= 1
            return fault
    return None


def _check(server: MwaaServer, operation: str, request: dict[str, Any], signed: str) -> None:
    scope = re.match(r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([\w-]+)/airflow/aws4", signed)
    if scope is None:
        raise Refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
    if server.credentials is not None and scope.group(1) not in server.credentials:
        raise Refusal(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    found = list(_problems(_model().operation_model(operation).input_shape, request, ""))
    if found:
        raise Refusal("ValidationException", "; ".join(found))


# --- operations ------------------------------------------------------------------------------


def _environment(server: MwaaServer, name: str) -> Environment:
    if name not in server.environments:
        raise Refusal("ResourceNotFoundException", f"Environment {name} not found")
    return server.environments[name]


def _list(server: MwaaServer, request: dict[str, Any]) -> dict[str, Any]:
    return {"Environments": sorted(server.environments)}


def _get(server: MwaaServer, request: dict[str, Any]) -> dict[str, Any]:
    return {"Environment": _environment(server, request["Name"]).look()}


def _update(server: MwaaServer, request: dict[str, Any]) -> dict[str, Any]:
    environment = _environment(server, request["Name"])
    environment.look()
    if environment.status in _BUSY:
        raise Refusal(
            "ValidationException",
            f"Environment is in {environment.status} state and cannot be updated",
        )
    changes = dict(request)
    strategy = changes.pop("WorkerReplacementStrategy", "FORCED")
    for kind in ("Requirements", "Plugins", "StartupScript"):
        path, version = changes.get(f"{kind}S3Path"), changes.get(f"{kind}S3ObjectVersion")
        if path or version:
            _check_file(server, environment, kind, path, version)
    environment.facts["LastUpdate"] = {
        "Status": "PENDING",
        "CreatedAt": datetime.now(UTC),
        "WorkerReplacementStrategy": strategy,
    }
    environment.status = "UPDATING"
    environment.update = Update(
        time.monotonic() + environment.update_seconds,
        changes,
        environment.failing.pop(0) if environment.failing else None,
    )
    return {"Arn": environment.facts["Arn"]}


def _check_file(
    server: MwaaServer, environment: Environment, kind: str, path: str | None, version: str | None
) -> None:
    if not path or not version:
        raise Refusal("ValidationException", f"{kind}S3Path and {kind}S3ObjectVersion go together")
    if server.s3 is None:
        return
    from botocore.exceptions import ClientError

    bucket = environment.facts["SourceBucketArn"].rpartition(":")[2]
    try:
        server.s3.head_object(Bucket=bucket, Key=path, VersionId=version)
    except ClientError as error:
        raise Refusal(
            "ValidationException", f"Unable to access version {version} of {path}"
        ) from error


def _invoke(server: MwaaServer, request: dict[str, Any]) -> dict[str, Any]:
    environment = _environment(server, request["Name"])
    environment.look()
    if environment.status in _DOWN:
        raise Refusal("ValidationException", f"Environment {environment.name} is not available")
    try:
        answer = environment.airflow.ask(
            request["Method"],
            request["Path"],
            request.get("QueryParameters"),
            request.get("Body"),
        )
    except httpx.HTTPError as error:
        raise Refusal(
            "RestApiServerException",
            RestApiStatusCode=504,
            RestApiResponse={"detail": type(error).__name__},
        ) from error
    told = {"RestApiStatusCode": answer.status_code, "RestApiResponse": _json(answer)}
    if answer.status_code >= 500 or len(answer.content) > ANSWER_BYTES:
        raise Refusal("RestApiServerException", **told)
    if answer.status_code >= 400:
        raise Refusal("RestApiClientException", **told)
    return told


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json() if answer.content else {}
    except ValueError:
        return {}


def _web_token(server: MwaaServer, request: dict[str, Any]) -> dict[str, Any]:
    environment = _environment(server, request["Name"])
    token = secrets.token_urlsafe(32)
    server.tokens[token] = environment, time.monotonic() + TOKEN_SECONDS
    return {
        "WebToken": token,
        "WebServerHostname": server.host,
        "IamIdentity": "assumed-role/Deployer",
        "AirflowIdentity": "Op",
    }


def _cli_token(server: MwaaServer, request: dict[str, Any]) -> dict[str, Any]:
    _environment(server, request["Name"])
    return {"CliToken": secrets.token_urlsafe(32), "WebServerHostname": server.host}


_OPERATIONS: dict[str, Callable[[MwaaServer, dict[str, Any]], dict[str, Any]]] = {
    "ListEnvironments": _list,
    "GetEnvironment": _get,
    "UpdateEnvironment": _update,
    "InvokeRestApi": _invoke,
    "CreateWebLoginToken": _web_token,
    "CreateCliToken": _cli_token,
}
