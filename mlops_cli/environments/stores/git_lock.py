"""A lock in a git repository: a ref that only moves forward, one commit for each change of hands.

It keeps deploys from disturbing each other. What keeps them from losing each other's work is the
push itself, which names the commit it builds on; so a clock that is wrong costs a wait, no more.
"""

from __future__ import annotations

import json
import secrets
import threading
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import ConflictError, MlopsError

from .holder import held, holder, myself, read

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_cli.core.clock import Clock
    from mlops_cli.environments.port import Holder

    from .git_mirror import Mirror

LEASE_SECONDS: Final = 120.0
_ATTEMPTS: Final = 6


class GitLease:
    """A lock that is held; `taken_over` is the dead holder it was taken from."""

    def __init__(
        self,
        mirror: Mirror,
        ref: str,
        what: str,
        *,
        store: str,
        clock: Clock,
        lease_seconds: float,
    ) -> None:
        self.taken_over: Holder | None = None
        self._mirror = mirror
        self._ref = ref
        self._store = store
        self._clock = clock
        self._lease = lease_seconds
        self._me = myself(what) | {"id": secrets.token_hex(16), "lease_seconds": lease_seconds}
        self._tip: str | None = None
        self._guard = threading.Lock()
        self._over = threading.Event()

    def acquire(self) -> None:
        """Take the lock and keep renewing it; see `GitStore.lock` for what is raised."""
        for _ in range(_ATTEMPTS):
            tip, told, age = self._look()
            if told and age <= min(_seconds(told, self._lease), self._lease):
                left = max(1, round(self._lease - age))
                raise held(
                    self._store,
                    holder(told),
                    "Wait until it is done; if that process is dead, the lock ends by itself "
                    f"within {left} s, or at once with `mlops unlock`",
                )
            if self._move(tip, self._me):
                self.taken_over = holder(told) if told else None
                threading.Thread(target=self._renew, daemon=True).start()
                return
        raise ConflictError(
            f"Could not lock {self._store}: others keep taking it first",
            hint="Run the same command again in a minute",
        )

    def check(self) -> None:
        """Raise ConflictError when the lock is no longer ours."""
        with self._guard:
            there = self._mirror.refs(self._ref).get(self._ref)
            if there is not None and there == self._tip:
                return
        raise ConflictError(
            f"Could not go on: the lock of {self._store} was taken by somebody",
            hint="Run the same command again",
            state="What is live did not change",
        )

    def release(self, *, patience_seconds: float) -> None:
        """Give the lock back, if it still is ours; without an answer it runs out by itself."""
        self._over.set()
        last = threading.Thread(target=self._give_back, daemon=True)
        last.start()
        last.join(patience_seconds)

    def break_open(self) -> Holder | None:
        """Free the lock, whoever holds it; who that was."""
        tip, told, _ = self._look()
        if not told:
            return None
        self._move(tip, {})
        return holder(told)

    def _give_back(self) -> None:
        with self._guard:
            try:
                if self._tip is not None:
                    self._move(self._tip, {})
            except MlopsError:
                return

    def _renew(self) -> None:
        while not self._over.wait(self._lease / 3):
            with self._guard:
                if self._over.is_set() or self._tip is None:
                    return
                try:
                    if not self._move(self._tip, self._me):
                        self._tip = None
                except MlopsError:
                    continue  # while the lease lasts, the next attempt may come through

    def _move(self, tip: str | None, told: Mapping[str, Any]) -> bool:
        """Put the next commit on the ref; False: somebody else did."""
        # Forward only: many repositories refuse to delete or to rewind a ref.
        commit = self._mirror.commit(tip, {}, json.dumps(told, indent=1))
        if not self._mirror.push([(self._ref, commit, tip)]):
            return False
        self._tip = commit
        return True

    def _look(self) -> tuple[str | None, Mapping[str, Any], float]:
        """The ref's commit, what it says (nothing: free) and its age in seconds."""
        tip = self._mirror.fetch(self._ref).get(self._ref)
        if tip is None:
            return None, {}, 0.0
        message, made = self._mirror.message(tip)
        return tip, read(message), self._clock.now().timestamp() - made


def _seconds(told: Mapping[str, Any], usual: float) -> float:
    lease = told.get("lease_seconds")
    return float(lease) if isinstance(lease, (int, float)) else usual
