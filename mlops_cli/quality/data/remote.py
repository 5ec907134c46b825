"""Fetches remote files whole into a private temporary file; the strict readers see only that.

Nothing is read in place: a reader on a stream would have to guess, and a transfer that was cut off
would look like a shorter file.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
import weakref
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, TypeAlias
from urllib.parse import unquote, urlsplit, urlunsplit

from ..errors import DataReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Transferred: TypeAlias = "Callable[[int, int | None], None]"
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """What a transfer may take."""

    most_bytes: int = 256 << 30
    idle_seconds: float = 60.0
    """Without a byte."""
    total_seconds: float = 4 * 3600.0


_LIMITS = Limits()


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Fetched:
    """A copy of a remote file, removed when nobody holds it any more, and at the end at last."""

    path: Path
    _folder: str = field(repr=False)

    def __post_init__(self) -> None:
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)

    def remove(self) -> None:
        """Remove it now."""
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(slots=True)
class Transfer:
    """One transfer on its way into a file, within its limits."""

    uri: str
    target: Path
    limits: Limits
    progress: Transferred | None = None
    _began: float = field(default_factory=time.monotonic)

    def copy(self, read: Callable[[int], bytes], size: int | None) -> None:
        """Copy all that comes.

        Raises:
            DataReadError: It is too much, takes too long, or is less than was announced.
        """
        self._allow(size or 0)
        done = 0
        with self.target.open("xb") as file:
            while chunk := read(_CHUNK):
                done += len(chunk)
                self._allow(done)
                file.write(chunk)
                if self.progress is not None:
                    self.progress(done, size)
        if size is not None and done != size:
            raise self.failed(f"the transfer was cut off after {done} of {size} bytes")

    def failed(self, reason: str, *, hint: str | None = None) -> DataReadError:
        """Say why it could not be fetched."""
        return DataReadError(f"Could not read `{self.uri}`: {reason}", hint=hint)

    def _allow(self, size: int) -> None:
        if size > self.limits.most_bytes:
            raise self.failed(f"it is larger than {self.limits.most_bytes} bytes")
        if time.monotonic() - self._began > self.limits.total_seconds:
            raise self.failed(f"fetching it took longer than {self.limits.total_seconds:g} seconds")


def fetch(uri: str, *, progress: Transferred | None = None, limits: Limits = _LIMITS) -> Fetched:
    """Copy a remote file whole.

    Args:
        uri: Where it is; `s3://` is read with boto3, `https://` and `http://` with urllib, any
            other scheme with fsspec.
        progress: Told the bytes that are here, and how many there are if that is known.
        limits: What it may take.

    Raises:
        DataReadError: It is not there, may not be read, or did not arrive whole.
    """
    scheme = urlsplit(uri).scheme.lower()
    folder = tempfile.mkdtemp(prefix="quality-")  # 0700, by mkdtemp
    # The end of the name is what it is.
    suffix = PurePosixPath(unquote(urlsplit(public(uri)).path)).suffix
    fetched = Fetched(Path(folder) / f"data{suffix}", folder)
    transfer = Transfer(public(uri), fetched.path, limits, progress)
    try:
        with _disk(transfer):
            _WAYS.get(scheme, _by_fsspec)(uri, transfer)
    except BaseException:
        fetched.remove()
        raise
    return fetched


def public(uri: str) -> str:
    """Give a URI without what may be a secret: a password, a signature in the query."""
    parts = urlsplit(uri)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@contextmanager
def _disk(transfer: Transfer) -> Iterator[None]:
    """Name what the disk says; each way names what its own far end says."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise transfer.failed(f"it could not be kept: {reason}") from error


def _by_http(uri: str, transfer: Transfer) -> None:
    from .http import download

    download(uri, transfer)


def _by_s3(uri: str, transfer: Transfer) -> None:
    from .s3 import download

    download(uri, transfer)


def _by_fsspec(uri: str, transfer: Transfer) -> None:
    """Read with fsspec, which asks for a package of its own for most schemes."""
    scheme = urlsplit(uri).scheme
    try:
        import fsspec  # type: ignore[import-not-found,import-untyped,unused-ignore]  # it need not be there
    except ImportError as error:
        raise transfer.failed(
            f"reading `{scheme}://` needs fsspec, which is not installed",
            hint="Install it: `pip install fsspec`, and what it needs for the scheme",
        ) from error
    try:
        with fsspec.open(uri, "rb") as file:
            transfer.copy(file.read, _size(file))
    except DataReadError:
        raise
    except (ValueError, ImportError) as error:  # no such scheme, or its package is missing
        raise transfer.failed(str(error).rstrip(".")) from error
    except FileNotFoundError as error:
        raise transfer.failed("there is no such file") from error
    except PermissionError as error:
        raise transfer.failed("reading it is not allowed") from error
    except Exception as error:
        # Every package behind fsspec has exceptions of its own, with no common kind.
        raise transfer.failed(f"{type(error).__name__} {error}".rstrip(". ")[:300]) from error


def _size(file: IO[bytes]) -> int | None:
    size = getattr(file, "size", None)
    if isinstance(size, int):
        return size
    if file.seekable():
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        return int(size)
    return None


_WAYS: dict[str, Callable[[str, Transfer], None]] = {
    "s3": _by_s3,
    "s3a": _by_s3,
    "http": _by_http,
    "https": _by_http,
}
