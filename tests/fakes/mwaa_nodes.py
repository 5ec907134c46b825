"""What the machines of an MWAA environment do by themselves: copy DAGs from S3, send logs away.

Each node copies on its own and in any order, as the service's schedulers, workers and web servers
do. Stands on the standard library and a boto3 client only.
"""

from __future__ import annotations

import os
import random
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence


@dataclass
class Node:
    """A folder that follows a prefix of a bucket.

    A file is copied when it is not there or has another size: the harshest of the rules that are
    in use, under which a change that keeps the size is never seen.
    """

    s3: Any
    bucket: str
    prefix: str
    folder: Path
    random: random.Random
    pause_seconds: float = 0.0
    """At most so long between two files."""
    passes: int = 0
    after_file: Callable[[Path], None] = field(default=lambda _: None)
    """Told of each file that was copied or deleted: somebody may look at the half-done folder."""

    def sync(self) -> None:
        """Copy what differs, delete what is gone, in any order."""
        wanted = self._listed()
        here = {str(path.relative_to(self.folder)): path for path in _files(self.folder)}
        work = [name for name, size in wanted.items() if _size(here.get(name)) != size]
        work += [name for name in here if name not in wanted]
        self.random.shuffle(work)
        for name in work:
            if name in wanted:
                self._fetch(name)
            else:
                here[name].unlink(missing_ok=True)
            self.after_file(self.folder / name)
            time.sleep(self.random.uniform(0, self.pause_seconds))
        self.passes += 1

    def _listed(self) -> dict[str, int]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=self.prefix
        )
        found = {}
        for page in pages:
            for item in page.get("Contents", ()):
                name = item["Key"].removeprefix(self.prefix)
                inside = Path(os.path.normpath(name))
                if name and not name.endswith("/") and ".." not in inside.parts[:1]:
                    found[name] = item["Size"]
        return found

    def _fetch(self, name: str) -> None:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{self.random.getrandbits(32):08x}")
        try:
            got = self.s3.get_object(Bucket=self.bucket, Key=self.prefix + name)
            part.write_bytes(got["Body"].read())
            part.replace(target)
        except self.s3.exceptions.NoSuchKey:
            pass  # it was deleted meanwhile
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def syncing(
    s3: Any,
    bucket: str,
    prefix: str,
    folders: Sequence[Path],
    *,
    every_seconds: float = 0.3,
    pause_seconds: float = 0.0,
    seed: int = 0,
) -> Iterator[list[Node]]:
    """Let each folder follow the prefix, each in its own time, for as long as the context lasts."""
    over = threading.Event()
    nodes = [
        Node(s3, bucket, prefix, folder, random.Random(seed + number), pause_seconds)
        for number, folder in enumerate(folders)
    ]

    def follow(node: Node) -> None:
        node.folder.mkdir(parents=True, exist_ok=True)
        while not over.is_set():
            node.sync()
            over.wait(every_seconds * node.random.uniform(0.5, 1.5))

    with _threads([lambda node=node: follow(node) for node in nodes], over):
        yield nodes


@contextmanager
def sending_logs(
    logs: Any, group: str, folder: Path, *, every_seconds: float = 0.2
) -> Iterator[None]:
    """Send what tasks write below `folder` to CloudWatch, a stream for each file."""
    over = threading.Event()
    sent: dict[Path, int] = {}

    def send() -> None:
        while True:
            last = over.is_set()
            for path in folder.glob("dag_id=*/**/attempt=*.log"):
                with suppress(FileNotFoundError):
                    sent[path] = _send(logs, group, folder, path, sent.get(path, 0))
            if last:
                return
            over.wait(every_seconds)

    with _threads([send], over):
        yield


def _send(logs: Any, group: str, folder: Path, path: Path, begin: int) -> int:
    with path.open("rb") as file:
        file.seek(begin)
        data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    lines = whole.decode("utf-8", "replace").splitlines()
    if lines:
        send_lines(logs, group, str(path.relative_to(folder)), lines)
    return begin + len(whole)


def send_lines(logs: Any, group: str, name: str, lines: Sequence[str]) -> None:
    """Add lines to a stream, as the Amazon provider names it; group and stream are made."""
    stream = name.replace(":", "_")
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=group)
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": line} for line in lines if line]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def _files(folder: Path) -> Iterator[Path]:
    return (
        path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )


def _size(path: Path | None) -> int | None:
    try:
        return path.stat().st_size if path else None
    except FileNotFoundError:
        return None


@contextmanager
def _threads(work: Sequence[Callable[[], None]], over: threading.Event) -> Iterator[None]:
    threads = [threading.Thread(target=one, daemon=True) for one in work]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join(30)
