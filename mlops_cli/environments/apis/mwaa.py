"""Carries requests to an Airflow in Amazon MWAA: InvokeRestApi, or its web server where it must."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import (
    MlopsError,
    NotAllowedError,
    ProjectError,
    UnavailableError,
    UnfinishedError,
)
from mlops_cli.environments.aws import RefusedError

from .transport import SERVER_ERROR, Answer, PathTooLongError, Patience, detail, is_answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_cli.core.clock import Clock
    from mlops_cli.environments.aws import Aws

    from .transport import Transport

ROOT: Final = "/api/v2"
# By the service's own model; botocore does not check it.
LONGEST_PATH: Final = 64
PATIENCE_SECONDS: Final = 30.0
ACTION: Final = "airflow:InvokeRestApi"

# Airflow's own answers when they are none of 2xx: both come with status and body.
_AIRFLOWS: Final = frozenset({"RestApiClientException", "RestApiServerException"})
# The service failed on the way: Airflow may have got the request.
_LOST: Final = frozenset(
    {"InternalServerException", "InternalFailure", "ServiceUnavailableException"}
)
_MISSING: Final = "ResourceNotFoundException"


class MwaaTransport:
    """An Airflow in MWAA, through the service's InvokeRestApi.

    MWAA waits ten seconds for Airflow's answer, passes on at most 6 MB of it, streams nothing, and
    takes paths of at most 64 characters.

    Args:
        aws: Calls the service.
        environment: The environment's name.
        url: Its web server.
        clock: Times the retries.
        web: A way to the web server itself for paths that are too long, if there is one.
        patience_seconds: How long a question that may be repeated is repeated.
    """

    longest_path: int | None = LONGEST_PATH

    def __init__(
        self,
        aws: Aws,
        environment: str,
        *,
        url: str,
        clock: Clock,
        web: Transport | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.name = environment
        self.url = url.rstrip("/")
        self._aws = aws
        self._clock = clock
        self._web = web
        self._patience = patience_seconds

    def close(self) -> None:
        """Give back the connections."""
        if self._web is not None:
            self._web.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, object] | None = None,
        body: object = None,
        once: bool = False,
    ) -> Answer:
        """Send a request and give back the answer; see `Transport.send`.

        Raises:
            PathTooLongError: MWAA takes no path that long, and there is no other way.
            UnavailableError: There is no answer, or the environment cannot answer now.
            NotAllowedError: Our credentials or rights do not suffice.
            ProjectError: There is no such environment.
            UnfinishedError: Sent `once`, and whether it was carried out is unknown.
        """
        short = path.removeprefix(ROOT)
        if len(short) > LONGEST_PATH:
            return self._send_long(method, path, params=params, body=body, once=once)
        request: dict[str, Any] = {"Name": self.name, "Path": short, "Method": method}
        if sent := _query(params):
            request["QueryParameters"] = sent
        if body is not None:
            request["Body"] = body
        answer = self._once(request) if once else self._patiently(request)
        if answer.status in {401, 403}:
            raise NotAllowedError(
                f"Could not use Airflow at `{self.name}`: it refused `{method} {short}` "
                f"for this AWS identity{detail(answer, ': ')}",
                hint=f"The resource in the policy of `{ACTION}` ends with an Airflow role: "
                f"allow `role/{self.name}/Op`; `Viewer` only reads",
            )
        return answer

    def _send_long(self, method: str, path: str, **request: Any) -> Answer:  # noqa: ANN401 -- as sent
        if self._web is not None:
            return self._web.send(method, path, **request)
        short = path.removeprefix(ROOT)
        raise PathTooLongError(
            f"Could not ask `{method} {short}` of Airflow at `{self.name}`: "
            f"MWAA takes paths of at most {LONGEST_PATH} characters, and this has {len(short)}",
            hint="Look at it in the browser, or choose shorter names: `--run-id m-1`",
            state="Nothing was sent",
        )

    def _once(self, request: Mapping[str, Any]) -> Answer:
        answer = self._exchange(request, once=True)
        if answer.status == 429:
            raise self._failing(request, answer)
        if answer.status >= SERVER_ERROR:
            raise self._unknown(request, f"status {answer.status}{detail(answer, ': ')}")
        return answer

    def _patiently(self, request: Mapping[str, Any]) -> Answer:
        patience = Patience(self._clock, self._patience)
        while True:
            answer = self._exchange(request, once=False)
            if is_answer(answer):
                return answer
            if not patience.again(answer.status):
                raise self._failing(request, answer)

    def _exchange(self, request: Mapping[str, Any], *, once: bool) -> Answer:
        """Airflow's answer, whatever its status; the service's own failures are raised."""
        expected = _AIRFLOWS | {_MISSING} | (_LOST if once else frozenset())
        try:
            told = self._aws.call(
                "mwaa",
                "invoke_rest_api",
                what=f"ask Airflow at `{self.name}`",
                resource=f"arn:aws:airflow:*:*:role/{self.name}/*",
                action=ACTION,
                expected=expected,
                once=once,
                **request,
            )
        except RefusedError as error:
            if error.code in _AIRFLOWS:
                refused = _answer(getattr(error.__cause__, "response", {}))
                # What Airflow answered well and the service could not pass on is lost as well.
                return refused if refused.status >= 400 else Answer(502)
            if error.code == _MISSING:
                raise ProjectError(
                    f"Could not find the MWAA environment `{self.name}` in this account and region",
                    hint="See which there are: `aws mwaa list-environments`",
                ) from error
            raise self._unknown(request, error.code) from error
        except UnfinishedError as error:
            raise self._without_answer(request, error) from error
        except (ProjectError, UnavailableError) as error:
            raise self._not_available() or error from error
        return _answer(told)

    def _without_answer(self, request: Mapping[str, Any], error: UnfinishedError) -> MlopsError:
        from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError

        if isinstance(error.__cause__, EndpointConnectionError | ConnectTimeoutError):
            return UnavailableError(
                error.message.partition("; it may")[0], hint=error.hint, state="Nothing was sent"
            )
        reason = error.message.partition(": ")[2] or error.message
        return self._unknown(request, reason.partition("; it may")[0])

    def _not_available(self) -> MlopsError | None:
        """Says so when the environment is being changed or has failed: it explains a refusal."""
        try:
            told = self._aws.call(
                "mwaa",
                "get_environment",
                what=f"look at the MWAA environment `{self.name}`",
                resource=f"arn:aws:airflow:*:*:environment/{self.name}",
                action="airflow:GetEnvironment",
                once=True,
                Name=self.name,
            )
        except (MlopsError, RefusedError):
            return None
        status = told["Environment"]["Status"]
        # After a failed update the environment is as it was before, and works.
        if status in {"AVAILABLE", "UPDATE_FAILED"}:
            return None
        return UnavailableError(
            f"Could not use Airflow at `{self.name}`: the MWAA environment is {status}",
            hint=f"Look at it: `aws mwaa get-environment --name {self.name}`",
            state="Nothing was changed",
        )

    def _failing(self, request: Mapping[str, Any], answer: Answer) -> UnavailableError:
        return UnavailableError(
            f"Could not use Airflow at `{self.name}`: `{request['Method']} {request['Path']}` "
            f"gave status {answer.status}{detail(answer, ': ')}",
            state="Nothing was changed",
        )

    def _unknown(self, request: Mapping[str, Any], reason: str) -> UnfinishedError:
        return UnfinishedError(
            f"Could not finish `{request['Method']} {request['Path']}` at `{self.name}`: {reason}",
            state="Airflow may or may not have carried it out",
        )


def _answer(told: Mapping[str, Any]) -> Answer:
    return Answer(int(told.get("RestApiStatusCode") or 502), told.get("RestApiResponse"))


def _query(params: Mapping[str, object] | None) -> dict[str, object]:
    # An empty list has no form in a query, and one value needs no list.
    found: dict[str, object] = {}
    for key, value in (params or {}).items():
        many = list(value) if isinstance(value, list | tuple) else [value]
        if many:
            found[key] = many[0] if len(many) == 1 else many
    return found
