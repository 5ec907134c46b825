"""Releases in a folder of this machine: whole files, swapped by content, locked by the kernel."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import secrets
import shutil
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import (
    ConflictError,
    MlopsError,
    NotAllowedError,
    UnavailableError,
    UnfinishedError,
)
from mlops_cli.core.files import remove_tree, sync_folder
from mlops_cli.environments.port import Stored

from .holder import held, holder, myself, read
from .keys import parts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlops_cli.environments.port import Holder, Upload

_LOCK: Final = ".mlops.lock"
_SWAP: Final = ".mlops.swap"
_PART: Final = ".part"
_CHUNK: Final = 1024 * 1024


class FolderStore:
    """The `Store` port over a folder; one project's releases in one place."""

    archives = False

    def __init__(self, root: Path) -> None:
        self.name = f"folder {root}"
        self._root = root

    def read(self, key: str) -> Stored | None:
        """One object, or None where there is none."""
        try:
            data = self._path(key).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None
        except OSError as error:
            raise self._failed("read", key, error) from error
        return Stored(data, _etag(data))

    def list(self, prefix: str) -> Mapping[str, int]:
        """All keys below `prefix` with their size in bytes."""
        found: dict[str, int] = {}
        for place, folders, names in os.walk(self._root):
            # Python puts compiled files beside a release's own; they are not part of it.
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(names):
                path = Path(place) / name
                key = path.relative_to(self._root).as_posix()
                if key.startswith(prefix) and not _internal(name):
                    with suppress(FileNotFoundError):
                        found[key] = path.stat().st_size
        return found

    def put(self, key: str, source: Path | bytes, *, sha256: str) -> None:
        """Write an object in full or not at all, checked against its SHA-256.

        Raises:
            UnfinishedError: The content is not what its SHA-256 says: it changed on the way.
        """
        path = self._path(key)
        try:
            self._write(path, source, sha256=sha256)
        except OSError as error:
            raise self._failed("write", key, error) from error

    def put_all(self, uploads: Iterable[Upload]) -> None:
        """Write many objects, each as `put` does."""
        for upload in uploads:
            self.put(upload.key, upload.source, sha256=upload.sha256)

    def swap(self, key: str, data: bytes, *, expected: str | None) -> str:
        """Write if the object's etag still is `expected` (None: it must not exist); the new etag.

        Raises:
            ConflictError: Somebody else wrote first.
        """
        path = self._path(key)
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with (self._root / _SWAP).open("a") as guard:
                fcntl.flock(guard, fcntl.LOCK_EX)
                now = self.read(key)
                if (now.etag if now else None) != expected:
                    raise ConflictError(
                        f"Could not write `{key}` in {self.name}: somebody else wrote it first",
                        hint="Run the command again to start from what is there now",
                    )
                self._write(path, data, sha256=_etag(data))
        except OSError as error:
            raise self._failed("write", key, error) from error
        return _etag(data)

    def delete(self, keys: Iterable[str]) -> None:
        """Delete these keys and no others; missing ones are fine."""
        try:
            for path in [self._path(key) for key in keys]:
                path.unlink(missing_ok=True)
                self._prune(path.parent)
        except OSError as error:
            raise self._failed("delete", str(error.filename), error) from error

    @contextmanager
    def lock(self, what: str) -> Iterator[FolderLease]:
        """Hold the project's lock; a dead holder's lock is taken over.

        Raises:
            ConflictError: Somebody alive holds it; the message names the holder.
        """
        path = self._root / _LOCK
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            file = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise self._failed("lock", _LOCK, error) from error
        with file:
            try:
                # The kernel frees it however the holder ends; a file that merely exists would stay.
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise held(
                    self.name,
                    _holder(path),
                    "Wait until it is done; if it hangs, stop that process: the lock goes with it",
                ) from error
            left = _holder(path)
            file.truncate(0)
            file.write(json.dumps(myself(what)))
            file.flush()
            self._clean()
            try:
                yield FolderLease(path, os.fstat(file.fileno()).st_ino, left)
            finally:
                file.truncate(0)

    def unlock(self) -> Holder | None:
        """Break the lock, whoever holds it; who that was. The holder's next check is refused."""
        path = self._root / _LOCK
        found = _holder(path)
        try:
            # Another file of that name has another lock: the holder keeps one of nothing.
            path.unlink(missing_ok=True)
        except OSError as error:
            raise self._failed("unlock", _LOCK, error) from error
        return found

    def altered(self, wanted: Mapping[str, str]) -> tuple[str, ...]:
        """Which of these files are not what their SHA-256 says."""
        found = []
        for key, sha256 in wanted.items():
            try:
                with self._path(key).open("rb") as file:
                    is_same = hashlib.file_digest(file, "sha256").hexdigest() == sha256
            except OSError:
                is_same = False
            found += [] if is_same else [key]
        return tuple(found)

    def release_at(self, version: str) -> str | None:  # noqa: ARG002 -- the port's form
        """None: a folder has no versions that Airflow would name."""
        return None

    def _clean(self) -> None:
        # Only the lock's holder writes releases: a part that is here now was left by a kill.
        for place, _, names in os.walk(self._root):
            for name in names:
                if name.endswith(_PART):
                    (Path(place) / name).unlink(missing_ok=True)

    def _write(self, path: Path, source: Path | bytes, *, sha256: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.parent / f".{path.name}.{secrets.token_hex(4)}{_PART}"
        digest = hashlib.sha256()
        try:
            with part.open("xb") as target:
                for chunk in _chunks(source):
                    digest.update(chunk)
                    target.write(chunk)
                if digest.hexdigest() != sha256:
                    raise UnfinishedError(
                        f"Could not write `{path.name}`: it changed while it was copied",
                        hint="Run the same command again",
                        state="What is live did not change",
                    )
                target.flush()
                os.fsync(target.fileno())
            part.replace(path)
            sync_folder(path.parent)
        finally:
            part.unlink(missing_ok=True)

    def _prune(self, folder: Path) -> None:
        """Remove folders that hold nothing any more, compiled files not counted."""
        while folder != self._root and folder.is_dir():
            left = {entry.name for entry in folder.iterdir()}
            if left - {"__pycache__"}:
                return
            if left:
                shutil.rmtree(folder / "__pycache__", ignore_errors=True)
            remove_tree(folder)
            folder = folder.parent

    def _path(self, key: str) -> Path:
        return self._root.joinpath(*parts_of(key, self.name))

    def _failed(self, verb: str, key: str, error: OSError) -> MlopsError:
        reason = error.strerror or str(error)
        message = f"Could not {verb} `{key}` in {self.name}: {reason}"
        if isinstance(error, PermissionError) or error.errno == errno.EROFS:
            return NotAllowedError(message, hint=f"Check who may write to {self._root}: ls -ld")
        return UnavailableError(message, hint=f"Check the disk: df -h {self._root}")


class FolderLease:
    """A lock that is held; `taken_over` is the dead holder it was taken from."""

    def __init__(self, path: Path, inode: int, taken_over: Holder | None) -> None:
        self.taken_over = taken_over
        self._path = path
        self._inode = inode

    def check(self) -> None:
        """Raise ConflictError when the lock is no longer ours."""
        try:
            ours = self._path.stat().st_ino == self._inode
        except OSError:
            ours = False
        if not ours:
            raise ConflictError(
                f"Could not go on: the lock `{self._path}` was removed by somebody",
                hint="Run the same command again",
                state="What is live did not change",
            )


def _internal(name: str) -> bool:
    return name in (_LOCK, _SWAP) or name.endswith(_PART)


def _chunks(source: Path | bytes) -> Iterator[bytes]:
    if isinstance(source, bytes):
        yield source
        return
    with source.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _etag(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _holder(path: Path) -> Holder | None:
    try:
        return holder(read(path.read_bytes()))
    except OSError:
        return None
