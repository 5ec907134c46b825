"""A store that is asked each thing once, until something is written or the lock is taken."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mlops_cli.environments.port import Holder, Lease, Store, Stored, Upload


class Remembered:
    """The `Store` port over another store, for one command.

    A plan is made from one look at the store: what it read stays what it is for that command, so
    that a deploy of what is live already costs a handful of requests. Under the lock everything
    is asked anew.
    """

    def __init__(self, store: Store) -> None:
        self.name = store.name
        self.archives = store.archives
        self._store = store
        self._read: dict[str, Stored | None] = {}
        self._listed: dict[str, Mapping[str, int]] = {}

    def read(self, key: str) -> Stored | None:
        """One object, or None where there is none."""
        if key not in self._read:
            self._read[key] = self._store.read(key)
        return self._read[key]

    def list(self, prefix: str) -> Mapping[str, int]:
        """All keys below `prefix` with their size in bytes."""
        for known, found in self._listed.items():
            if prefix.startswith(known):
                return {key: size for key, size in found.items() if key.startswith(prefix)}
        self._listed[prefix] = self._store.list(prefix)
        return self._listed[prefix]

    def put(self, key: str, source: Path | bytes, *, sha256: str) -> None:
        """Write an object in full or not at all, checked against its SHA-256."""
        with self._changing():
            self._store.put(key, source, sha256=sha256)

    def put_all(self, uploads: Iterable[Upload]) -> None:
        """Write many objects, each as `put` does."""
        with self._changing():
            self._store.put_all(uploads)

    def swap(self, key: str, data: bytes, *, expected: str | None) -> str:
        """Write if the object's etag still is `expected` (None: it must not exist); the new etag.

        Raises:
            ConflictError: Somebody else wrote first.
        """
        with self._changing():
            return self._store.swap(key, data, expected=expected)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete these keys and no others; missing ones are fine."""
        with self._changing():
            self._store.delete(keys)

    @contextmanager
    def lock(self, what: str) -> Iterator[Lease]:
        """Hold the project's lock; a dead holder's lock is taken over.

        Raises:
            ConflictError: Somebody alive holds it; the message names the holder.
        """
        with self._changing(), self._store.lock(what) as lease:
            self._forget()
            yield lease

    def unlock(self) -> Holder | None:
        """Break the lock, whoever holds it; who that was."""
        with self._changing():
            return self._store.unlock()

    def altered(self, wanted: Mapping[str, str]) -> tuple[str, ...]:
        """Which of these objects are not what their SHA-256 says."""
        return self._store.altered(wanted)

    def release_at(self, version: str) -> str | None:
        """The release that is live in a version of the store; None where that is not known."""
        return self._store.release_at(version)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._forget()

    def _forget(self) -> None:
        self._read.clear()
        self._listed.clear()
