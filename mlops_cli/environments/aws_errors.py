"""What AWS refuses or fails to answer, as errors for the user; nobody else knows its codes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from mlops_cli.core.errors import (
    MlopsError,
    NotAllowedError,
    ProjectError,
    UnavailableError,
    UnfinishedError,
)
from mlops_cli.core.redact import mask_values, printable

if TYPE_CHECKING:
    from collections.abc import Mapping

EXPIRED: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
)
_UNKNOWN: Final = frozenset(
    {
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidSignatureException",
        "IncompleteSignature",
        "MissingAuthenticationToken",
        "AuthFailure",
        "InvalidToken",
        "InvalidSecurity",
    }
)
_DENIED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AccessForbidden",
        "AllAccessDisabled",
        "Forbidden",
        "UnauthorizedOperation",
        "UnauthorizedAccess",
        "403",
    }
)
_ELSEWHERE: Final = frozenset(
    {
        "PermanentRedirect",
        "TemporaryRedirect",
        "Redirect",
        "301",
        "307",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
    }
)
_SKEWED: Final = frozenset({"RequestTimeTooSkewed", "RequestInTheFuture"})
_CHANGED: Final = frozenset(
    {"BadDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"}
)
SLOWER: Final = frozenset(
    {
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestLimitExceeded",
        "TooManyRequestsException",
        "BandwidthLimitExceeded",
        "503",
        "429",
    }
)
# Two writes at once to one key: S3 asks the loser to try again.
_AGAIN: Final = frozenset(
    {
        "ConditionalRequestConflict",
        "OperationAborted",
        "InternalError",
        "InternalFailure",
        "ServiceUnavailable",
        "RequestTimeout",
        "RequestTimeoutException",
    }
)
_PROXIES: Final = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question to AWS, for the message about its failure."""

    what: str
    """Completes "Could not …", such as ``read `churn.py` in s3://bucket/dags``."""
    action: str
    """The permission it needs, such as `s3:GetObject`."""
    resource: str
    """The ARN of what it is asked of."""
    host: str
    profile: str | None
    """The profile whose credentials are used; None for those of the environment."""


def code_of(error: Exception) -> str | None:
    """The error code of a reply; None where no reply came."""
    reply = _reply(error)
    return str(reply.get("Error", {}).get("Code", "")) if reply else None


def is_transient(error: Exception) -> bool:
    """Asking again may help: no reply, half a reply, an overloaded or a failing server."""
    from botocore import exceptions
    from botocore.parsers import ResponseParserError

    reply = _reply(error)
    if reply:
        if code_of(error) in SLOWER | _AGAIN:
            return True
        return _status(reply) in (408, 429, 500, 502, 503, 504)
    broken = (
        exceptions.HTTPClientError,
        exceptions.ConnectionError,
        exceptions.IncompleteReadError,
        exceptions.FlexibleChecksumError,
        ResponseParserError,
    )
    return isinstance(error, broken) and not isinstance(
        error, (exceptions.SSLError, exceptions.InvalidProxiesConfigError)
    )


def failed(error: Exception, asked: Asked) -> MlopsError:
    """The error to raise for what botocore raised.

    Its kind says what became of the request: `NotAllowedError` and `ProjectError` mean that it
    was refused, `UnavailableError` that nobody answered it.
    """
    reply = _reply(error)
    return _refused(error, reply, asked) if reply else _unanswered(error, asked)


def _refused(error: Exception, reply: Mapping[str, Any], asked: Asked) -> MlopsError:
    code = code_of(error) or ""
    start = f"Could not {asked.what}: "
    if code in EXPIRED:
        return NotAllowedError(f"{start}the session has expired", hint=_log_in(asked.profile))
    if code in _UNKNOWN:
        return NotAllowedError(
            f"{start}AWS does not know these credentials (`{code}`)", hint=_log_in(asked.profile)
        )
    if code in _SKEWED:
        return UnavailableError(
            f"{start}{_skew(reply)}", hint="Set this machine's clock: `timedatectl set-ntp true`"
        )
    if code == "NoSuchBucket":
        return ProjectError(
            f"{start}there is no such bucket",
            hint="Correct `bucket` in `mlops.yaml`, or look which there are: `aws s3 ls`",
        )
    if code in _ELSEWHERE:
        return ProjectError(f"{start}{_elsewhere(reply)}", hint="Correct `region` in `mlops.yaml`")
    if code in _DENIED or (_status(reply) == 403 and code not in SLOWER):
        return NotAllowedError(
            f"{start}access denied to `{asked.action}` on `{asked.resource}`",
            hint=f"Allow `{asked.action}` on `{asked.resource}` to who "
            "`aws sts get-caller-identity` names, and check that `account` is the bucket's owner",
        )
    if code in _CHANGED:
        return UnfinishedError(
            f"{start}its content changed on the way", hint="Run the same command again"
        )
    told = printable(mask_values(str(reply.get("Error", {}).get("Message", ""))))[:300].strip(". ")
    reason = f"{asked.host} answered `{code or _status(reply)}`" + (f" ({told})" if told else "")
    if code in SLOWER:
        reason = f"{asked.host} keeps asking to slow down (`{code}`)"
    if code in SLOWER or is_transient(error):
        return UnavailableError(start + reason, hint="Run the same command again in a minute")
    return ProjectError(start + reason, hint="Correct this environment in `mlops.yaml`")


