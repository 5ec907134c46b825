"""Releases in a bucket: conditional writes, checked uploads, and nothing of it left to chance."""

from __future__ import annotations

import base64
import hashlib
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import ConflictError, MlopsError, UnavailableError, UnfinishedError
from mlops_cli.environments.aws import RefusedError
from mlops_cli.environments.port import Stored, Upload
from mlops_cli.environments.release import loader

from .bucket import GONE, IMPOSSIBLE, TAKEN, UNKNOWN, Bucket
from .keys import STATE, is_state, parts_of
from .lease import LEASE_SECONDS
from .parallel import each
from .s3_lock import S3Lease

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlops_cli.core.clock import Clock
    from mlops_cli.environments.aws import Aws
    from mlops_cli.environments.port import Holder

_THREADS: Final = 16
_DELETED_AT_ONCE: Final = 1000
_MIB: Final = 1024 * 1024
_IN_MEMORY: Final = 4 * _MIB
"""A larger file is read while it is sent: sixteen are on their way at a time."""
_IN_ONE: Final = 64 * _MIB
_PART: Final = 16 * _MIB


class S3Store:
    """The `Store` port over a bucket; one project's releases in one environment.

    What Airflow reads lies under `<prefix>/<project>/`; the lock, the history and plans under
    `mlops/<project>/<environment>/`, which no node copies.

    Args:
        aws: Whose credentials; its `account`, if given, has to own the bucket.
        bucket: The bucket.
        prefix: The folder of all DAGs in it, such as `dags`.
        project: The project's name.
        environment: The environment's name.
        clock: Times the lock.
        lease_seconds: How long a lock outlives its holder.
        unsafe: Use a store that cannot write conditionally; nothing then keeps two deploys apart.
    """

    archives = True

    def __init__(
        self,
        aws: Aws,
        bucket: str,
        *,
        prefix: str,
        project: str,
        environment: str,
        clock: Clock,
        lease_seconds: float = LEASE_SECONDS,
        unsafe: bool = False,
    ) -> None:
        inner = "/".join(part for part in (prefix.strip("/"), project) if part)
        self.name = f"s3://{bucket}/{inner}"
        self._bucket = Bucket(aws, bucket, self.name)
        self._dags = f"{inner}/"
        self._state = f"mlops/{project}/{environment}/"
        self._project = project
        self._clock = clock
        self._lease_seconds = lease_seconds
        self._unsafe = unsafe

    def read(self, key: str) -> Stored | None:
        """One object, or None where there is none."""
        place = self._place(key)
        try:
            found = self._bucket.ask(
                "get_object", place, f"read `{key}`", expected=GONE, ChecksumMode="ENABLED"
            )
        except RefusedError:
            return None
        return Stored(found["Body"], found["ETag"])

    def list(self, prefix: str) -> Mapping[str, int]:
        """All keys below `prefix` with their size in bytes."""
        found: dict[str, int] = {}
        if not is_state(prefix):
            for place, size in self._bucket.list(self._dags + prefix):
                found[place.removeprefix(self._dags)] = size
        for folder in STATE:
            if f"{folder}/".startswith(prefix) or prefix.startswith(f"{folder}/"):
                below = prefix if len(prefix) > len(folder) else f"{folder}/"
                for place, size in self._bucket.list(self._state + below):
                    found[place.removeprefix(self._state)] = size
        return dict(sorted(found.items()))

    def put(self, key: str, source: Path | bytes, *, sha256: str) -> None:
        """Write an object in full or not at all, checked against its SHA-256.

        Raises:
            UnfinishedError: The content is not what its SHA-256 says: it changed on the way.
        """
        place = self._place(key)
        size = len(source) if isinstance(source, bytes) else source.stat().st_size
        if isinstance(source, Path) and size > _IN_ONE:
            self._put_parts(key, place, source, sha256=sha256)
        elif isinstance(source, Path) and size > _IN_MEMORY:
            with source.open("rb") as body:
                _require(key, hashlib.file_digest(body, "sha256").hexdigest(), sha256)
                self._put_one(key, place, body, sha256=sha256)
        else:
            data = source if isinstance(source, bytes) else source.read_bytes()
            _require(key, hashlib.sha256(data).hexdigest(), sha256)
            self._put_one(key, place, data, sha256=sha256)

    def put_all(self, uploads: Iterable[Upload]) -> None:
        """Write many objects, each as `put` does, several at once."""
        each(
            lambda upload: self.put(upload.key, upload.source, sha256=upload.sha256),
            uploads,
            threads=_THREADS,
        )

    def swap(self, key: str, data: bytes, *, expected: str | None) -> str:
        """Write if the object's etag still is `expected` (None: it must not exist); the new etag.

        Raises:
            ConflictError: Somebody else wrote first.
            UnfinishedError: The store fell silent, and whether it was written is unknown.
        """
        place = self._place(key)
        condition = {"IfMatch": expected} if expected else {"IfNoneMatch": "*"}
        try:
            done = self._bucket.ask(
                "put_object",
                place,
                f"write `{key}`",
                expected=(*TAKEN, *GONE),
                Body=data,
                ChecksumSHA256=_base64(hashlib.sha256(data).hexdigest()),
                **condition,
            )
        except RefusedError as error:
            # Sent twice, the second may have met what the first wrote: its reply was lost.
            now = self.read(key) if error.repeated else None
            if now is not None and now.data == data:
                return now.etag
            raise ConflictError(
                f"Could not write `{key}` in {self.name}: somebody else wrote it first",
                hint="Run the command again to start from what is there now",
            ) from error
        except UnavailableError as error:
            return self._settle(key, data, expected, error)
        etag: str = done["ETag"]
        return etag

    def delete(self, keys: Iterable[str]) -> None:
        """Delete these keys and no others; missing ones are fine."""
        places = [self._place(key) for key in keys]
        for start in range(0, len(places), _DELETED_AT_ONCE):
            self._bucket.delete(places[start : start + _DELETED_AT_ONCE])

    @contextmanager
    def lock(self, what: str) -> Iterator[S3Lease]:
        """Hold the project's lock; a dead holder's lock is taken over once its lease is over.

        Raises:
            ConflictError: Somebody alive holds it; the message names the holder.
            NotAllowedError: The store ignores conditions, so that no lock in it can be trusted; or
                something that a deploy has to write or delete may not be.
        """
        lease = self._lease(what)
        try:
            lease.acquire()
            if not self._unsafe:
                self._preflight()
            yield lease
        except BaseException:
            # Somebody may be waiting for Ctrl-C to end; a lock that stays runs out by itself.
            lease.release(patience_seconds=1.2)
            raise
        lease.release(patience_seconds=10)

    def unlock(self) -> Holder | None:
        """Break the lock, whoever holds it; who that was."""
        return self._lease("unlock").break_open()

    def altered(self, wanted: Mapping[str, str]) -> tuple[str, ...]:  # noqa: ARG002 -- the port's
        """None that is known: each object would cost a request."""
        return ()

    def release_at(self, version: str) -> str | None:  # noqa: ARG002 -- the port's form
        """None: a bucket has no versions that Airflow would name."""
        return None

    def _lease(self, what: str) -> S3Lease:
        return S3Lease(
            self._bucket,
            f"{self._state}lock.json",
            what,
            clock=self._clock,
            lease_seconds=self._lease_seconds,
            unsafe=self._unsafe,
        )

    def _preflight(self) -> None:
        """Ask for every permission before the first change, by writes that cannot succeed."""
        pointer = loader.pointer_key(self._project)
        now = self.read(pointer)
        # Were the condition ignored after all, the pointer would be as it is.
        asked: list[tuple[str, str, dict[str, Any]]] = [
            ("put_object", pointer, {"Body": now.data if now else b""})
        ]
        for folder in (loader.RELEASES, loader.HISTORY):
            asked += [
                ("put_object", f"{folder}/.probe", {"Body": b""}),
                ("delete_object", f"{folder}/.probe", {}),
            ]

        def ask(one: tuple[str, str, dict[str, Any]]) -> None:
            operation, key, body = one
            verb = operation.partition("_")[0].replace("put", "write")
            with suppress(RefusedError):
                self._bucket.ask(
                    operation,
                    self._place(key),
                    f"{verb} `{key}`",
                    expected=(*TAKEN, *GONE, *UNKNOWN),
                    IfMatch=IMPOSSIBLE,
                    **body,
                )

        each(ask, asked, threads=len(asked))

    def _settle(self, key: str, data: bytes, expected: str | None, error: MlopsError) -> str:
        """Find out what became of a conditional write nobody answered."""
        try:
            now = self.read(key)
        except MlopsError:
            now = None
        else:
            if now is not None and now.data == data:
                return now.etag
            if (now.etag if now else None) == expected:
                raise error
        if now is not None:
            raise ConflictError(
                f"Could not write `{key}` in {self.name}: somebody else wrote it first",
                hint="Run the command again to start from what is there now",
            ) from error
        raise UnfinishedError(
            f"{error.message}; it may have been written", hint="Run the same command again"
        ) from error

    def _put_one(self, key: str, place: str, body: object, *, sha256: str) -> None:
        self._bucket.ask(
            "put_object",
            place,
            f"write `{key}`",
            Body=body,
            ChecksumSHA256=_base64(sha256),
        )

    def _put_parts(self, key: str, place: str, source: Path, *, sha256: str) -> None:
        what = f"write `{key}`"
        started = self._bucket.ask(
            "create_multipart_upload", place, what, "s3:PutObject", ChecksumAlgorithm="SHA256"
        )
        upload = {"UploadId": started["UploadId"]}
        try:
            parts: list[dict[str, Any]] = []
            digest = hashlib.sha256()
            with source.open("rb") as file:
                while chunk := file.read(_PART):
                    digest.update(chunk)
                    part: dict[str, Any] = {"PartNumber": len(parts) + 1}
                    checksum = _base64(hashlib.sha256(chunk).hexdigest())
                    sent = self._bucket.ask(
                        "upload_part",
                        place,
                        what,
                        "s3:PutObject",
                        Body=chunk,
                        ChecksumSHA256=checksum,
                        **upload,
                        **part,
                    )
                    parts.append(part | {"ETag": sent["ETag"], "ChecksumSHA256": checksum})
            _require(key, digest.hexdigest(), sha256)
            self._bucket.ask(
                "complete_multipart_upload",
                place,
                what,
                "s3:PutObject",
                MultipartUpload={"Parts": parts},
                **upload,
            )
        except BaseException:
            # Parts nobody completes are paid for and seen by nobody.
            self._bucket.quietly("abort_multipart_upload", place, **upload)
            raise

    def _place(self, key: str) -> str:
        inner = "/".join(parts_of(key, self.name))
        return (self._state if is_state(inner) else self._dags) + inner


def _require(key: str, found: str, sha256: str) -> None:
    if found != sha256:
        raise UnfinishedError(
            f"Could not write `{key}`: it changed while it was copied",
            hint="Run the same command again",
            state="What is live did not change",
        )


def _base64(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()
