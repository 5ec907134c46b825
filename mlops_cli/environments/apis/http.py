"""Carries requests to an Airflow over HTTP; the only file that imports httpx."""

from __future__ import annotations

import ipaddress
import json
import random
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from mlops_cli.core.errors import NotAllowedError, ProjectError, UnavailableError, UnfinishedError
from mlops_cli.core.redact import Secret, printable

from .transport import Answer

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from mlops_cli.core.clock import Clock

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 30.0
PATIENCE_SECONDS: Final = 30.0

_MAX_BYTES: Final = 64 * 1024 * 1024
_MAX_PAUSE_SECONDS: Final = 5.0
_RETRIED: Final = frozenset({429, 502, 503, 504})
_SERVER_ERROR: Final = 500


class HttpTransport:
    """An Airflow at a URL that gives a token for a user name and a password.

    Args:
        url: Where the server's root is.
        username: Who asks for the token.
        password: Proves it; sent to `/auth/token` and nowhere else.
        clock: Times the retries.
        allow_plain_http: Let `http` leave this machine.
        patience_seconds: How long a question that may be repeated is repeated.

    Raises:
        ProjectError: The URL is not one a password may be sent to.
    """

    def __init__(
        self,
        url: str,
        *,
        username: str,
        password: Secret,
        clock: Clock,
        allow_plain_http: bool = False,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        import httpx

        self.url = checked_url(url, allow_plain_http=allow_plain_http)
        self.name = self.url
        self._username = username
        self._password = password
        self._clock = clock
        self._patience = patience_seconds
        self._token: Secret | None = None
        self._client = httpx.Client(
            base_url=self.url,
            timeout=httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS),
            follow_redirects=False,  # the token must not travel to another host
            # A proxy for the world outside must not be asked for this machine.
            trust_env=not _is_loopback(urlsplit(self.url).hostname or ""),
        )

    def close(self) -> None:
        """Give back the connections."""
        self._client.close()

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
            UnavailableError: There is no answer, or not an Airflow's; nothing was changed.
            NotAllowedError: The password or our rights do not suffice.
            UnfinishedError: Sent `once`, and whether it was carried out is unknown.
        """
        request = {"params": dict(params) if params else None, "json": body}
        answer = self._authorized(method, path, request, once=once)
        if answer.status == 401:  # the token ran out, or the server got new keys
            self._token = None
            answer = self._authorized(method, path, request, once=once)
        if answer.status in {401, 403}:
            raise NotAllowedError(
                f"Could not use Airflow at `{self.name}`: it refused `{method} {path}` "
                f"for the user `{self._username}`{detail(answer, ': ')}",
                hint="Check the user's role in Airflow and the password this environment uses",
            )
        return answer

    def _authorized(
        self, method: str, path: str, request: Mapping[str, Any], *, once: bool
    ) -> Answer:
        token = self._token or self._log_in()
        headers = {"Authorization": f"Bearer {token.reveal()}", "Accept": "application/json"}
        if once:
            return self._send_once(method, path, request, headers)
        return self._send_patiently(method, path, {**request, "headers": headers})

    def _log_in(self) -> Secret:
        login = {"username": self._username, "password": self._password.reveal()}
        answer = self._send_patiently("POST", "/auth/token", {"json": login})
        token = answer.body.get("access_token") if isinstance(answer.body, dict) else None
        if answer.status in {400, 401, 403, 422}:
            raise NotAllowedError(
                f"Could not log in to Airflow at `{self.name}` as `{self._username}`"
                f"{detail(answer, ': ')}",
                hint="Check the user name and the password this environment uses",
            )
        if not isinstance(token, str):
            raise self._not_airflow(f"`POST /auth/token` gave status {answer.status} and no token")
        self._token = Secret(token)
        return self._token

    def _send_once(
        self, method: str, path: str, request: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Answer:
        import httpx

        try:
            answer = self._exchange(method, path, {**request, "headers": headers})
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            raise self._unreachable(error) from error
        except httpx.TransportError as error:
            raise self._unknown(method, path, _reason(error)) from error
        if answer.status == 429:
            raise UnavailableError(
                f"Could not use Airflow at `{self.name}`: it is asked too often",
                state="Nothing was changed",
            )
        if answer.status >= _SERVER_ERROR:
            raise self._unknown(method, path, f"status {answer.status}{detail(answer, ': ')}")
        return answer

    def _send_patiently(self, method: str, path: str, request: Mapping[str, Any]) -> Answer:
        import httpx

        deadline = self._clock.monotonic() + self._patience
        pause = 0.2
        while True:
            failure: UnavailableError
            try:
                answer = self._exchange(method, path, request)
            except httpx.TransportError as error:
                failure = self._unreachable(error)
            else:
                if answer.status < _SERVER_ERROR and answer.status not in _RETRIED:
                    return answer
                failure = self._failing(method, path, answer)
                if answer.status not in _RETRIED:
                    raise failure
            if self._clock.monotonic() + pause > deadline:
                raise failure
            self._clock.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 -- not a secret
            pause = min(pause * 2, _MAX_PAUSE_SECONDS)

    def _exchange(self, method: str, path: str, request: Mapping[str, Any]) -> Answer:
        with self._client.stream(method, path, **request) as response:
            if response.is_redirect:
                raise self._not_airflow(
                    f"it redirects to `{printable(response.headers.get('location', ''))}`, "
                    "which is not followed"
                )
            data = bytearray()
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > _MAX_BYTES:
                    raise UnavailableError(
                        f"Could not read `{path}` of Airflow at `{self.name}`: "
                        f"the answer is larger than {_MAX_BYTES // 1024**2} MiB",
                        hint=f"Look at it in the browser: {self.url}",
                    )
            return self._answer(response, bytes(data))

    def _answer(self, response: httpx.Response, data: bytes) -> Answer:
        if not data:
            return Answer(response.status_code)
        try:
            return Answer(response.status_code, json.loads(data))
        except ValueError:
            # A proxy's page in front of a failing Airflow is told by its status.
            if response.status_code >= 400:
                return Answer(response.status_code)
            raise self._not_airflow("it does not answer in JSON") from None

    def _unreachable(self, error: Exception) -> UnavailableError:
        return UnavailableError(
            f"Could not reach Airflow at `{self.name}`: {_reason(error)}",
            state="Nothing was changed",
        )

    def _failing(self, method: str, path: str, answer: Answer) -> UnavailableError:
        return UnavailableError(
            f"Could not use Airflow at `{self.name}`: `{method} {path}` gave "
            f"status {answer.status}{detail(answer, ': ')}",
            state="Nothing was changed",
        )

    def _not_airflow(self, reason: str) -> UnavailableError:
        return UnavailableError(
            f"Could not use Airflow at `{self.name}`: {reason}",
            hint="Check that this URL is where Airflow's own login page is",
            state="Nothing was changed",
        )

    def _unknown(self, method: str, path: str, reason: str) -> UnfinishedError:
        return UnfinishedError(
            f"Could not finish `{method} {path}` at `{self.name}`: {reason}",
            state="Airflow may or may not have carried it out",
        )


def checked_url(url: str, *, allow_plain_http: bool = False) -> str:
    """The URL without a slash at its end, if a password may be sent there.

    Raises:
        ProjectError: It is not http(s), carries a user or a query, names a link-local address,
            or would send the password in the clear to another machine.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise _bad_url(url, str(error)) from error
    if parts.scheme not in {"http", "https"} or not host:
        raise _bad_url(url, "it must start with `https://` and name a host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise _bad_url(url, "it must not hold a user, a query or a fragment")
    if _is_link_local(host):
        raise _bad_url(url, "a link-local address is where clouds keep credentials")
    if parts.scheme == "http" and not allow_plain_http and not _is_loopback(host):
        raise _bad_url(url, "`http` would send the password in the clear; use `https`")
    return url.rstrip("/")


def _bad_url(url: str, reason: str) -> ProjectError:
    return ProjectError(f"Could not use `{printable(url)}` as an Airflow URL: {reason}")


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def _is_link_local(host: str) -> bool:
    address = _address(host)
    return address is not None and address.is_link_local


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _reason(error: Exception) -> str:
    return printable(str(error)) or type(error).__name__


def detail(answer: Answer, before: str = "") -> str:
    """What Airflow itself says about a refusal, on one line, or nothing."""
    said = answer.body.get("detail") if isinstance(answer.body, dict) else None
    if isinstance(said, dict):
        said = said.get("reason") or said.get("message") or said
    if isinstance(said, list):
        said = "; ".join(_field_problem(item) for item in said)
    return before + printable(" ".join(str(said).split())) if said else ""


def _field_problem(item: object) -> str:
    if not isinstance(item, dict):
        return str(item)
    where = ".".join(str(part) for part in item.get("loc", ()))
    return f"{where}: {item.get('msg', '')}" if where else str(item.get("msg", ""))
