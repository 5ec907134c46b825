"""How MWAA's service speaks: its routes and its errors, by botocore's own model of it."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

OPERATIONS: Final = (
    "ListEnvironments",
    "GetEnvironment",
    "UpdateEnvironment",
    "InvokeRestApi",
    "CreateWebLoginToken",
    "CreateCliToken",
)
"""What can be asked."""

_SIGNED: Final = r"AWS4-HMAC-SHA256 Credential=([^/]+)/\d{8}/([\w-]+)/airflow/aws4"
# Errors that every service has, and no model.
_STATUSES: Final = {"ThrottlingException": 429, "ServiceUnavailableException": 503}


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


def route(method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """The operation that is asked for and what its path names; None: one for the web server."""
    for known, pattern, name in _routes():
        found = pattern.fullmatch(path)
        if found and known == method:
            return name, found.groupdict()
    return None


def title(operation: str, request: Mapping[str, Any]) -> str:
    """What was asked, in short: `GetEnvironment`, `InvokeRestApi GET /dags`."""
    if operation != "InvokeRestApi":
        return operation
    return f"InvokeRestApi {request.get('Method')} {request.get('Path')}"


def require_valid(
    operation: str, request: Mapping[str, Any], signed: str, credentials: set[str] | None
) -> None:
    """Refuse what is not signed, is signed by somebody unknown, or does not fit the model.

    Raises:
        Refusal: One of the three.
    """
    scope = re.match(_SIGNED, signed)
    if scope is None:
        raise Refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
    if credentials is not None and scope.group(1) not in credentials:
        raise Refusal(
            "UnrecognizedClientException", "The security token included in the request is invalid."
        )
    found = list(_problems(_model().operation_model(operation).input_shape, request, ""))
    if found:
        raise Refusal("ValidationException", "; ".join(found))


def plain(value: object) -> object:
    """An answer as JSON can have it: moments are seconds, as rest-json writes them."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list) else value


# --- what the model says ---------------------------------------------------------------------


@cache
def _model() -> Any:  # noqa: ANN401 -- botocore has no types
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model("mwaa", "service-2"), "mwaa")


@cache
def _routes() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    found = []
    for name in OPERATIONS:
        http = _model().operation_model(name).http
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", http["requestUri"])
        found.append((http["method"], re.compile(pattern), name))
    return tuple(found)


def _status_of(kind: str) -> int:
    if kind in _model().shape_names:
        return int(_model().shape_for(kind).metadata["error"]["httpStatusCode"])
    return _STATUSES.get(kind, 403)


def _problems(shape: Any, value: object, where: str) -> Iterator[str]:  # noqa: ANN401 -- botocore's
    """What is wrong with an input, by the model; botocore itself checks less."""
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
        yield from _text_problems(shape.metadata, shape.enum, value, where)


def _text_problems(
    limits: Mapping[str, Any], words: list[str], value: object, where: str
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
