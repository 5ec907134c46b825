"""A lock in a bucket: a lease by the server's clock, renewed while its holder lives."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import NotAllowedError
from mlops_cli.environments.aws import RefusedError

from .bucket import GONE, IMPOSSIBLE, TAKEN, UNKNOWN, Bucket
from .holder import holder, myself, read
from .lease import LeasedLock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_cli.core.clock import Clock
    from mlops_cli.environments.port import Holder

_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class _Found:
    """The lock as it is now."""

    etag: str
    told: Mapping[str, Any]
    age_seconds: float
    """By the server's own clock: ours may be wrong."""


class S3Lease(LeasedLock):
    """A lock that is held, as an object whose etag is known."""

    def __init__(
        self,
        bucket: Bucket,
        place: str,
        what: str,
        *,
        clock: Clock,
        lease_seconds: float,
        unsafe: bool,
    ) -> None:
        super().__init__(bucket.name, lease_seconds)
        self._bucket = bucket
        self._place = place
        self._id = secrets.token_hex(16)
        self._body = json.dumps(
            myself(what) | {"id": self._id, "lease_seconds": lease_seconds}
        ).encode()
        self._clock = clock
        self._unsafe = unsafe

    def acquire(self) -> None:
        """Take the lock and keep renewing it; see `S3Store.lock` for what is raised."""
        for _ in range(_ATTEMPTS):
            etag = self._write(None)
            found = None if etag else self._look()
            if etag is None and found is not None:
                if found.told.get("id") == self._id:  # the reply to our first attempt was lost
                    etag = found.etag
                elif found.age_seconds <= self._lasts(found.told):
                    raise self._held(found.told, found.age_seconds)
                elif etag := self._write(found.etag):
                    self.taken_over = holder(found.told)
            if etag is not None:
                self._mark = etag
                self._probe()
                self._hold(etag)
                return
        raise self._contended()

    def check(self) -> None:
        """Raise ConflictError when the lock is no longer ours."""
        with self._guard:
            found = self._look()
            if found is None or found.told.get("id") != self._id:
                raise self._lost(holder(found.told) if found else None)
            self._mark = found.etag

    def break_open(self) -> Holder | None:
        """Delete the lock, whoever holds it; who that was."""
        found = self._look()
        if found is None:
            return None
        self._free(found.etag)
        return holder(found.told)

    def _renewed(self, mark: str) -> str | None:
        if etag := self._write(mark):
            return etag
        now = self._look()
        return now.etag if now is not None and now.told.get("id") == self._id else None

    def _free(self, mark: str) -> None:
        what = "unlock"
        try:
            self._bucket.ask(
                "delete_object",
                self._place,
                what,
                expected=(*TAKEN, *GONE, *UNKNOWN),
                IfMatch=mark,
            )
        except RefusedError as error:
            # A store that cannot delete on a condition is at least asked whose lock it is.
            now = self._look() if error.code in UNKNOWN else None
            if now is not None and now.etag == mark:
                self._bucket.ask("delete_object", self._place, what)

    def _write(self, etag: str | None) -> str | None:
        """Write the lock if it is as expected; its new etag, or None when it is not."""
        condition = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        try:
            done = self._bucket.ask(
                "put_object",
                self._place,
                "lock",
                expected=(*TAKEN, *GONE),
                Body=self._body,
                **condition,
            )
        except RefusedError:
            return None
        written: str = done["ETag"]
        return written

    def _probe(self) -> None:
        """Refuse a store that takes conditions and does not heed them."""
        if self._unsafe:
            return
        absent = self._write(None)
        other = None if absent else self._write(IMPOSSIBLE)
        if absent is None and other is None:
            return
        self._bucket.quietly("delete_object", self._place)
        header = "If-None-Match" if absent else "If-Match"
        raise NotAllowedError(
            f"Could not lock {self._bucket.name}: this store cannot lock safely, "
            f"it ignores `{header}`",
            hint="Use a store that can, or take the risk that two deploys mix: `lock: unsafe` in "
            "`mlops.yaml`",
            state="Nothing was changed",
        )

    def _look(self) -> _Found | None:
        try:
            found = self._bucket.ask("get_object", self._place, "look at the lock", expected=GONE)
        except RefusedError:
            return None
        told = found["ResponseMetadata"]["HTTPHeaders"].get("date")
        # Without the server's own clock there is no age, and nothing is taken from anybody.
        now = parsedate_to_datetime(told) if told else found["LastModified"]
        age = (now - found["LastModified"]).total_seconds()
        return _Found(found["ETag"], read(found["Body"]), age)
