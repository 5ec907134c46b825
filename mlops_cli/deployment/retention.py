"""Removes releases nobody needs any more, under the lock of a later deploy."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from mlops_cli.environments import record
from mlops_cli.environments.release import manifest

if TYPE_CHECKING:
    from collections.abc import Collection

    from mlops_cli.core.clock import Clock
    from mlops_cli.environments.port import Store

KEEP: Final = 5
# A run that began under an older release may still read its files.
_GRACE: Final = timedelta(hours=24)


def collect(
    store: Store, there: Collection[str], *, kept: Collection[str | None], clock: Clock
) -> tuple[str, ...]:
    """Delete all but the newest five releases, those to be kept and those of the last day.

    Args:
        store: Where they are.
        there: The keys of all their files.
        kept: What must stay: the release that is live, which may be new, and the one before.
        clock: Tells their age.
    """
    gone = []
    releases = sorted({*record.names_in(there), *filter(None, kept)}, reverse=True)
    for release in releases[KEEP:]:
        made = _made(release)
        if release in kept or made is None or clock.now() - made < _GRACE:
            continue
        # The manifest goes first: half a release must not look like a whole one.
        store.delete([record.release_key(release, manifest.NAME)])
        store.delete([key for key in there if key.startswith(record.release_key(release))])
        gone.append(release)
    return tuple(gone)


def _made(release: str) -> datetime | None:
    try:
        stamp = release.partition("-")[0]
        return datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return None
