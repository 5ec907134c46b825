"""Carries requests to an Airflow over HTTP; the only file that imports httpx."""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from urllib.request import proxy_bypass

from mlops_cli.core.errors import NotAllowedError, ProjectError, UnavailableError, UnfinishedError
from mlops_cli.core.redact import printable
from mlops_cli.environments.port import TooLargeError

from .transport import SERVER_ERROR, Answer, Patience, detail, is_answer
from .urls import FORBIDDEN, bad_url, checked_url, is_forbidden, is_loopback

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    import httpx

    from mlops_cli.core.clock import Clock

    from .login import Login

CONNECT_SECONDS: Final = 5.0
READ_SECONDS: Final = 20.0
PATIENCE_SECONDS: Final = 28.0
"""With the last try, a server that is silent is given up within half a minute."""

_MAX_BYTES: Final = 64 * 1024 * 1024


class HttpTransport:
    """An Airflow at a URL.

    Args:
        url: Where the server's root is.
        login: Proves who we are.
        clock: Times the retries.
        allow_plain_http: Let `http` leave this machine.
        ca_file: Certificates to trust besides the usual ones.
        patience_seconds: How long a question that may be repeated is repeated.

    Raises:
        ProjectError: The URL is not one a secret may be sent to, or `ca_file` holds no certificate.
    """

    longest_path: int | None = None

    def __init__(
        self,
        url: str,
        *,
        login: Login,
        clock: Clock,
        allow_plain_http: bool = False,
        ca_file: Path | None = None,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        import httpx

        self.url = checked_url(url, allow_plain_http=allow_plain_http)
        self.name = self.url
        self._login = login
        self._clock = clock
        self._patience = patience_seconds
        # A proxy for the world outside must not be asked for this machine.
        trust_env = not is_loopback(urlsplit(self.url).hostname or "")
        with _proxies_that_are_ones():
            self._client = httpx.Client(
                base_url=self.url,
                timeout=_timeout(READ_SECONDS),
                follow_redirects=False,  # what proves who we are must not travel to another host
                trust_env=trust_env,
                verify=_trusted(ca_file, trust_env=trust_env),
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
            NotAllowedError: Our secret or our rights do not suffice.
            UnfinishedError: Sent `once`, and whether it was carried out is unknown.
        """
        request = {"params": dict(params) if params else None, "json": body}
        answer = self._authorized(method, path, request, once=once)
        # The token ran out, or the server got new keys: a refusal means it was not carried out.
        if answer.status == 401 and self._login.renew():
            answer = self._authorized(method, path, request, once=once)
        if answer.status in {401, 403}:
            raise NotAllowedError(
                f"Could not use Airflow at `{self.name}`: it refused `{method} {path}` "
                f"for {self._login.who}{detail(answer, ': ')}",
                hint="Check the role in Airflow and the secret this environment uses",
            )
        return answer

    def lines(self, path: str, *, params: Mapping[str, object] | None = None) -> Iterator[str]:
        """The lines of an answer while they come; see `LineSource.lines`.

        Raises:
            UnavailableError: There is no answer, or it broke off.
            NotAllowedError: Our secret or our rights do not suffice.
        """
        import httpx

        for attempt in ("known", "renewed"):
            proof = self._login.headers(self.name, self._post)
            request: dict[str, Any] = {
                "params": dict(params or {}),
                "headers": {**proof, "Accept": "application/x-ndjson"},
                "extensions": {"trace": self._look_at_peer},
            }
            try:
                with self._client.stream("GET", path, **request) as response:
                    if response.status_code == 401 and attempt == "known" and self._login.renew():
                        continue
                    if response.status_code == 200:
                        yield from _split(response.iter_bytes())
                    elif response.status_code != 404:
                        raise self._refused_stream(path, response.status_code)
                    return
            except httpx.TransportError as error:
                self._refuse_untrusted(error)
                raise self._unreachable(error) from error

    def _refused_stream(self, path: str, status: int) -> UnavailableError | NotAllowedError:
        if status in {401, 403}:
            return NotAllowedError(
                f"Could not use Airflow at `{self.name}`: it refused `GET {path}` "
                f"for {self._login.who}",
                hint="Check the role in Airflow and the secret this environment uses",
            )
        return self._failing("GET", path, Answer(status))

    def _authorized(
        self, method: str, path: str, request: Mapping[str, Any], *, once: bool
    ) -> Answer:
        proof = self._login.headers(self.name, self._post)
        headers = {**proof, "Accept": "application/json"}
        if once:
            return self._send_once(method, path, request, headers)
        return self._send_patiently(method, path, {**request, "headers": headers})

    def _post(self, path: str, body: Mapping[str, str], *, form: bool = False) -> Answer:
        return self._send_patiently("POST", path, {"data" if form else "json": dict(body)})

    def _send_once(
        self, method: str, path: str, request: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Answer:
        import httpx

        try:
            answer = self._exchange(method, path, {**request, "headers": headers})
        except (httpx.ConnectError, httpx.ConnectTimeout) as error:
            self._refuse_untrusted(error)
            raise self._unreachable(error) from error
        except httpx.TransportError as error:
            raise self._unknown(method, path, _reason(error)) from error
        if answer.status == 429:
            raise UnavailableError(
                f"Could not use Airflow at `{self.name}`: it is asked too often",
                state="Nothing was changed",
            )
        if answer.status >= SERVER_ERROR:
            raise self._unknown(method, path, f"status {answer.status}{detail(answer, ': ')}")
        return answer

    def _send_patiently(self, method: str, path: str, request: Mapping[str, Any]) -> Answer:
        import httpx

        patience = Patience(self._clock, self._patience)
        while True:
            failure: UnavailableError
            status = None
            timed = {**request, "timeout": _timeout(patience.left_seconds)}
            try:
                answer = self._exchange(method, path, timed)
            except httpx.TransportError as error:
                self._refuse_untrusted(error)
                failure = self._unreachable(error)
            else:
                if is_answer(answer):
                    return answer
                status = answer.status
                failure = self._failing(method, path, answer)
            if not patience.again(status):
                raise failure

    def _exchange(self, method: str, path: str, request: Mapping[str, Any]) -> Answer:
        watched: dict[str, Any] = {**request, "extensions": {"trace": self._look_at_peer}}
        with self._client.stream(method, path, **watched) as response:
            if response.is_redirect:
                raise self._not_airflow(
                    f"it redirects to `{printable(response.headers.get('location', ''))}`, "
                    "which is not followed"
                )
            data = bytearray()
            for chunk in response.iter_bytes():
                data += chunk
                if len(data) > _MAX_BYTES:
                    raise TooLargeError(
                        f"Could not read `{path}` of Airflow at `{self.name}`: "
                        f"the answer is larger than {_MAX_BYTES // 1024**2} MiB",
                        hint=f"Look at it in the browser: {self.url}",
                    )
            return self._answer(response, bytes(data))

    def _look_at_peer(self, event: str, told: Mapping[str, Any]) -> None:
        # A name may lead anywhere, and elsewhere the next time: what counts is who was reached.
        if event != "connection.connect_tcp.complete":
            return
        stream = told["return_value"]
        host = str((stream.get_extra_info("server_addr") or ("",))[0])
        if is_forbidden(host):
            stream.close()
            raise bad_url(self.url, f"it leads to `{host}`, {FORBIDDEN}")

    def _refuse_untrusted(self, error: BaseException) -> None:
        import ssl

        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, ssl.SSLError):
            cause = cause.__cause__ or cause.__context__
        if cause is not None:
            told = getattr(cause, "verify_message", "") or _reason(cause)
            raise NotAllowedError(
                f"Could not trust Airflow at `{self.name}`: {printable(told)}",
                hint="If your organisation signs its own certificates, name its file: "
                "`ca_file: FILE` in the environment",
                state="Nothing was sent",
            ) from error

    def _answer(self, response: httpx.Response, data: bytes) -> Answer:
        cookies = dict(response.cookies)
        if not data:
            return Answer(response.status_code, cookies=cookies)
        try:
            return Answer(response.status_code, json.loads(data), cookies)
        except ValueError:
            # A proxy's page in front of a failing Airflow is told by its status.
            if response.status_code >= 400:
                return Answer(response.status_code)
            raise self._not_airflow("it does not answer in JSON") from None

    def _unreachable(self, error: Exception) -> UnavailableError:
        variable, host = self._proxy(), urlsplit(self.url).hostname
        through = f" through the proxy that `{variable}` names" if variable else ""
        return UnavailableError(
            f"Could not reach Airflow at `{self.name}`{through}: {_reason(error)}",
            hint=f"Correct `{variable}`, or leave it out for this host: `export NO_PROXY={host}`"
            if variable
            else None,
            state="Nothing was changed",
        )

    def _proxy(self) -> str | None:
        """The variable whose proxy stands between us and the server, if any does."""
        parts = urlsplit(self.url)
        if not self._client.trust_env or proxy_bypass(parts.hostname or ""):
            return None
        names = [f"{scheme}_proxy" for scheme in (parts.scheme, "all")]
        known = [form for name in names for form in (name, name.upper())]
        return next((name for name in known if os.environ.get(name)), None)

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


def _timeout(seconds: float) -> httpx.Timeout:
    import httpx

    bounded = max(0.5, min(READ_SECONDS, seconds))
    return httpx.Timeout(bounded, connect=min(CONNECT_SECONDS, bounded))


@contextmanager
def _proxies_that_are_ones() -> Iterator[None]:
    import httpx

    try:
        yield
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        raise ProjectError(
            "Could not use the proxy that `ALL_PROXY`, `HTTPS_PROXY` or `HTTP_PROXY` names: "
            f"{_reason(error)}",
            hint="Name an `http://` proxy, or add the host to `NO_PROXY`",
        ) from error


def _trusted(ca_file: Path | None, *, trust_env: bool) -> ssl.SSLContext:
    import httpx

    try:
        context = httpx.create_ssl_context(trust_env=trust_env)
    except OSError as error:
        raise ProjectError(
            "Could not read the certificates that `SSL_CERT_FILE` or `SSL_CERT_DIR` names: "
            f"{error.strerror or error}",
            hint="Point it at certificates in PEM form, or `unset` it",
        ) from error
    if ca_file is not None:
        try:
            context.load_verify_locations(cafile=ca_file)
        except OSError as error:  # ssl.SSLError is one
            raise ProjectError(
                f"Could not read certificates from `{ca_file}`: {error.strerror or error}",
                hint="It must hold certificates in PEM form",
            ) from error
    return context


def _split(chunks: Iterable[bytes]) -> Iterator[str]:
    # Not `splitlines`: it also splits at characters that stand unescaped in JSON.
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")
    if rest:
        yield rest.decode("utf-8", "replace")


def _reason(error: BaseException) -> str:
    return printable(str(error)) or type(error).__name__
