"""The S3 of the emulated MWAA: moto's, for one access key only, and kept over a restart."""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

from .nodes import is_inside, threads, trying
from .places import REGION

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

_SERVICES: Final = frozenset({"s3", "sts", "logs"})
_EVERY_SECONDS: Final = 0.5
_DENIED: Final = b"<Error><Code>InvalidAccessKeyId</Code><Message>Unknown key</Message></Error>"
_SIGNED: Final = re.compile(r"Credential=([^/,&\s]+)/\d{8}/[\w-]+/(\w+)/aws4_request")


@contextmanager
def serving_aws(listener: socket.socket, key: str) -> Iterator[str]:
    """Answer as S3, STS and CloudWatch Logs to who signs with `key`; the URL."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
    from werkzeug.serving import WSGIRequestHandler, make_server

    class Quiet(WSGIRequestHandler):
        def log(self, *_: object, **__: object) -> None:
            """Say nothing."""

    host, port = listener.getsockname()[:2]
    served = _for_one(DomainDispatcherApplication(create_backend_app), key)
    server = make_server(
        host, port, served, threaded=True, request_handler=Quiet, fd=listener.fileno()
    )
    server.daemon_threads = True  # type: ignore[attr-defined]  # it is threaded
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def _for_one(app: Callable[..., Iterable[bytes]], key: str) -> Callable[..., Iterable[bytes]]:
    """Refuse everybody else on this machine: what is in the bucket is run as this user."""

    def answer(environ: Mapping[str, Any], start: Callable[..., object]) -> Iterable[bytes]:
        said = f"{environ.get('HTTP_AUTHORIZATION', '')} {unquote(environ.get('QUERY_STRING', ''))}"
        signed = _SIGNED.search(said)
        if signed is None or signed.group(1) != key or signed.group(2) not in _SERVICES:
            headers = [("Content-Type", "application/xml"), ("Connection", "close")]
            start("403 Forbidden", headers)
            return [_DENIED]
        return app(environ, start)

    return answer


def client(url: str, key: str, service: str) -> Any:  # noqa: ANN401 -- boto3 makes its classes at run time
    """A client of it for the machines behind the service."""
    import boto3
    from botocore.config import Config

    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=key,
        aws_secret_access_key=key,
        config=Config(
            connect_timeout=2,
            read_timeout=10,
            retries={"total_max_attempts": 2, "mode": "standard"},
            request_checksum_calculation="when_required",
            s3={"addressing_style": "path"},
        ),
    )


class KeptBucket:
    """A versioned bucket, and the folder its newest versions are kept in.

    Objects are written in the order they came, so that a crash loses the last ones only: never
    the files of a release whose pointer is kept.
    """

    def __init__(self, s3: Any, name: str, folder: Path) -> None:  # noqa: ANN401 -- see `client`
        self.s3 = s3
        self.name = name
        self.folder = folder
        self._kept: dict[str, str] = {}

    def restore(self) -> None:
        """Make the bucket, with what was kept."""
        self.s3.create_bucket(
            Bucket=self.name, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        self.s3.put_bucket_versioning(
            Bucket=self.name, VersioningConfiguration={"Status": "Enabled"}
        )
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(self.folder.rglob("*")):
            if path.is_file():
                key = path.relative_to(self.folder).as_posix()
                put = self.s3.put_object(
                    Bucket=self.name, Key=key, Body=path.read_bytes(), ChecksumAlgorithm="SHA256"
                )
                self._kept[key] = put["ETag"]

    def keep(self) -> None:
        """Write what changed since the last time."""
        found = {item["Key"]: item for item in self._listed() if is_inside(item["Key"])}
        new = [item for key, item in found.items() if self._kept.get(key) != item["ETag"]]
        for item in sorted(new, key=lambda item: item["LastModified"]):
            self._write(item["Key"])
        for key in set(self._kept) - set(found):
            (self.folder / key).unlink(missing_ok=True)
            del self._kept[key]

    @contextmanager
    def keeping(self) -> Iterator[None]:
        """Keep it up to date for as long as the context lasts, and once more at its end."""
        over = threading.Event()

        def follow() -> None:
            while not over.is_set():
                trying(self.keep)
                over.wait(_EVERY_SECONDS)

        with threads([follow], over):
            yield
        trying(self.keep)

    def _listed(self) -> Iterator[dict[str, Any]]:
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.name):
            yield from page.get("Contents", ())

    def _write(self, key: str) -> None:
        from mlops_cli.core.files import write_atomic

        with suppress(self.s3.exceptions.NoSuchKey):  # deleted meanwhile
            got = self.s3.get_object(Bucket=self.name, Key=key)
            with suppress(OSError):  # a name no file can have: this one is not kept
                write_atomic(self.folder / key, got["Body"].read())
            self._kept[key] = got["ETag"]


def read_facts(path: Path, bucket: KeptBucket) -> dict[str, Any]:
    """Which files the environment had installed, in the versions they have now."""
    try:
        kept = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    facts: dict[str, Any] = {}
    for name, key in kept.items():
        with suppress(bucket.s3.exceptions.ClientError):  # it is gone from the bucket
            told = bucket.s3.head_object(Bucket=bucket.name, Key=key)
            facts |= {name: key, name.replace("Path", "ObjectVersion"): told["VersionId"]}
    return facts


def write_facts(path: Path, facts: Mapping[str, Any]) -> None:
    """Keep which files the environment has installed."""
    from mlops_cli.core.files import write_atomic

    kept = {name: value for name, value in facts.items() if name.endswith("S3Path")}
    kept.pop("DagS3Path", None)
    write_atomic(path, json.dumps(kept, indent=2) + "\n")
