from __future__ import annotations

import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Also when this folder is run alone, without the conftest above it.
sys.path[:0] = [str(Path(__file__).parents[1])]

from fakes import moto_server as moto  # noqa: E402
from fakes.fault_proxy import FaultProxy, fault_proxy  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    """An S3 of the whole session."""
    with moto.moto_server() as url:
        yield url


@pytest.fixture
def bucket(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """A bucket of the test's own; the shell's credentials and endpoint are those of its S3."""
    for name, value in moto.credentials(s3_url).items():
        monkeypatch.setenv(name, value)
    return moto.new_bucket(s3_url, f"bucket-{secrets.token_hex(6)}")


@pytest.fixture
def proxy(s3_url: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultProxy]:
    """Between the shell's endpoint and the S3, to order faults from."""
    with fault_proxy(s3_url) as made:
        monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
        yield made
