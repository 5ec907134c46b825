"""What each operation of the service does."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import httpx

from .behind import Update
from .wire import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .behind import Environment
    from .service import MwaaServer

ANSWER_BYTES = 6 * 1024 * 1024
TOKEN_SECONDS: Final = 60.0

_BUSY: Final = frozenset({"CREATING", "UPDATING", "ROLLING_BACK", "CREATING_SNAPSHOT", "DELETING"})
_DOWN: Final = frozenset(
    {"CREATING", "CREATE_FAILED", "DELETING", "DELETED", "UNAVAILABLE", "PENDING"}
)


def _environment(server: MwaaServer, name: str) -> Environment:
    if name not in server.environments:
        raise Refusal("ResourceNotFoundException", f"Environment {name} not found")
    return server.environments[name]


def _list(server: MwaaServer, _: Mapping[str, Any]) -> dict[str, Any]:
    return {"Environments": sorted(server.environments)}


def _get(server: MwaaServer, request: Mapping[str, Any]) -> dict[str, Any]:
    return {"Environment": _environment(server, request["Name"]).look()}


def _update(server: MwaaServer, request: Mapping[str, Any]) -> dict[str, Any]:
    environment = _environment(server, request["Name"])
    environment.look()
    if environment.status in _BUSY:
        raise Refusal(
            "ValidationException",
            f"Environment is in {environment.status} state and cannot be updated",
        )
    changes = {key: value for key, value in request.items() if key != "Name"}
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


def _invoke(server: MwaaServer, request: Mapping[str, Any]) -> dict[str, Any]:
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
    told: dict[str, Any] = {
        "RestApiStatusCode": answer.status_code,
        "RestApiResponse": _json(answer),
    }
    if answer.is_server_error or len(answer.content) > ANSWER_BYTES:
        raise Refusal("RestApiServerException", **told)
    if answer.is_client_error:
        raise Refusal("RestApiClientException", **told)
    return told


def _json(answer: httpx.Response) -> object:
    try:
        return answer.json() if answer.content else {}
    except ValueError:
        return {}


def _web_token(server: MwaaServer, request: Mapping[str, Any]) -> dict[str, Any]:
    environment = _environment(server, request["Name"])
    token = secrets.token_urlsafe(32)
    now = time.monotonic()
    with server.lock:
        server.tokens = {key: item for key, item in server.tokens.items() if item[1] > now}
    server.tokens[token] = environment, time.monotonic() + TOKEN_SECONDS
    return {
        "WebToken": token,
        "WebServerHostname": server.host,
        "IamIdentity": "assumed-role/Deployer",
        "AirflowIdentity": "Op",
    }


def _cli_token(server: MwaaServer, request: Mapping[str, Any]) -> dict[str, Any]:
    _environment(server, request["Name"])
    return {"CliToken": secrets.token_urlsafe(32), "WebServerHostname": server.host}


PERFORM: Final[dict[str, Callable[[MwaaServer, Mapping[str, Any]], dict[str, Any]]]] = {
    "ListEnvironments": _list,
    "GetEnvironment": _get,
    "UpdateEnvironment": _update,
    "InvokeRestApi": _invoke,
    "CreateWebLoginToken": _web_token,
    "CreateCliToken": _cli_token,
}
"""Operation to what does it."""
