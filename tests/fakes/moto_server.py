"""An S3, STS and more in a process of its own, as `moto` has them."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.error import URLError
from urllib.request import urlopen

from mlops_cli.core.processes import child_environment, kill_group

if TYPE_CHECKING:
    from collections.abc import Iterator

REGION = "eu-central-1"
ACCOUNT = "123456789012"
"""The account that moto's identities are in."""


def credentials(url: str) -> dict[str, str]:
    """What a shell would export to use it."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def client(url: str, service: str = "s3") -> Any:
    """A boto3 client of it, past everything under test."""
    import boto3

    return boto3.client(
        service,
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def new_bucket(url: str, name: str) -> str:
    """A bucket, versioned as Amazon MWAA wants it."""
    s3 = client(url)
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@contextmanager
def moto_server() -> Iterator[str]:
    """Run it; its URL."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    child = subprocess.Popen(
        [sys.executable, "-c", "from moto.server import main; main()", "-p", str(port)],
        env=child_environment({"MOTO_S3_CUSTOM_ENDPOINTS": ""}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        _wait(url, child)
        yield url
    finally:
        kill_group(child.pid)
        child.wait()


def _wait(url: str, child: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        try:
            with urlopen(f"{url}/moto-api/"):
                return
        except (URLError, OSError):
            assert child.poll() is None, "moto did not start"
            time.sleep(0.1)
    raise AssertionError("moto did not start in time")
