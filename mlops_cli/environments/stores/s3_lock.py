"""A lock in a bucket: a lease by the server's clock, renewed while its holder lives."""

from __future__ import annotations

import json
import secrets
import threading
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import ConflictError, MlopsError, NotAllowedError
from mlops_cli.environments.aws import RefusedError

from .bucket import GONE, IMPOSSIBLE, TAKEN, UNKNOWN, Bucket
from .holder import held, holder, myself, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_cli.core.clock import Clock
    from mlops_cli.environments.port import Holder

LEASE_SECONDS: Final = 120.0
_ATTEMPTS: Final = 5


@dataclass(frozen=True, slots=True)
class _Found:
    """The lock as it is now."""

    etag: str
    told: Mapping[str, Any]
    age_seconds: float
    """By the server's own clock: ours may be wrong."""


class S3Lease:
    """A lock that is held; `taken_over` is the dead holder it was taken from.

    The holder renews it every third of the lease. Whoever finds it older than that may take it.
    """

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
        self.taken_over: Holder | None = None
        self._bucket = bucket
        self._place = place
        self._id = secrets.token_hex(16)
        self._body = json.dumps(
            myself(what) | {"id": self._id, "lease_seconds": lease_seconds}
        ).encode()
        self._clock = clock
        self._lease = lease_seconds
        self._unsafe = unsafe
        self._etag: str | None = None
        self._guard = threading.Lock()
        self._over = threading.Event()

    def acquire(self) -> None:
        """Take the lock and keep renewing it; see `S3Store.lock` for what is raised."""
        for _ in range(_ATTEMPTS):
            etag = self._write(None)
            found = None if etag else self._look()
            if etag is None and found is not None:
                if found.told.get("id") == self._id:  # the reply to our first attempt was lost
                    etag = found.etag
                elif found.age_seconds <= _lease(found.told, self._lease):
                    raise self._held(found)
                elif etag := self._write(found.etag):
                    self.taken_over = holder(found.told)
            if etag is not None:
                self._etag = etag
                self._probe()
                threading.Thread(target=self._renew, daemon=True).start()
                return
        raise ConflictError(
            f"Could not lock {self._bucket.name}: others keep taking it first",
            hint="Run the same command again in a minute",
        )

    def check(self) -> None:
        """Raise ConflictError when the lock is no longer ours."""
        with self._guard:
            found = self._look()
            if found is not None and found.told.get("id") == self._id:
                self._etag = found.etag
                return
        taken = holder(found.told) if found else None
        by = f" by {taken.who} on {taken.host}, for `{taken.what}`" if taken else ""
        raise ConflictError(
            f"Could not go on: the lock of {self._bucket.name} was taken{by}",
            hint="Run the same command again",
            state="What is live did not change",
        )

    def release(self, *, patience_seconds: float) -> None:
        """Give the lock back, if it still is ours; without an answer it runs out by itself."""
        self._over.set()
        # Apart, because nobody should have to wait for a server that does not answer.
        last = threading.Thread(target=self._give_back, daemon=True)
        last.start()
        last.join(patience_seconds)

    def break_open(self) -> Holder | None:
        """Delete the lock, whoever holds it; who that was."""
        found = self._look()
        if found is None:
            return None
        self._delete(found.etag)
        return holder(found.told)

    def _give_back(self) -> None:
        with self._guard:
            try:
                if self._etag is not None:
                    self._delete(self._etag)
            except MlopsError:
                return

    def _delete(self, etag: str) -> None:
        what = "unlock"
        try:
            self._bucket.ask(
                "delete_object",
                self._place,
                what,
                expected=(*TAKEN, *GONE, *UNKNOWN),
                IfMatch=etag,
            )
        except RefusedError as error:
            # A store that cannot delete on a condition is at least asked whose lock it is.
            now = self._look() if error.code in UNKNOWN else None
            if now is not None and now.etag == etag:
                self._bucket.ask("delete_object", self._place, what)

    def _renew(self) -> None:
        while not self._over.wait(self._lease / 3):
            with self._guard:
                if self._over.is_set() or self._etag is None:
                    return
                try:
                    renewed = self._write(self._etag)
                    if renewed is None:
                        now = self._look()
                        ours = now is not None and now.told.get("id") == self._id
                        renewed = now.etag if now is not None and ours else None
                except MlopsError:
                    continue  # while the lease lasts, the next attempt may come through
                self._etag = renewed

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

    def _held(self, found: _Found) -> ConflictError:
        left = max(1, round(_lease(found.told, self._lease) - found.age_seconds))
        return held(
            self._bucket.name,
            holder(found.told),
            "Wait until it is done; if that process is dead, the lock ends by itself within "
            f"{left} s, or at once with `mlops unlock`",
        )


def _lease(told: Mapping[str, Any], usual: float) -> float:
    # Never longer than ours: a file somebody edited must not lock everybody out for good.
    lease = told.get("lease_seconds")
    return min(float(lease), usual) if isinstance(lease, (int, float)) else usual
