"""Releases in a branch of a git repository: each flip of the pointer is one commit, pushed."""

from __future__ import annotations

import hashlib
import random
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import MlopsError, UnavailableError, UnfinishedError
from mlops_cli.environments.port import Stored, Upload
from mlops_cli.environments.release import loader

from .git_command import lost
from .git_lock import GitLease
from .git_mirror import Blob, Mirror
from .keys import is_state, parts_of
from .lease import LEASE_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mlops_cli.core.clock import Clock
    from mlops_cli.environments.port import Holder

_ATTEMPTS: Final = 12
_FRESH_SECONDS: Final = 2.0


@dataclass(slots=True)
class _Half:
    """One of the two refs a project's files are in, and what is to be written to it next."""

    ref: str
    base: str
    """The folder of our files in it, with a `/` at its end, or nothing."""
    tip: str | None = None
    files: dict[str, Blob] = field(default_factory=dict)
    """Of the tip, by full path."""
    staged: dict[str, Blob | None] = field(default_factory=dict)
    """By full path; None: removed."""

    def now(self) -> dict[str, Blob]:
        """The files as they will be."""
        merged = {**self.files, **self.staged}
        return {path: blob for path, blob in merged.items() if blob is not None}


class GitStore:
    """The `Store` port over a branch that Airflow's `GitDagBundle` follows.

    What is put or deleted while the lock is held waits for the next swap of the pointer, or for
    the lock to be left, and is pushed with it in one commit: the branch has a commit for each
    release that went live. The history lies on a ref of its own, `refs/mlops/…`, so that Airflow
    does not take each line of it for a new version of the DAGs.

    Args:
        repository: Its URL, without any credential; git's own helpers have those.
        branch: The branch, made when it is not there.
        project: The project's name.
        environment: The environment's name.
        folder: The folder of all DAGs in the repository; empty for its root.
        cache: Where the private copy of the repository may lie.
        clock: Times the lock.
        lease_seconds: How long a lock outlives its holder.
    """

    archives = False

    def __init__(
        self,
        repository: str,
        branch: str,
        *,
        project: str,
        environment: str,
        cache: Path,
        clock: Clock,
        folder: str = "",
        lease_seconds: float = LEASE_SECONDS,
    ) -> None:
        self._mirror = Mirror(repository, cache=cache)
        self.name = f"{self._mirror.shown} ({branch})"
        self._project = project
        self._environment = environment
        base = "/".join(part for part in (folder.strip("/"), project) if part)
        own = f"refs/mlops/{project}/{environment}"
        self._dags = _Half(f"refs/heads/{branch}", f"{base}/")
        self._state = _Half(f"{own}/state", "")
        self._lock_ref = f"{own}/lock"
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._asked: float | None = None
        self._locked = False

    def read(self, key: str) -> Stored | None:
        """One object, or None where there is none."""
        half, path = self._place(key)
        self._refresh()
        blob = half.now().get(path)
        return Stored(self._mirror.blob(blob.oid), blob.oid) if blob else None

    def list(self, prefix: str) -> Mapping[str, int]:
        """All keys below `prefix` with their size in bytes."""
        self._refresh()
        found = {}
        for half in (self._dags, self._state):
            for path, blob in half.now().items():
                key = path.removeprefix(half.base)
                if key.startswith(prefix):
                    found[key] = blob.size
        return dict(sorted(found.items()))

    def put(self, key: str, source: Path | bytes, *, sha256: str) -> None:
        """Have an object written with the next commit, checked against its SHA-256.

        Raises:
            UnfinishedError: The content is not what its SHA-256 says: it changed on the way.
        """
        self.put_all([Upload(key, source, sha256)])

    def put_all(self, uploads: Iterable[Upload]) -> None:
        """Have many objects written with the next commit, each as `put` does."""
        wanted = [(*self._place(upload.key), upload) for upload in uploads]
        blobs = self._mirror.write(_content(upload) for *_, upload in wanted)
        for (half, path, _), blob in zip(wanted, blobs, strict=True):
            half.staged[path] = blob

    def swap(self, key: str, data: bytes, *, expected: str | None) -> str:
        """Write if the object's etag still is `expected` (None: it must not exist); the new etag.

        With the object goes all that waits: it is one commit and one push.

        Raises:
            ConflictError: Somebody else wrote first.
            NotAllowedError: The repository rejects the push.
            UnfinishedError: The repository fell silent, and whether it was written is unknown.
        """
        half, path = self._place(key)
        blob = self._mirror.write([data])[0]
        tag = self._tag(key, data)
        for attempt in range(_ATTEMPTS):
            tagged = self._refresh(force=True, also=tag)
            before = half.files.get(path)
            if (before.oid if before else None) != expected:
                raise lost(key, self.name)
            changes = {**half.staged, path: blob}
            try:
                if self._push(half, changes, self._told(key, data), tag=None if tagged else tag):
                    return blob.oid
            except UnavailableError as error:
                if self._settled(half, path, blob, expected, error):
                    return blob.oid
                raise
            # The branch moved, for another project or by a person: on top of that, then.
            self._clock.sleep(random.uniform(0, 0.1 * 2 ** min(attempt, 5)))  # noqa: S311 -- jitter
        raise lost(key, self.name)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete these keys and no others; missing ones are fine."""
        wanted = [self._place(key) for key in keys]
        self._refresh()
        for half, path in wanted:
            if path in half.files:
                half.staged[path] = None
            else:
                half.staged.pop(path, None)
        if not self._locked:
            self._flush()

    @contextmanager
    def lock(self, what: str) -> Iterator[GitLease]:
        """Hold the project's lock; a dead holder's lock is taken over once its lease is over.

        Raises:
            ConflictError: Somebody alive holds it; the message names the holder.
        """
        lease = self._lease(what)
        try:
            lease.acquire()
            self._locked = True
            self._refresh(force=True)
            yield lease
            self._flush()
        except BaseException:
            # Somebody may be waiting for Ctrl-C to end; a lock that stays runs out by itself.
            lease.release(patience_seconds=1.2)
            raise
        finally:
            self._locked = False
        lease.release(patience_seconds=10)

    def unlock(self) -> Holder | None:
        """Break the lock, whoever holds it; who that was."""
        return self._lease("unlock").break_open()

    def altered(self, wanted: Mapping[str, str]) -> tuple[str, ...]:  # noqa: ARG002 -- the port's
        """None that is known: whoever edits a file here leaves a commit that says so."""
        return ()

    def release_at(self, version: str) -> str | None:
        """The release that is live in a commit; None where that is not known."""
        with suppress(MlopsError):
            key = f"{self._dags.base}{loader.pointer_key(self._project)}"
            blob = self._mirror.at(version, key)
            named = loader.names(self._mirror.blob(blob.oid)) if blob else None
            return named[0] if named else None
        return None

    def _lease(self, what: str) -> GitLease:
        return GitLease(
            self._mirror,
            self._lock_ref,
            what,
            store=self.name,
            clock=self._clock,
            lease_seconds=self._lease_seconds,
        )

    def _refresh(self, *, force: bool = False, also: str | None = None) -> bool:
        """See what the remote has now; whether it has the ref `also`."""
        now = self._clock.monotonic()
        if not force and self._asked is not None and now - self._asked < _FRESH_SECONDS:
            return False
        there = self._mirror.fetch(self._dags.ref, self._state.ref, look=[also] if also else [])
        for half in (self._dags, self._state):
            tip = there.get(half.ref)
            if tip != half.tip:
                half.tip = tip
                half.files = self._mirror.files(tip, half.base.rstrip("/")) if tip else {}
        self._asked = now
        return also in there

    def _push(
        self, half: _Half, changes: Mapping[str, Blob | None], told: str, *, tag: str | None
    ) -> bool:
        commit = self._mirror.commit(half.tip, changes, told)
        moves: list[tuple[str, str, str | None]] = [(half.ref, commit, half.tip)]
        if tag:
            moves.append((tag, commit, None))
        if not self._mirror.push(moves):
            return False
        half.staged.clear()
        half.tip = commit
        half.files = self._mirror.files(commit, half.base.rstrip("/"))
        return True

    def _flush(self) -> None:
        """Push what waits, on top of whatever the remote has."""
        for half in (self._dags, self._state):
            for attempt in range(_ATTEMPTS):
                if not half.staged:
                    break
                told = f"Clean up after `{self._project}` in `{self._environment}`"
                if self._push(half, half.staged, told, tag=None):
                    break
                self._clock.sleep(random.uniform(0, 0.1 * 2 ** min(attempt, 5)))  # noqa: S311 -- jitter
                self._refresh(force=True)
            else:
                raise lost(half.ref, self.name)

    def _settled(
        self, half: _Half, path: str, blob: Blob, expected: str | None, error: MlopsError
    ) -> bool:
        """Find out what became of a push nobody answered; whether it was carried out."""
        try:
            self._refresh(force=True)
        except MlopsError:
            raise UnfinishedError(
                f"{error.message}; it may have been done", hint="Run the same command again"
            ) from error
        now = half.files.get(path)
        if now is not None and now.oid == blob.oid:
            half.staged.clear()
            return True
        if (now.oid if now else None) != expected:
            raise lost(path, self.name) from error
        return False

    def _tag(self, key: str, data: bytes) -> str | None:
        named = loader.names(data) if key == loader.pointer_key(self._project) else None
        return f"refs/tags/release/{self._environment}/{named[0]}" if named else None

    def _told(self, key: str, data: bytes) -> str:
        named = loader.names(data) if key == loader.pointer_key(self._project) else None
        if named:
            return f"Make release {named[0]} of {self._project} live in {self._environment}"
        return f"Write {key} of {self._project} in {self._environment}"

    def _place(self, key: str) -> tuple[_Half, str]:
        inner = "/".join(parts_of(key, self.name))
        half = self._state if is_state(inner) else self._dags
        return half, half.base + inner


def _content(upload: Upload) -> bytes:
    source = upload.source
    data = source if isinstance(source, bytes) else source.read_bytes()
    if hashlib.sha256(data).hexdigest() != upload.sha256:
        raise UnfinishedError(
            f"Could not write `{upload.key}`: it changed while it was copied",
            hint="Run the same command again",
            state="What is live did not change",
        )
    return data
