"""AWS as one environment uses it: whose credentials, which account; every call bounded in time."""

from __future__ import annotations

import gc
import os
import random
import sys
import threading
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import NotAllowedError, ProjectError, UnfinishedError
from mlops_cli.runtime.imports import lasting_imports

from .aws_errors import EXPIRED, SLOWER, Asked, code_of, failed, host_of, is_transient

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from mlops_cli.core.clock import Clock

CONNECT_SECONDS: Final = 4.0
READ_SECONDS: Final = 9.0
PATIENCE_SECONDS: Final = 28.0
"""No call takes longer, however often it is repeated: boto3 alone would wait three minutes."""

_MAX_PAUSE_SECONDS: Final = 4.0
_CONNECTIONS: Final = 32
_RENEWAL_SECONDS: Final = 60.0
_AMAZON: Final = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".on.aws")


@dataclass(frozen=True, slots=True)
class Identity:
    """Who we are to AWS."""

    account: str
    arn: str


class RefusedError(Exception):
    """AWS answered with a code the caller said it can deal with.

    Args:
        code: The error code.
        repeated: The request was sent more than once: an earlier one may have been carried out.
        headers: Of the reply, names in lower case.
    """

    def __init__(self, code: str, *, repeated: bool, headers: Mapping[str, str]) -> None:
        super().__init__(code)
        self.code = code
        self.repeated = repeated
        self.headers = headers


