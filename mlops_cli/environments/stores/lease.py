"""What every lock with a lease does: renew it while its holder works, then give it back."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import ConflictError, MlopsError

from .holder import held, holder

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_cli.environments.port import Holder

# By whole seconds of the server's clock, and for who tries again now and then: two minutes.
LEASE_SECONDS: Final = 110.0


class LeasedLock(ABC):
    """A lock that is held; `taken_over` is the dead holder it was taken from.

    The holder renews it every third of the lease. Whoever finds it older than that may take it.
    """

    def __init__(self, store: str, lease_seconds: float) -> None:
        self.taken_over: Holder | None = None
        self._store = store
        self._lease = lease_seconds
        self._mark: str | None = None
        """What changes with each write of the lock; None when it is no longer ours."""
        self._guard = threading.Lock()
        self._over = threading.Event()

    @abstractmethod
    def _renewed(self, mark: str) -> str | None:
        """Write the lock again; its new mark, or None when somebody else has it."""

    @abstractmethod
    def _free(self, mark: str) -> None:
        """Give the lock up, if it still has this mark."""

    def release(self, *, patience_seconds: float) -> None:
        """Give the lock back, if it still is ours; without an answer it runs out by itself."""
        self._over.set()
        # Apart, because nobody should have to wait for a server that does not answer.
        last = threading.Thread(target=self._give_back, daemon=True)
        last.start()
        last.join(patience_seconds)

    def _hold(self, mark: str) -> None:
        """Keep renewing the lock from now on."""
        self._mark = mark
        threading.Thread(target=self._keep, daemon=True).start()

    def _keep(self) -> None:
        while not self._over.wait(self._lease / 3):
            with self._guard:
                if self._over.is_set() or self._mark is None:
                    return
                try:
                    self._mark = self._renewed(self._mark)
                except MlopsError:
                    continue  # while the lease lasts, the next attempt may come through

    def _give_back(self) -> None:
        with self._guard:
            try:
                if self._mark is not None:
                    self._free(self._mark)
            except MlopsError:
                return

    def _lasts(self, told: Mapping[str, Any]) -> float:
        """How long a lock that says this lasts, in seconds."""
        # Never longer than ours: a lock somebody edited must not keep everybody out for good.
        lease = told.get("lease_seconds")
        return min(float(lease), self._lease) if isinstance(lease, (int, float)) else self._lease

    def _held(self, told: Mapping[str, Any], age_seconds: float) -> ConflictError:
        left = max(1, round(self._lasts(told) - age_seconds))
        return held(
            self._store,
            holder(told),
            "Wait until it is done; if that process is dead, the lock ends by itself within "
            f"{left} s, or at once with `mlops unlock --env ENV`",
        )

    def _contended(self) -> ConflictError:
        return ConflictError(
            f"Could not lock {self._store}: others keep taking it first",
            hint="Run the same command again in a minute",
        )

    def _lost(self, taken: Holder | None) -> ConflictError:
        by = f"by {taken.who} on {taken.host}, for `{taken.what}`" if taken else "by somebody"
        return ConflictError(
            f"Could not go on: the lock of {self._store} was taken {by}",
            hint="Run the same command again",
            state="What is live did not change",
        )