def _unanswered(error: Exception, asked: Asked) -> MlopsError:
    from botocore import exceptions

    start = f"Could not {asked.what}: "
    name = type(error).__name__
    if isinstance(error, exceptions.ProfileNotFound):
        return NotAllowedError(
            f"{start}there is no AWS profile `{asked.profile}` on this machine",
            hint=f"Make it: `aws configure sso --profile {asked.profile}`",
        )
    if isinstance(error, (exceptions.NoCredentialsError, exceptions.PartialCredentialsError)):
        return NotAllowedError(f"{start}no AWS credentials", hint=_log_in(asked.profile))
    if isinstance(
        error,
        (
            exceptions.CredentialRetrievalError,
            exceptions.TokenRetrievalError,
            exceptions.SSOError,
            exceptions.SSOTokenLoadError,
            exceptions.InvalidConfigError,
        ),
    ):
        return NotAllowedError(
            f"{start}the credentials could not be got (`{name}`)", hint=_log_in(asked.profile)
        )
    if isinstance(error, exceptions.NoRegionError):
        return ProjectError(f"{start}no region is given", hint="Set `region` in `mlops.yaml`")
    if isinstance(error, exceptions.ProxyConnectionError):
        via = next((f"`{name}`" for name in _PROXIES if os.environ.get(name)), "the proxy")
        return UnavailableError(
            f"{start}{via} names a proxy that does not answer",
            hint=f"Correct {via}, or leave it out for this host: `export NO_PROXY={asked.host}`",
        )
    if isinstance(error, (exceptions.ConnectTimeoutError, exceptions.ReadTimeoutError)):
        return UnavailableError(
            f"{start}{asked.host} did not answer in time",
            hint="Check the network (VPN, firewall, proxy), then run the same command again",
        )
    if isinstance(error, exceptions.EndpointConnectionError):
        return UnavailableError(
            f"{start}{asked.host} cannot be reached",
            hint=f"Check the name and the network: `getent hosts {asked.host.split(':')[0]}`",
        )
    if isinstance(error, exceptions.SSLError):
        return UnavailableError(
            f"{start}the certificate of {asked.host} is not trusted",
            hint="Name the authority that signed it: `export AWS_CA_BUNDLE=/path/to/ca.pem`",
        )
    if is_transient(error):
        return UnavailableError(
            f"{start}the connection to {asked.host} broke off (`{name}`)",
            hint="Run the same command again",
        )
    return ProjectError(
        f"{start}{printable(mask_values(str(error)))[:300].strip('. ')}",
        hint="Correct this environment in `mlops.yaml`",
    )


def _log_in(profile: str | None) -> str:
    if profile:
        return f"Log in, then run the same command again: `aws sso login --profile {profile}`"
    return "Log in, then run the same command again: `aws sso login`, or `export AWS_PROFILE=NAME`"


def _skew(reply: Mapping[str, Any]) -> str:
    told = _headers(reply).get("date")
    try:
        off = datetime.now(UTC) - parsedate_to_datetime(told or "")
    except (ValueError, TypeError):
        return "this machine's clock is too far off"
    minutes = round(abs(off.total_seconds()) / 60)
    way = "ahead" if off.total_seconds() > 0 else "behind"
    if minutes == 0:
        return "this machine's clock is too far off"
    return f"this machine's clock is {minutes} min {way}"


def _elsewhere(reply: Mapping[str, Any]) -> str:
    region = reply.get("Error", {}).get("Region") or _headers(reply).get("x-amz-bucket-region")
    return f"the bucket is in `{region}`" if region else "the bucket is in another region"


def host_of(url: str) -> str:
    """Host and, where it is not the usual one, port of a URL."""
    return urlsplit(url).netloc.rpartition("@")[2]


def _reply(error: Exception) -> Mapping[str, Any]:
    from botocore.exceptions import ClientError

    return error.response if isinstance(error, ClientError) else {}


def _headers(reply: Mapping[str, Any]) -> Mapping[str, str]:
    headers: Mapping[str, str] = reply.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers


def _status(reply: Mapping[str, Any]) -> int:
    return int(reply.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
