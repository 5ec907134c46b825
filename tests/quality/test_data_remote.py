"""Remote files: fetched whole, or one clear error; nothing of them is left behind."""

from __future__ import annotations

import socket
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from mlops_cli.quality import DataReadError, check, open_source
from mlops_cli.quality.data import remote

CSV = b"a,b\n1,x\n2,y\n"
RULES = 'Rules = [ IsUnique "a", ColumnValues "b" in ["x", "y"], CustomSql "select 1" = 1 ]'


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


class _Site(BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.split("?", maxsplit=1)[0].strip("/").removesuffix(".csv")
        getattr(self, f"_{name}", self._missing)()

    def log_message(self, *_):
        """Say nothing."""

    def _send(self, body: bytes, code: int = 200, **headers: str):
        self.send_response(code)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def _missing(self):
        self._send(b"", 404)

    def _good(self):
        self._send(CSV, Content_Length=str(len(CSV)))

    def _unmeasured(self):
        self._send(CSV)

    def _forbidden(self):
        self._send(b"", 403)

    def _broken(self):
        self._send(b"", 500)

    def _cut(self):
        self._send(CSV[:6], Content_Length=str(len(CSV)))

    def _packed(self):
        self._send(CSV, Content_Encoding="gzip")

    def _moved(self):
        self._send(b"", 302, Location="/good.csv")

    def _out(self):
        self._send(b"", 302, Location="file:///etc/passwd")

    def _ftp(self):
        self._send(b"", 302, Location="ftp://127.0.0.1/data.csv")

    def _round(self):
        self._send(b"", 302, Location="/round.csv")

    def _page(self):
        self._send(b"<html>Sign in</html>")

    def _slow(self):
        self._send(CSV[:6], Content_Length=str(len(CSV)))
        self.wfile.flush()
        self.server.stop.wait(5)


@pytest.fixture
def site():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Site)
    server.stop = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.stop.set()
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("name", ["good.csv?signature=secret", "unmeasured.csv", "moved.csv"])
def test_a_file_is_fetched_over_http_and_checked(site, name):
    report = check(RULES, f"{site}/{name}")
    assert report.passed
    assert report.source == f"{site}/{name.partition('?')[0]}"


HTTP_REFUSED = [
    ("missing.csv", "there is no such file (404)"),
    ("forbidden.csv", "reading it is not allowed (403)"),
    ("broken.csv", "the server answered 500"),
    ("cut.csv", "the transfer was cut off"),
    ("packed.csv", "encoded as gzip"),
    ("out.csv", "it redirects out of HTTP"),
    ("ftp.csv", "it redirects out of HTTP"),
    ("round.csv", "in a circle"),
    ("page", "its name does not say what it is"),
]


@pytest.mark.parametrize(("name", "reason"), HTTP_REFUSED, ids=[name for name, _ in HTTP_REFUSED])
def test_what_http_does_not_give_whole_is_an_error(site, name, reason):
    with pytest.raises(DataReadError) as caught:
        open_source(f"{site}/{name}?token=secret")
    assert reason in str(caught.value)
    assert f"Could not read `{site}/{name}`" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_what_is_wrong_with_a_fetched_file_is_said_of_its_uri(site):
    with pytest.raises(DataReadError) as caught:
        open_source(f"{site}/page.csv?token=secret")
    assert f"Could not read `{site}/page.csv`: it is a page of HTML" in str(caught.value)
    assert "temporary" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "limits", "reason"),
    [
        ("slow.csv", remote.Limits(idle_seconds=0.2), "sent nothing for 0.2 seconds"),
        ("slow.csv", remote.Limits(total_seconds=0), "took longer than 0 seconds"),
        ("good.csv", remote.Limits(most_bytes=5), "it is larger than 5 bytes"),
        ("unmeasured.csv", remote.Limits(most_bytes=5), "it is larger than 5 bytes"),
    ],
)
def test_a_transfer_has_limits(site, name, limits, reason):
    with pytest.raises(DataReadError, match=reason):
        remote.fetch(f"{site}/{name}", limits=limits)


def test_nobody_there_and_a_password_are_named(site):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(DataReadError, match="Connection refused"):
        open_source(f"http://127.0.0.1:{port}/data.csv")
    with pytest.raises(DataReadError) as caught:
        open_source("http://ann:hunter2@127.0.0.1/data.csv")
    assert "hunter2" not in str(caught.value)


def test_a_transfer_tells_how_far_it_is(site):
    told = []
    source = open_source(f"{site}/good.csv", progress=lambda done, size: told.append((done, size)))
    assert told == [(len(CSV), len(CSV))]
    assert source.rows == 2
    source.close()


def test_a_copy_goes_when_its_source_does(site):
    source = open_source(f"{site}/good.csv")
    assert source.place is not None
    path = source.place.path
    assert path.exists()
    assert Path(path.parent).stat().st_mode & 0o777 == 0o700
    del source
    assert not path.exists()


@pytest.fixture(scope="module")
def s3():
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    _, port = server.get_host_and_port()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def bucket(s3, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    client = boto3.client("s3")
    client.create_bucket(Bucket="acme-data")
    client.put_object(Bucket="acme-data", Key="a b/100%.csv", Body=CSV)


@pytest.mark.usefixtures("bucket")
def test_an_object_is_fetched_from_s3_and_checked():
    report = check(RULES, "s3://acme-data/a b/100%.csv")
    assert report.passed
    assert report.source == "s3://acme-data/a b/100%.csv"


@pytest.mark.usefixtures("bucket")
@pytest.mark.parametrize(
    ("uri", "reason"),
    [
        ("s3://acme-data/missing.csv", "there is no such object"),
        ("s3://acme-none/data.csv", "there is no such bucket"),
        ("s3:///data.csv", "it is not of the form `s3://BUCKET/KEY`"),
        ("s3://acme-data", "its name does not say what it is"),
    ],
)
def test_what_s3_does_not_have_is_an_error(uri, reason):
    with pytest.raises(DataReadError) as caught:
        open_source(uri)
    assert reason in str(caught.value)


def test_missing_credentials_are_named(s3, monkeypatch, tmp_path):
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DataReadError, match="there are no AWS credentials"):
        open_source("s3://acme-data/data.csv")


def test_another_scheme_needs_what_knows_it():
    with pytest.raises(DataReadError) as caught:
        open_source("nowhere://acme/data.csv")
    assert "Could not read `nowhere://acme/data.csv`" in str(caught.value)
