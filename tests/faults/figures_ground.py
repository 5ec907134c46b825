"""What every figure is measured on: a clean shell, an S3 behind a proxy, a node, an Airflow."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fakes import moto_server as moto
from fakes.fault_proxy import FaultProxy, fault_proxy
from fakes.grounds import PASSWORD, Ground, s3_ground


@dataclass(frozen=True)
class Figure:
    """One row: what was aimed at, and what was found."""

    name: str
    target: str
    measured: str
    met: bool

    def row(self) -> str:
        """As it stands in the docs."""
        return f"| {self.name} | {self.target} | {self.measured} | {'yes' if self.met else 'NO'} |"


Figures = Iterator[Figure]


@contextmanager
def clean() -> Iterator[Path]:
    """A shell that knows nothing of this machine's own projects and accounts."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="figures-") as folder:
        for name in list(os.environ):
            if name.startswith(("MLOPS_", "AWS_", "AIRFLOW_")) and name != "MLOPS_CACHE_DIR":
                del os.environ[name]
        os.environ |= {"NO_COLOR": "1", "COLUMNS": "100", "MLOPS_DATA_DIR": f"{folder}/state"}
        # Archives are unpacked there.
        os.environ |= {"TMPDIR": folder, PASSWORD: "ground"}
        try:
            yield Path(folder)
        finally:
            os.environ.clear()
            os.environ.update(before)


@dataclass
class Place:
    """A project with a bucket that a node copies from, and the proxy in front of it."""

    ground: Ground
    proxy: FaultProxy
    url: str


@contextmanager
def place() -> Iterator[Place]:
    """All of it, anew."""
    with (
        tempfile.TemporaryDirectory() as folder,
        moto.moto_server() as url,
        fault_proxy(url) as proxy,
    ):
        os.environ |= moto.credentials(url) | {"AWS_ENDPOINT_URL": proxy.url}
        bucket = moto.new_bucket(url, f"figures-{secrets.token_hex(6)}")
        with s3_ground(Path(folder), bucket, url) as ground:
            yield Place(ground, proxy, url)


def fill(root: Path, count: int, *, size: int = 2_000) -> None:
    """Give the project so many more files, of so many bytes that do not shrink."""
    for number in range(count):
        folder = root / f"churn/more_{number // 500}"
        folder.mkdir(exist_ok=True)
        (folder / f"part_{number}.txt").write_text(secrets.token_hex(size // 2))
