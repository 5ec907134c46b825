"""The contract of every store: whoever keeps releases keeps these promises."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import resource
import signal
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import pytest
from fakes.repositories import bare_repository

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.errors import (
    ConflictError,
    NotAllowedError,
    UnavailableError,
    UnfinishedError,
    UsageError,
)
from mlops_cli.environments.aws import Aws
from mlops_cli.environments.port import Upload
from mlops_cli.environments.stores.folder import FolderStore
from mlops_cli.environments.stores.git import GitStore
from mlops_cli.environments.stores.s3 import S3Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlops_cli.environments.port import Lease, Store

FORK = multiprocessing.get_context("fork")


LEASE_SECONDS = 3.0


@pytest.fixture(params=["folder", "s3", "git"])
def open_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Store]:
    """Opens the same store again and again, also from another process."""
    kind = request.param
    if kind == "folder":
        return lambda: FolderStore(tmp_path / "dags" / "churn")
    if kind == "git":
        repository = bare_repository(tmp_path / "dags.git")

        def open_repository() -> GitStore:
            return GitStore(
                str(repository),
                "deploy/staging",
                project="churn",
                environment="staging",
                folder="dags",
                cache=tmp_path / "cache",
                clock=SystemClock(),
                lease_seconds=LEASE_SECONDS,
            )

        return open_repository
    bucket = request.getfixturevalue("bucket")

    def open_bucket() -> S3Store:
        clock = SystemClock()
        return S3Store(
            Aws(clock=clock),
            bucket,
            prefix="dags",
            project="churn",
            environment="staging",
            clock=clock,
            lease_seconds=LEASE_SECONDS,
        )

    return open_bucket


@pytest.fixture
def store(open_store: Callable[[], Store]) -> Store:
    return open_store()


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def test_what_is_put_is_read_back(store: Store, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"from a file")
    store.put("_releases/r1/a/b.py", b"x = 1\n", sha256=sha(b"x = 1\n"))
    store.put("_releases/r1/c.py", tmp_path / "source", sha256=sha(b"from a file"))
    found = store.read("_releases/r1/a/b.py")
    assert found is not None
    assert found.data == b"x = 1\n"
    assert store.list("_releases/r1/") == {"_releases/r1/a/b.py": 6, "_releases/r1/c.py": 11}


def test_what_is_not_there_is_none(store: Store) -> None:
    assert store.read("nothing") is None
    assert store.read("_releases") is None
    assert store.list("") == {}


def test_content_that_changed_on_the_way_is_refused(store: Store) -> None:
    with pytest.raises(UnfinishedError, match="changed while it was copied"):
        store.put("a.py", b"other", sha256=sha(b"content"))
    assert store.list("") == {}


@pytest.mark.parametrize("key", ["../outside", "/etc/passwd", "a//b", "", "a/./b", "a\\b"])
def test_a_key_cannot_leave_the_store(store: Store, key: str) -> None:
    with pytest.raises(UsageError):
        store.put(key, b"", sha256=sha(b""))


def test_a_swap_needs_the_etag_that_is_there(store: Store) -> None:
    first = store.swap("churn.py", b"one", expected=None)
    with pytest.raises(ConflictError):
        store.swap("churn.py", b"two", expected=None)
    second = store.swap("churn.py", b"two", expected=first)
    with pytest.raises(ConflictError):
        store.swap("churn.py", b"three", expected=first)
    found = store.read("churn.py")
    assert found is not None
    assert (found.data, found.etag) == (b"two", second)


def test_delete_takes_these_keys_and_no_others(store: Store) -> None:
    for key in ("_releases/r1/a.py", "_releases/r1/pkg/b.py", "_releases/r2/a.py"):
        store.put(key, b"", sha256=sha(b""))
    store.delete(["_releases/r1/a.py", "_releases/r1/pkg/b.py", "_releases/r1/missing.py"])
    assert list(store.list("")) == ["_releases/r2/a.py"]


def test_a_held_lock_is_refused_with_its_holder(open_store: Callable[[], Store]) -> None:
    with (
        open_store().lock("deploy churn"),
        pytest.raises(ConflictError, match=rf"process {os.getpid()}.*`deploy churn`"),
        open_store().lock("rollback"),
    ):
        pass
    with open_store().lock("after") as lease:
        lease.check()
        assert lease.taken_over is None


def _hold(open_store: Callable[[], Store], ready: multiprocessing.synchronize.Event) -> None:
    with open_store().lock("deploy that dies"):
        ready.set()
        time.sleep(60)


def test_the_lock_of_a_killed_holder_is_taken_over(open_store: Callable[[], Store]) -> None:
    ready = FORK.Event()
    holder = FORK.Process(target=_hold, args=(open_store, ready))
    holder.start()
    assert ready.wait(10)
    with pytest.raises(ConflictError), open_store().lock("too early"):
        pass
    assert holder.pid
    os.kill(holder.pid, signal.SIGKILL)
    holder.join(10)
    with _eventually_locked(open_store, "deploy") as lease:
        assert lease.taken_over is not None
        assert (lease.taken_over.pid, lease.taken_over.what) == (holder.pid, "deploy that dies")


@contextmanager
def _eventually_locked(open_store: Callable[[], Store], what: str) -> Iterator[Lease]:
    """A lease has to run out first; that of a folder ends with its holder."""
    deadline = time.monotonic() + 3 * LEASE_SECONDS
    with ExitStack() as stack:
        while True:
            try:
                lease = stack.enter_context(open_store().lock(what))
                break
            except ConflictError:
                assert time.monotonic() < deadline, "the lock did not become free"
                time.sleep(0.2)
        yield lease


def test_many_are_put_at_once(store: Store, tmp_path: Path) -> None:
    files = {f"_releases/r1/{n:03}.py": f"x = {n}\n".encode() for n in range(60)}
    (tmp_path / "big").write_bytes(os.urandom(9 * 1024 * 1024))
    big = (tmp_path / "big").read_bytes()
    uploads = [Upload(key, data, sha(data)) for key, data in files.items()]
    store.put_all([*uploads, Upload("_releases/r1/big", tmp_path / "big", sha(big))])
    assert store.list("_releases/r1/") == {
        **{key: len(data) for key, data in files.items()},
        "_releases/r1/big": len(big),
    }
    found = store.read("_releases/r1/big")
    assert found is not None
    assert found.data == big


def test_one_that_changed_on_the_way_fails_them_all(store: Store) -> None:
    uploads = [Upload(f"_releases/r1/{n}.py", b"x", sha(b"x")) for n in range(40)]
    uploads[7] = Upload("_releases/r1/7.py", b"y", sha(b"x"))
    with pytest.raises(UnfinishedError, match="changed while it was copied"):
        store.put_all(uploads)
    assert "_releases/r1/7.py" not in store.list("")


def test_keys_may_be_in_any_language(store: Store) -> None:
    keys = ["_releases/r1/модель/naïve file+a&b=c%20.sql", "_releases/r1/日本.py"]
    for key in keys:
        store.put(key, key.encode(), sha256=sha(key.encode()))
    assert set(store.list("_releases/r1/")) == set(keys)
    found = store.read(keys[0])
    assert found is not None
    assert found.data == keys[0].encode()
    store.delete(keys)
    assert store.list("") == {}


def test_history_is_listed_and_read_like_anything_else(store: Store) -> None:
    store.swap("_history/000001.json", b"{}", expected=None)
    with pytest.raises(ConflictError):
        store.swap("_history/000001.json", b"[]", expected=None)
    store.put("_releases/r1/a.py", b"", sha256=sha(b""))
    assert store.list("_history/") == {"_history/000001.json": 2}
    assert list(store.list("_releases/")) == ["_releases/r1/a.py"]
    assert list(store.list("")) == ["_history/000001.json", "_releases/r1/a.py"]
    found = store.read("_history/000001.json")
    assert found is not None
    assert found.data == b"{}"


def test_a_swap_of_what_was_deleted_is_refused(store: Store) -> None:
    etag = store.swap("churn.py", b"one", expected=None)
    store.delete(["churn.py"])
    with pytest.raises(ConflictError):
        store.swap("churn.py", b"two", expected=etag)
    assert store.read("churn.py") is None


def test_a_long_holder_keeps_its_lock(open_store: Callable[[], Store]) -> None:
    with open_store().lock("a long deploy") as lease:
        deadline = time.monotonic() + 1.7 * LEASE_SECONDS
        while time.monotonic() < deadline:
            with pytest.raises(ConflictError), open_store().lock("another"):
                pass
            time.sleep(0.3)
        lease.check()


def test_a_broken_lock_is_free_and_its_holder_learns_of_it(open_store: Callable[[], Store]) -> None:
    assert open_store().unlock() is None
    with open_store().lock("deploy churn") as lease:
        broken = open_store().unlock()
        assert broken is not None
        assert (broken.pid, broken.what) == (os.getpid(), "deploy churn")
        with pytest.raises(ConflictError):
            lease.check()
        with open_store().lock("another") as other:
            other.check()


def _race(
    open_store: Callable[[], Store],
    number: int,
    expected: str | None,
    gate: multiprocessing.synchronize.Barrier,
    wins: multiprocessing.Queue[int],
) -> None:
    gate.wait(20)
    try:
        content = f"winner {number} after {expected}".encode()
        open_store().swap("churn.py", content, expected=expected)
    except ConflictError:
        return
    wins.put(number)


def test_of_eight_swaps_at_once_exactly_one_wins_each_round(
    open_store: Callable[[], Store],
) -> None:
    expected = None
    for _ in range(3):
        gate, wins = FORK.Barrier(8), FORK.Queue()
        racers = [
            FORK.Process(target=_race, args=(open_store, n, expected, gate, wins)) for n in range(8)
        ]
        for racer in racers:
            racer.start()
        winner = wins.get(timeout=20)
        for racer in racers:
            racer.join(20)
        assert wins.empty()
        found = open_store().read("churn.py")
        assert found is not None
        assert found.data == f"winner {winner} after {expected}".encode()
        expected = found.etag


def test_compiled_files_and_parts_do_not_count(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.put("_releases/r1/a.py", b"", sha256=sha(b""))
    (tmp_path / "_releases/r1/__pycache__").mkdir()
    (tmp_path / "_releases/r1/__pycache__/a.pyc").touch()
    (tmp_path / "_releases/r1/.b.py.1234.part").touch()
    assert list(store.list("")) == ["_releases/r1/a.py"]
    with store.lock("the next deploy"):
        assert not list(tmp_path.rglob("*.part"))
    store.delete(["_releases/r1/a.py"])
    assert not (tmp_path / "_releases").exists()


def test_a_removed_lock_is_noticed(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    with store.lock("deploy") as lease:
        (tmp_path / ".mlops.lock").unlink()
        with pytest.raises(ConflictError, match="was removed"):
            lease.check()


def test_a_full_disk_leaves_the_old_content(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    etag = store.swap("churn.py", b"old", expected=None)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with pytest.raises(UnavailableError, match=r"Could not write `churn.py` in folder"):
            store.swap("churn.py", b"n" * 2000, expected=etag)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    found = store.read("churn.py")
    assert found is not None
    assert found.data == b"old"
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(NotAllowedError, match="Permission denied"):
        FolderStore(tmp_path / "closed").put("a.py", b"", sha256=sha(b""))
