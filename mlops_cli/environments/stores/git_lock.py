"""A lock in a git repository: a ref that only moves forward, one commit for each change of hands.

It keeps deploys from disturbing each other. What keeps them from losing each other's work is the
push itself, which names the commit it builds on; so a clock that is wrong costs a wait, no more.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any, Final

from .holder import holder, myself, read
from .lease import LeasedLock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_cli.core.clock import Clock
    from mlops_cli.environments.port import Holder

    from .git_mirror import Mirror

_ATTEMPTS: Final = 6


class GitLease(LeasedLock):
    """A lock that is held, as the tip of a ref."""

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
        super().__init__(store, lease_seconds)
        self._mirror = mirror
        self._ref = ref
        self._clock = clock
        self._me = myself(what) | {"id": secrets.token_hex(16), "lease_seconds": lease_seconds}

    def acquire(self) -> None:
        """Take the lock and keep renewing it; see `GitStore.lock` for what is raised."""
        for _ in range(_ATTEMPTS):
            tip, told, age = self._look()
            if told and age <= self._lasts(told):
                raise self._held(told, age)
            if made := self._move(tip, self._me):
                self.taken_over = holder(told) if told else None
                self._hold(made)
                return
        raise self._contended()

    def check(self) -> None:
        """Raise ConflictError when the lock is no longer ours."""
        with self._guard:
            there = self._mirror.refs(self._ref).get(self._ref)
            if there is None or there != self._mark:
                raise self._lost(None)

    def break_open(self) -> Holder | None:
        """Free the lock, whoever holds it; who that was."""
        tip, told, _ = self._look()
        if not told:
            return None
        self._move(tip, {})
        return holder(told)

    def _renewed(self, mark: str) -> str | None:
        return self._move(mark, self._me)

    def _free(self, mark: str) -> None:
        self._move(mark, {})

    def _move(self, tip: str | None, told: Mapping[str, Any]) -> str | None:
        """Put the next commit on the ref; None: somebody else did."""
        # Forward only: many repositories refuse to delete or to rewind a ref.
        commit = self._mirror.commit(tip, {}, json.dumps(told, indent=1))
        return commit if self._mirror.push([(self._ref, commit, tip)]) else None

    def _look(self) -> tuple[str | None, Mapping[str, Any], float]:
        """The ref's commit, what it says (nothing: free) and its age in seconds."""
        tip = self._mirror.fetch(self._ref).get(self._ref)
        if tip is None:
            return None, {}, 0.0
        message, made = self._mirror.message(tip)
        return tip, read(message), self._clock.now().timestamp() - made
