"""Uploads a release beside the live one and flips the pointer: the deploy is that one write."""

from __future__ import annotations

import hashlib
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import ConflictError, MlopsError, UnfinishedError
from mlops_cli.environments import record
from mlops_cli.environments.port import Upload
from mlops_cli.environments.release import loader, manifest
from mlops_cli.environments.release.build import creator

from . import retention, shapes
from .plan import removed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.open import Environment
    from mlops_cli.environments.port import Store
    from mlops_cli.environments.release.build import Release
    from mlops_cli.environments.release.manifest import Manifest

    from .plan import Plan

# A node that syncs by size and time must see each new pointer as changed.
_POINTERS_REMEMBERED: Final = 5
ACTIONS: Final = ("deploy", "rollback")
"""The entries of the history that moved the pointer."""


def apply(
    made: Plan,
    staged: Release,
    environment: Environment,
    *,
    progress: Progress,
    clock: Clock,
    last_look: Callable[[], None] = lambda: None,
) -> int:
    """Make the staged release live; how many files had to be uploaded.

    Whatever interrupts it leaves the old release live or the new one, and the same call again
    uploads only what is missing.

    Args:
        made: The plan.
        staged: The release, on this disk.
        environment: Where it goes.
        progress: Told what happens.
        clock: For the history.
        last_look: Called right before the flip; what it raises leaves the old release live.

    Raises:
        ConflictError: Somebody else deploys now, or has deployed since the plan was made.
        UnfinishedError: The store does not hold what was uploaded.
    """
    store = environment.store
    with locked(store, f"deploy {made.project} {made.release}", progress) as check:
        live = record.live(store, made.project)
        if (live.etag if live else None) != made.base:
            raise ConflictError(
                f"Could not deploy `{made.release}`: another release went live meanwhile",
                hint=f"Look again: `mlops deploy --env {made.environment} --dry-run`",
            )
        described = replace(staged.manifest, previous=made.live)
        count = upload(store, staged, described)
        last_look()
        _pause_removed(made, environment)
        check()
        flip(
            store,
            described,
            # A live release whose files were damaged is repaired under its own name.
            previous=made.live if live is None or made.live != staged.id else live.previous,
            expected=made.base,
            action="deploy",
            clock=clock,
        )
        retention.collect(store, made.project, clock=clock)
    return count


def upload(store: Store, staged: Release, described: Manifest) -> int:
    """Bring what is missing into the store, the manifest last; how many files that were.

    Raises:
        UnfinishedError: The store does not hold what was uploaded.
    """
    _put(store, loader.IGNORE, loader.IGNORED.encode())
    stored = record.read_manifest(store, staged.id)
    if stored is not None and not record.missing(store, stored):
        return 0
    # Settings name the commit, which may be another one than that of an attempt before.
    wanted = dict.fromkeys([*record.missing(store, described), "settings.json"])
    uploads = [
        Upload(
            record.release_key(staged.id, path), staged.root / path, described.files[path].sha256
        )
        for path in wanted
    ]
    kept = staged.root / shapes.NAME
    if kept.is_file():
        sha256 = hashlib.sha256(kept.read_bytes()).hexdigest()
        uploads.append(Upload(record.release_key(staged.id, shapes.NAME), kept, sha256))
    store.put_all(uploads)
    left = record.missing(store, described)
    if left:
        raise UnfinishedError(
            f"Could not upload `{staged.id}`: `{left[0]}` is not there in full",
            hint="Run the same command again",
        )
    _put(store, record.release_key(staged.id, manifest.NAME), described.dumps())
    return len(wanted) + 1


def flip(
    store: Store,
    described: Manifest,
    *,
    previous: str | None,
    expected: str | None,
    action: str,
    clock: Clock,
) -> None:
    """Write the pointer, if it still is the one we know, and the history."""
    past = record.history(store, last=_POINTERS_REMEMBERED)
    lengths = {entry.pointer_size for entry in past if entry.pointer_size}
    key = loader.pointer_key(described.project)
    if now := store.read(key):
        lengths.add(len(now.data))
    text = loader.pointer(
        described.project, described.package, described.release, previous, lengths=lengths
    )
    store.swap(key, text, expected=expected)
    record.append(
        store,
        record.Entry(
            action=action,
            release=described.release,
            previous=previous,
            by=creator(),
            at=clock.now(),
            commit=described.commit,
            pointer_size=len(text),
        ),
    )


def note(environment: Environment, described: Manifest, action: str, *, clock: Clock) -> None:
    """Add to the history what became of a release; the pointer stays where it is."""
    record.append(
        environment.store,
        record.Entry(
            action=action,
            release=described.release,
            previous=None,
            by=creator(),
            at=clock.now(),
            commit=described.commit,
        ),
    )


@contextmanager
def locked(store: Store, what: str, progress: Progress) -> Iterator[Callable[[], None]]:
    """Hold the store's lock; says so when it was a dead holder's."""
    with store.lock(what) as lease:
        if dead := lease.taken_over:
            progress.note(
                f"Took over the lock of {dead.who} on {dead.host} (process {dead.pid}, "
                f"`{dead.what}`), which is dead"
            )
        yield lease.check


@contextmanager
def saying_what_is_live(
    environment: Environment, project: str, progress: Progress
) -> Iterator[None]:
    """Whatever ends the work inside early, the user learns what is live now."""
    try:
        yield
    except MlopsError as error:
        error.state = error.state or what_is_live(environment, project)
        raise
    except (KeyboardInterrupt, SystemExit):
        progress.note(what_is_live(environment, project))
        raise


def what_is_live(environment: Environment, project: str) -> str:
    """One sentence on the live release."""
    with suppress(MlopsError):
        live = record.live(environment.store, project)
        if live is None:
            return f"nothing of `{project}` is live in `{environment.name}`"
        return f"release `{live.current}` is live in `{environment.name}`"
    return f"what is live in `{environment.name}` could not be read"


def _put(store: Store, key: str, data: bytes) -> None:
    there = store.read(key)
    if there is None or there.data != data:
        store.put(key, data, sha256=hashlib.sha256(data).hexdigest())


def _pause_removed(made: Plan, environment: Environment) -> None:
    # A removed DAG stays visible to the scheduler for minutes; it must not start a run in them.
    for dag_id in removed(made):
        if environment.api and environment.api.dag(dag_id):
            environment.api.set_paused(dag_id, paused=True)
