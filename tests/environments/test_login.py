"""Ways to prove who we are to a self-hosted Airflow, and whom nothing is proved to."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fakes.airflow_server import Dag, FakeAirflow
from test_http import QuickClock

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.errors import NotAllowedError, ProjectError, UnavailableError
from mlops_cli.core.redact import Secret, redact
from mlops_cli.environments.apis.http import HttpTransport
from mlops_cli.environments.apis.login import Basic, Nobody, Token
from mlops_cli.environments.apis.rest import RestApi

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlops_cli.environments.apis.login import Login


@pytest.fixture
def fake() -> Iterator[FakeAirflow]:
    fake = FakeAirflow()
    fake.add(Dag("churn_training"))
    with fake.serving():
        yield fake


def api_of(url: str, login: Login, **more: object) -> RestApi:
    return RestApi(HttpTransport(url, login=login, clock=QuickClock(), **more))


# --- proofs ----------------------------------------------------------------------------------


def test_a_token_is_looked_up_late_and_again_when_it_is_refused(fake: FakeAirflow) -> None:
    looked: list[str] = []

    def find() -> Secret:
        looked.append(f"token-{len(looked)}")
        fake.tokens = {looked[-1]}
        return Secret(looked[-1])

    api = api_of(fake.url, Token(find))
    assert looked == []
    assert len(api.dags()) == len(api.dags()) == 1
    assert looked == ["token-0"]
    fake.forget_tokens()
    assert len(api.dags()) == 1
    assert looked == ["token-0", "token-1"]
    assert fake.asked("/auth/token") == 0


def test_a_token_that_stays_refused_is_not_sent_for_ever(fake: FakeAirflow) -> None:
    api = api_of(fake.url, Token(lambda: Secret("the-old-token")))
    with pytest.raises(NotAllowedError, match="for the token of this environment") as caught:
        api.dags()
    assert fake.asked("GET /api/v2/dags") == 1
    assert "the-old-token" not in str(caught.value)


def test_a_proxys_user_is_in_every_request() -> None:
    seen: list[Mapping[str, str]] = []
    with _answering(seen) as url:
        api = api_of(url, Basic("deploy", lambda: Secret("proxy-word")))
        assert api.version() == "3.3.2"
    sent = seen[0]["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent) == b"deploy:proxy-word"
    assert sent not in redact(f"sent {sent}")
    assert not any("/auth/token" in request["path"] for request in seen)


def test_nobody_sends_no_proof() -> None:
    seen: list[Mapping[str, str]] = []
    with _answering(seen) as url:
        assert api_of(url, Nobody()).version() == "3.3.2"
    assert "authorization" not in seen[0]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
@pytest.mark.parametrize("how", ["token", "basic"])
def test_no_proof_follows_a_redirect(fake: FakeAirflow, status: int, how: str) -> None:
    login = {
        "token": Token(lambda: Secret("the-token")),
        "basic": Basic("deploy", lambda: Secret("proxy-word")),
    }[how]
    seen: list[Mapping[str, str]] = []
    with _answering(seen) as elsewhere:
        fake.fail("GET /api/v2/version", status=status, location=f"{elsewhere}/api/v2/version")
        with pytest.raises(UnavailableError, match="which is not followed"):
            api_of(fake.url, login).version()
    assert seen == []


# --- to whom ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest",
        "https://169.254.170.2",
        "https://[fe80::1]",
        "https://[fe80::1%25eth0]",
        "https://[::ffff:169.254.169.254]",
        "https://[fd00:ec2::254]",
        "https://100.100.100.200",
        "https://0.0.0.0",
        "https://[::]",
        "https://224.0.0.1",
        "https://user:word@airflow.example.test",
        "gopher://airflow.example.test",
        "http://airflow.example.test",
        "http://2130706433",
        "//airflow.example.test",
    ],
)
def test_urls_nothing_is_sent_to(url: str) -> None:
    with pytest.raises(ProjectError, match="as an Airflow URL") as caught:
        api_of(url, Nobody())
    assert "word" not in str(caught.value) or "user:word" in url


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "100.100.100.200"])
def test_a_name_that_leads_to_a_forbidden_address_gets_nothing(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[bytes] = []

    class Connected:
        """A connection that says it reached `address`."""

        def get_extra_info(self, info: str) -> object:
            return (address, 443) if info == "server_addr" else None

        def write(self, data: bytes, timeout: float | None = None) -> None:
            sent.append(data)

        def close(self) -> None:
            sent.append(b"closed")

    transport = HttpTransport(
        "http://rebound.example.test", login=Nobody(), clock=QuickClock(), allow_plain_http=True
    )
    monkeypatch.setattr(
        "httpcore._backends.sync.SyncBackend.connect_tcp", lambda *_, **__: Connected()
    )
    with pytest.raises(ProjectError, match=f"it leads to `{address}`"):
        transport.send("GET", "/api/v2/version")
    assert sent == [b"closed"]


def test_a_name_that_leads_here_is_fine(fake: FakeAirflow) -> None:
    url = fake.url.replace("127.0.0.1", "localhost")
    assert api_of(url, Nobody()).version().startswith("3.")


def test_a_proxy_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    api = api_of("http://airflow.example.test", Nobody(), allow_plain_http=True)
    with pytest.raises(UnavailableError, match="through the proxy that `HTTP_PROXY`") as caught:
        api.version()
    assert "NO_PROXY=airflow.example.test" in str(caught.value.hint)


def test_a_server_that_never_answers_is_given_up_on_time() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        transport = HttpTransport(url, login=Nobody(), clock=SystemClock(), patience_seconds=1.5)
        began = time.monotonic()
        with pytest.raises(UnavailableError, match="timed out"):
            transport.send("GET", "/api/v2/version")
        assert time.monotonic() - began < 2.5


# --- TLS -------------------------------------------------------------------------------------


def test_a_certificate_of_ones_own_authority_needs_its_file(tmp_path: Path) -> None:
    chain, authority = certificate(tmp_path, "127.0.0.1")
    with _answering([], chain) as url:
        with pytest.raises(NotAllowedError, match="Could not trust Airflow") as caught:
            api_of(url, Token(lambda: Secret("the-token"))).version()
        assert "ca_file" in str(caught.value.hint)
        assert api_of(url, Nobody(), ca_file=authority).version() == "3.3.2"


@pytest.mark.parametrize(
    ("host", "days", "reason"),
    [("127.0.0.2", 1, "mismatch|not valid for"), ("127.0.0.1", -1, "expired")],
)
def test_a_wrong_or_old_certificate_is_refused(
    tmp_path: Path, host: str, days: int, reason: str
) -> None:
    chain, authority = certificate(tmp_path, host, days=days)
    seen: list[Mapping[str, str]] = []
    with _answering(seen, chain) as url, pytest.raises(NotAllowedError, match=reason) as caught:
        api_of(url, Token(lambda: Secret("the-token")), ca_file=authority).dags()
    assert caught.value.state == "Nothing was sent"
    assert seen == []


def test_a_file_without_certificates_is_named(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    for text in (None, "nothing"):
        if text:
            path.write_text(text)
        with pytest.raises(ProjectError, match="Could not read certificates from"):
            api_of("https://airflow.example.test", Nobody(), ca_file=path)


def test_plain_http_at_a_tls_port_is_no_airflow() -> None:
    with _answering([]) as url, pytest.raises((UnavailableError, NotAllowedError)):
        api_of(url.replace("http://", "https://"), Nobody()).version()


def certificate(folder: Path, host: str, *, days: int = 1) -> tuple[Path, Path]:
    """A server's key and certificate in one file, and that of the authority that signed it."""
    now = dt.datetime.now(dt.UTC)
    authority_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "acme authority")])

    def signed(name: x509.Name, public: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(issuer)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=10))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
                critical=False,
            )
        )

    authority = (
        signed(issuer, authority_key.public_key())
        .not_valid_after(now + dt.timedelta(days=10))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
    server = (
        signed(subject, key.public_key())
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(names, critical=False)
        .sign(authority_key, hashes.SHA256())
    )
    chain, root = folder / "server.pem", folder / "authority.pem"
    chain.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + server.public_bytes(serialization.Encoding.PEM)
    )
    root.write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    return chain, root


@contextmanager
def _answering(seen: list[Mapping[str, str]], chain: Path | None = None) -> Iterator[str]:
    """A server that answers like Airflow's version, and notes what was sent."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {key.lower(): value for key, value in self.headers.items()}
            seen.append(headers | {"path": self.path})
            body = b'{"version": "3.3.2"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: socket.socket, client_address: object) -> None:
            pass  # a handshake that fails is what is tested

    server = Server(("127.0.0.1", 0), Handler)
    scheme = "http"
    if chain is not None:
        scheme = "https"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
