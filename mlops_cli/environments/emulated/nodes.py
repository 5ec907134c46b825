"""What the machines of an MWAA environment do by themselves: copy DAGs from S3.

Each node copies on its own and in any order, as the service's schedulers, workers and web servers
do.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random
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
                if is_inside(name):
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
def syncing(nodes: Sequence[Node], *, every_seconds: float = 0.3) -> Iterator[Sequence[Node]]:
    """Let each node follow its prefix, each in its own time, for as long as the context lasts."""
    over = threading.Event()

    def follow(node: Node) -> None:
        node.folder.mkdir(parents=True, exist_ok=True)
        while not over.is_set():
            trying(node.sync)
            over.wait(every_seconds * node.random.uniform(0.5, 1.5))

    with threads([partial(follow, node) for node in nodes], over):
        yield nodes


def is_inside(name: str) -> bool:
    """Whether a key names a file inside the folder it is copied to."""
    normal = Path(os.path.normpath(name))
    return bool(name) and not name.endswith("/") and ".." not in normal.parts[:1]


def trying(work: Callable[[], None]) -> None:
    """Do it; where S3 or CloudWatch did not answer, the next time will do.

    They are in the same process, and on a busy machine one may be slow.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        work()
    except (BotoCoreError, ClientError, OSError) as error:
        now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        sys.stderr.write(f"{now} {type(error).__name__}: {error}\n")


@contextmanager
def threads(work: Sequence[Callable[[], None]], over: threading.Event) -> Iterator[None]:
    """Do all of it at the same time; at the end `over` is set and each has to end by itself."""
    started = [threading.Thread(target=one, daemon=True) for one in work]
    for thread in started:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in started:
            thread.join(30)


def _files(folder: Path) -> Iterator[Path]:
    return (
        path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )


def _size(path: Path | None) -> int | None:
    try:
        return path.stat().st_size if path else None
    except FileNotFoundError:
        return None