class Aws:
    """Clients of one profile and region, and the one way to call them.

    Args:
        clock: Times the retries.
        profile: The profile in the user's AWS configuration; None for what the shell says.
        region: The region; None for the profile's own.
        account: The account it has to be.
        endpoint: Another endpoint than Amazon's; `AWS_ENDPOINT_URL` is honoured without it.
        patience_seconds: How long a call is repeated.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        profile: str | None = None,
        region: str | None = None,
        account: str | None = None,
        endpoint: str | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        self.account = account
        self.region = region
        self._clock = clock
        self._profile = profile
        self._endpoint = endpoint
        self._patience = patience_seconds
        self._clients: dict[str, Any] = {}
        self._guard = threading.RLock()
        self._generation = 0
        self._renewed_at: float | None = None

    def client(self, service: str) -> Any:  # noqa: ANN401 -- botocore makes its classes at run time
        """The botocore client of a service; it never repeats a request by itself."""
        with self._guard:
            if service not in self._clients:
                with lasting_imports():
                    try:
                        self._clients[service] = self._make(service)
                    except ValueError as error:
                        raise ProjectError(
                            f"Could not use AWS: {error}",
                            hint="Look at `AWS_ENDPOINT_URL` and at `endpoint_url` in your AWS "
                            "configuration; such a URL begins with `https://`",
                        ) from error
                _keep()
            return self._clients[service]

    def call(
        self,
        service: str,
        operation: str,
        *,
        what: str,
        resource: str,
        action: str | None = None,
        expected: Collection[str] = (),
        once: bool = False,
        **arguments: Any,  # noqa: ANN401 -- whatever the operation takes
    ) -> dict[str, Any]:
        """Call an operation, again where that may help, and read its body, if it has one.

        Args:
            service: Such as `s3`.
            operation: The client's method.
            what: For messages, completes "Could not …".
            resource: The ARN it is asked of, for messages.
            action: The permission it needs; by default named like the operation.
            expected: Error codes the caller deals with.
            once: Never send it a second time, because it may have been carried out.
            **arguments: Of the operation.

        Raises:
            RefusedError: With one of the codes that are `expected`.
            NotAllowedError: No credentials, expired ones, or no permission.
            ProjectError: The environment is configured wrongly.
            UnavailableError: There is no answer.
            UnfinishedError: Sent `once`, and whether it was carried out is unknown.
        """
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        began, attempt = self._clock.monotonic(), 0
        while True:
            attempt += 1
            client = None
            generation = self._generation
            try:
                client = self.client(service)
                return _answer(client, operation, arguments)
            except (BotoCoreError, ClientError, ResponseParserError) as error:
                code = code_of(error)
                if code in expected:
                    raise RefusedError(
                        str(code), repeated=attempt > 1, headers=_headers(error)
                    ) from error
                if code in EXPIRED and self._renew(generation):
                    continue
                pause = min(_MAX_PAUSE_SECONDS, 0.1 * 2**attempt) * random.uniform(0.5, 1)  # noqa: S311 -- jitter
                spent = self._clock.monotonic() - began + pause
                if is_transient(error) and not once and self._may_repeat(error, attempt, spent):
                    self._clock.sleep(pause)
                    continue
                asked = Asked(
                    what=what,
                    action=action or f"{service}:{_camel(operation)}",
                    resource=resource,
                    host=host_of(client.meta.endpoint_url) if client else service,
                    profile=self._profile or os.environ.get("AWS_PROFILE"),
                )
                raised = failed(error, asked)
                if once and is_transient(error) and code not in SLOWER:
                    raised = UnfinishedError(
                        f"{raised.message}; it may have been carried out", hint=raised.hint
                    )
                raise raised from error

    def identity(self) -> Identity:
        """Who we are, as AWS says; see `call` for what is raised."""
        told = self.call("sts", "get_caller_identity", what="ask AWS who we are", resource="*")
        return Identity(told["Account"], told["Arn"])

    def require_account(self) -> Identity:
        """Who we are, if that is in the account the environment names.

        Raises:
            NotAllowedError: It is another account.
        """
        found = self.identity()
        if self.account and found.account != self.account:
            raise NotAllowedError(
                f"Could not use AWS account `{self.account}`: the credentials are for "
                f"`{found.account}` (`{found.arn}`)",
                hint="Choose the right ones with `profile` in `mlops.yaml`, or correct `account`",
                state="Nothing was changed",
            )
        return found

    def _may_repeat(self, error: Exception, attempt: int, spent: float) -> bool:
        from botocore.exceptions import EndpointConnectionError, ProxyConnectionError

        if isinstance(error, (EndpointConnectionError, ProxyConnectionError)) and attempt >= 3:
            return False  # a name that is wrong stays wrong
        return spent + READ_SECONDS <= self._patience

    def _renew(self, generation: int) -> bool:
        """Read the credentials again, as a login may have brought new ones; if it is worth it."""
        with self._guard:
            if generation < self._generation:  # another thread has done so
                return True
            now = self._clock.monotonic()
            if self._renewed_at is not None and now - self._renewed_at < _RENEWAL_SECONDS:
                return False
            self._renewed_at = now
            self._generation += 1
            self._clients.clear()
            return True

    def _make(self, service: str) -> Any:  # noqa: ANN401 -- see `client`
        # Not boto3: what it adds takes as long to import as a deploy's requests take.
        from botocore.config import Config
        from botocore.session import Session

        session = Session(profile=self._profile)
        if self._profile:
            _emulate(session, self._profile)

        def make(**more: object) -> Any:  # noqa: ANN401 -- see `client`
            config = Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": 1, "mode": "standard"},
                max_pool_connections=_CONNECTIONS,
                # We send a SHA-256 of our own; what else S3 can check not every likeness of it can.
                request_checksum_calculation="when_required",
                user_agent_extra="mlops",
                **more,
            )
            return session.create_client(
                service, region_name=self.region, config=config, endpoint_url=self._endpoint
            )

        client = make()
        if host_of(client.meta.endpoint_url).endswith(_AMAZON):
            return client
        if service == "s3":
            return make(s3={"addressing_style": "path"})
        # The model of MWAA puts `api.` and `env.` before the host, which only Amazon's has.
        return make(inject_host_prefix=False)


@cache
def _keep() -> None:
    """Leave what botocore has loaded out of every later search for garbage, the last one too."""
    # Not where bindings are loaded that call leaked what is frozen, as `__main__` says.
    if "duckdb" not in sys.modules:
        gc.freeze()


def _emulate(session: Any, profile: str) -> None:  # noqa: ANN401 -- see `client`
    """With the profile of the emulated account, know that one only, not the user's own files."""
    from mlops_cli.environments.emulated.places import PROFILE, running_config

    if profile == PROFILE:
        path = str(running_config())
        session.set_config_variable("config_file", path)
        session.set_config_variable("credentials_file", path)


def _camel(operation: str) -> str:
    return "".join(part.capitalize() for part in operation.split("_"))


def _answer(client: Any, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 -- see `client`
    body = arguments.get("Body")
    if body is not None and hasattr(body, "seek"):
        body.seek(0)
    answer: dict[str, Any] = getattr(client, operation)(**arguments)
    if hasattr(answer.get("Body"), "read"):
        # Here, so that a reply that breaks off is asked for again.
        answer["Body"] = answer["Body"].read()
    return answer


def _headers(error: Exception) -> Mapping[str, str]:
    reply = getattr(error, "response", {})
    headers: Mapping[str, str] = reply.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers
