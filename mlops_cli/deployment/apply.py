"""Uploads a release beside the live one and flips the pointer: the deploy is that one write."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from mlops_cli.core.creator import creator
from mlops_cli.core.errors import ConflictError, MlopsError
from mlops_cli.environments import record
from mlops_cli.environments.release import loader

from . import retention
from .plan import removed
from .upload import upload

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.open import Environment
    from mlops_cli.environments.port import Store
    from mlops_cli.environments.record import Live
    from mlops_cli.environments.release.build import Release
    from mlops_cli.environments.release.manifest import Manifest

    from .plan import Plan

# A node that syncs by size and time must see each new pointer as changed.
_POINTERS_REMEMBERED: Final = 5
# From Ctrl-C to the end: two seconds, of which the process itself needs some.
_PATIENCE_SECONDS: Final = 1.6
_SINCE: Final = "_since"
ACTIONS: Final = ("deploy", "rollback")
"""The entries of the history that moved the pointer."""


@dataclass(frozen=True, slots=True)
class Applied:
    """What making a release live took."""

    uploaded: int
    """Objects that had to be written."""
    paused: tuple[str, ...]
    """DAGs that the release has no more, and that ran until now."""


def apply(
    made: Plan,
    staged: Release,
    environment: Environment,
    *,
    progress: Progress,
    clock: Clock,
    last_look: Callable[[], None] = lambda: None,
) -> Applied:
    """Make the staged release live.

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
        there = store.list(f"{loader.RELEASES}/")
        count = upload(store, staged, described, there)
        last_look()
        # A live release whose files were damaged is repaired under its own name.
        previous = made.live if live is None or made.live != staged.id else live.previous
        with pausing(environment, removed(made)) as paused:
            check()
            flip(store, described, previous=previous, live=live, action="deploy", clock=clock)
        retention.collect(store, there, kept={staged.id, previous}, clock=clock)
    return Applied(count, paused)


def flip(
    store: Store,
    described: Manifest,
    *,
    previous: str | None,
    live: Live | None,
    action: str,
    clock: Clock,
) -> None:
    """Write the pointer, if it still is the one we know, and the history."""
    if live is not None and live.sizes is not None:
        lengths = [*live.sizes, live.size]
    else:
        past = record.history(store, last=_POINTERS_REMEMBERED)
        lengths = [entry.pointer_size for entry in past if entry.pointer_size]
        lengths += [live.size] if live else []
    text = loader.pointer(
        described.project, described.package, described.release, previous, lengths=lengths
    )
    expected = live.etag if live else None
    store.swap(loader.pointer_key(described.project), text, expected=expected)
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
        try:
            yield lease.check
        except (KeyboardInterrupt, SystemExit) as stop:
            stop.__dict__.setdefault(_SINCE, time.monotonic())
            raise


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
    except (KeyboardInterrupt, SystemExit) as stop:
        # Who asks a second time has no time for more words.
        if not isinstance(stop.__context__, (KeyboardInterrupt, SystemExit)):
            progress.note(_soon(environment, project, since=stop.__dict__.get(_SINCE)))
        raise


def what_is_live(environment: Environment, project: str) -> str:
    """One sentence on the live release."""
    with suppress(MlopsError):
        live = record.live(environment.store, project)
        if live is None:
            return f"nothing of `{project}` is live in `{environment.name}`"
        return f"release `{live.current}` is live in `{environment.name}`"
    return f"what is live in `{environment.name}` could not be read"


def _soon(environment: Environment, project: str, *, since: float | None) -> str:
    """What is live, unless that takes longer than whoever pressed Ctrl-C shall wait in all."""
    found: list[str] = []
    look = threading.Thread(
        target=lambda: found.append(what_is_live(environment, project)), daemon=True
    )
    look.start()
    look.join(max(0.3, _PATIENCE_SECONDS - (time.monotonic() - since if since else 0.0)))
    seen = f"`mlops releases --env {environment.name}` says what is live"
    return found[0] if found else f"{environment.store.name} does not answer: {seen}"


def pause(environment: Environment, dag_ids: Iterable[str]) -> tuple[str, ...]:
    """Pause DAGs that go; those that were there and not paused.

    The scheduler sees them for minutes yet: they must not start a run in them.
    """
    api, found = environment.api, []
    for dag_id in dag_ids:
        if api and (info := api.dag(dag_id)) and not info.is_paused:
            api.set_paused(dag_id, paused=True)
            found.append(dag_id)
    return tuple(found)


def unpause(environment: Environment, dag_ids: Iterable[str]) -> tuple[str, ...]:
    """Let DAGs that were paused for nothing run again; those that could not be."""
    api, left = environment.api, []
    for dag_id in dag_ids:
        try:
            if api:
                api.set_paused(dag_id, paused=False)
        except MlopsError:
            left.append(dag_id)
    return tuple(left)


@contextmanager
def pausing(environment: Environment, dag_ids: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Pause DAGs that go with the move of the pointer inside; if it is lost, they stay and run."""
    paused = pause(environment, dag_ids)
    try:
        yield paused
    except ConflictError:
        unpause(environment, paused)
        raise
