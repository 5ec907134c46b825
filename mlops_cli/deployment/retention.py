"""Removes releases nobody needs any more, under the lock of a later deploy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from mlops_cli.environments import record
from mlops_cli.environments.release import manifest

if TYPE_CHECKING:
    from mlops_cli.core.clock import Clock
    from mlops_cli.environments.port import Store

KEEP: Final = 5
# A run that began under an older release may still read its files.
_GRACE: Final = timedelta(hours=24)


def collect(store: Store, project: str, *, clock: Clock) -> tuple[str, ...]:
    """Delete all but the newest five releases, the live two and those of the last day."""
    live = record.live(store, project)
    kept = {live.current, live.previous} if live else set()
    gone = []
    for release in record.releases(store)[KEEP:]:
        made = _made(release)
        if release in kept or made is None or clock.now() - made < _GRACE:
            continue
        # The manifest goes first: half a release must not look like a whole one.
        store.delete([record.release_key(release, manifest.NAME)])
        store.delete(store.list(record.release_key(release)))
        gone.append(release)
    return tuple(gone)


def _made(release: str) -> datetime | None:
    try:
        stamp = release.partition("-")[0]
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
