"""Kills a deploy to S3 with -9 at every request it makes, before the server hears of it and after.

python tests/faults/kill_requests.py
"""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import secrets
import signal
import sys
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

# It runs as a script, too.
sys.path[:0] = [str(Path(__file__).parents[1])]

from fakes import moto_server as moto  # noqa: E402 -- see above
from fakes.fault_proxy import FaultProxy, Kill, fault_proxy  # noqa: E402 -- see above

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_cli.environments.release.build import Release
    from mlops_cli.environments.stores.s3 import S3Store

FORK = multiprocessing.get_context("fork")
FILES = 40
PATIENCE_SECONDS = 1.0
"""So long at least an interrupted deploy waits for a server that is slow to free its lock."""


@dataclass
class Tally:
    """What the kills hit."""

    kills: int = 0
    before_the_flip: int = 0
    after_the_flip: int = 0
    put_again: list[int] = field(default_factory=list)
    """Of each deploy that finished the work: how many files it sent although they were there."""


def open_store(bucket: str) -> S3Store:
    """By way of the endpoint the shell names."""
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.environments.aws import Aws
    from mlops_cli.environments.stores.s3 import S3Store

    clock = SystemClock()
    names = {"prefix": "dags", "project": "churn", "environment": "staging"}
    return S3Store(Aws(clock=clock), bucket, clock=clock, **names)


def release(folder: Path, name: str, files: int = FILES) -> Release:
    """A release as `build` leaves it, of files nobody reads."""
    from mlops_cli.environments.release import manifest
    from mlops_cli.environments.release.build import Release

    root = folder / name
    contents = {f"churn/part_{n:02}.py": f"x = '{name} {n}'\n".encode() for n in range(files)}
    contents["settings.json"] = b"{}"
    for path, data in contents.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    entries = {
        path: manifest.FileEntry(len(data), hashlib.sha256(data).hexdigest())
        for path, data in contents.items()
    }
    described = manifest.Manifest(
        project="churn",
        package="churn",
        environment="staging",
        release=name,
        digest=hashlib.sha256(name.encode()).hexdigest(),
        files=entries,
        dags=(manifest.DagEntry("churn_training", "dags/training.py"),),
        lock=None,
        commit=None,
        dirty=False,
        tool="0",
        created_by="test",
        created_at=datetime.now(UTC),
    )
    return Release(name, root, described)


def deploy(bucket: str, staged: Release) -> None:
    """Apply, without an Airflow to confirm it."""
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.core.progress import Silent
    from mlops_cli.deployment.apply import apply
    from mlops_cli.environments import record

    store = open_store(bucket)
    live = record.live(store, "churn")
    plan = SimpleNamespace(
        project="churn",
        release=staged.id,
        environment="staging",
        base=live.etag if live else None,
        live=live.current if live else None,
        dags=(),
    )
    environment = SimpleNamespace(store=store, api=None, name="staging")
    apply(plan, staged, environment, progress=Silent(), clock=SystemClock())


def requests_of(proxy: FaultProxy, direct: str, folder: Path) -> list[str]:
    """What a second deploy asks of the server, in order, such as `PUT dags/churn/churn.py`."""
    bucket = moto.new_bucket(direct, f"count-{secrets.token_hex(6)}")
    deploy(bucket, release(folder, "counted-1"))
    proxy.clear()
    deploy(bucket, release(folder, "counted-2"))
    proxy.settle()
    asked = [(one.method, one.path.partition(bucket)[2].lstrip("/")) for one in proxy.requests()]
    proxy.clear()
    return [f"{method} {path}" for method, path in asked]


def deploy_or_130(bucket: str, staged: Release) -> None:
    """As the command ends when it is interrupted."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        deploy(bucket, staged)
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def torture(
    proxy: FaultProxy,
    direct: str,
    folder: Path,
    points: Iterable[int],
    *,
    sent: signal.Signals = signal.SIGKILL,
) -> Tally:
    """Kill one deploy at each of these requests, before it and after it; see what is live.

    With SIGINT it is a Ctrl-C, after which the lock has to be free at once, unless the server took
    longer to answer than somebody who pressed it is kept waiting.
    """
    tally = Tally()
    for point in points:
        for after in (False, True):
            bucket = moto.new_bucket(direct, f"kills-{secrets.token_hex(6)}")
            first, second = (release(folder, f"r{n}-{point}-{after}") for n in (1, 2))
            deploy(bucket, first)
            proxy.clear()
            victim = FORK.Process(target=deploy_or_130, args=(bucket, second))
            hit = Hit(victim)
            proxy.rule("*", "*", Kill(hit.pid, signal=sent, after=after), offset=point)
            victim.start()
            victim.join(60)
            took = time.monotonic() - hit.at
            proxy.settle()
            if victim.exitcode == 0:
                proxy.clear()
                continue  # it made fewer requests than that
            assert victim.exitcode == (130 if sent == signal.SIGINT else -sent), victim.exitcode
            tally.kills += 1
            proxy.clear()
            live = whole(bucket, first, second)
            tally.before_the_flip += live == first.id
            tally.after_the_flip += live == second.id
            there = set(open_store(bucket).list(f"_releases/{second.id}/"))
            if live != second.id:
                # Who comes next need not wait for the lease here; another test does.
                if open_store(bucket).unlock() and sent == signal.SIGINT:
                    assert took >= PATIENCE_SECONDS, f"the lock was left after {took} s"
                proxy.clear()
                deploy(bucket, second)
                put = {one.path.partition("/dags/churn/")[2] for one in proxy.requests("PUT")}
                tally.put_again.append(len(put & there))
                assert whole(bucket, second) == second.id
    return tally


class Hit:
    """A process that is to be hit, and when it was."""

    def __init__(self, victim: multiprocessing.process.BaseProcess) -> None:
        self._victim = victim
        self.at = time.monotonic()

    def pid(self) -> int:
        """Its pid, once it has been started; it is hit now."""
        while self._victim.pid is None:
            time.sleep(0.001)
        self.at = time.monotonic()
        return self._victim.pid


def whole(bucket: str, *allowed: Release) -> str:
    """The live release: it is one of those allowed, and there in full."""
    from mlops_cli.environments import record
    from mlops_cli.environments.release import archive

    store = open_store(bucket)
    live = record.live(store, "churn")
    assert live is not None
    by_name = {one.id: one for one in allowed}
    assert live.current in by_name, live
    described = record.read_manifest(store, live.current)
    assert described is not None
    assert described.archive is not None
    assert described.files == by_name[live.current].manifest.files
    packed = store.read(record.release_key(live.current, described.archive.name))
    assert packed is not None
    assert hashlib.sha256(packed.data).hexdigest() == described.archive.sha256
    for path, data in archive.unpack(packed.data, described):
        assert hashlib.sha256(data).hexdigest() == described.files[path].sha256, path
    return live.current


def main() -> None:
    """Every request of a deploy."""
    with moto.moto_server() as url, fault_proxy(url) as proxy:
        os.environ |= moto.credentials(url) | {"AWS_ENDPOINT_URL": proxy.url}
        with tempfile.TemporaryDirectory() as folder:
            points = range(len(requests_of(proxy, url, Path(folder))) + 2)
            print(torture(proxy, url, Path(folder), points))  # noqa: T201 -- a script


if __name__ == "__main__":
    main()
