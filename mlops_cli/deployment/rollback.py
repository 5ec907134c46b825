"""Makes an older release live again: one write, no upload."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from mlops_cli.core.errors import (
    ConflictError,
    FailedError,
    MlopsError,
    UnfinishedError,
    UsageError,
)
from mlops_cli.core.redact import printable
from mlops_cli.environments import record
from mlops_cli.environments.interpreters import PROJECT_LOCK, project_interpreter
from mlops_cli.environments.open import open_environment
from mlops_cli.environments.release import loader

from .apply import (
    ACTIONS,
    flip,
    locked,
    note,
    pausing,
    saying_what_is_live,
    unpause,
    what_is_live,
)
from .confirm import confirm, known_failures, usual_deadline
from .installation import not_installed, require_proved_with

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.open import Environment
    from mlops_cli.environments.port import Store
    from mlops_cli.environments.release.manifest import Manifest
    from mlops_cli.project.model import Project

    from .plan import Plan


_HISTORY_READ: Final = 20


@dataclass(frozen=True, slots=True)
class Rollback:
    """An older release that is live again, as Airflow itself says."""

    project: str
    environment: str
    release: str
    replaced: str
    confirmed_seconds: float
    paused: tuple[str, ...] = ()
    """DAGs of the release that are paused in that Airflow: no schedule and no asset starts them."""


@dataclass(frozen=True, slots=True)
class StoredRelease:
    """A release that could be made live."""

    release: str
    state: str
    """`live`, `previous`, `stored`, or `incomplete` when an upload never finished."""
    made: datetime | None
    by: str | None
    commit: str | None


@dataclass(frozen=True, slots=True)
class ReleaseList:
    """The releases of a project in an environment, the newest first."""

    project: str
    environment: str
    releases: tuple[StoredRelease, ...]


def rollback(
    project: Project,
    environment: str,
    *,
    to: str | None,
    deadline_seconds: float | None,
    progress: Progress,
    clock: Clock,
) -> Rollback:
    """Make an older release live, by default the one before.

    Without a deadline, Airflow gets as long as it usually may take.

    Raises:
        ConflictError: There is no such release, it is not there in full, or it was proved with
            other files of `mwaa/` than are installed now.
        FailedError: Airflow cannot import it.
        UnfinishedError: It was not seen live in time.
    """
    project = project.within(environment)
    opened = open_environment(project, environment, start=True, progress=progress, clock=clock)
    return roll_back(
        project.name,
        opened,
        to=to,
        deadline_seconds=deadline_seconds or usual_deadline(opened),
        progress=progress,
        clock=clock,
    )


def roll_back(
    project: str,
    opened: Environment,
    *,
    to: str | None,
    deadline_seconds: float,
    progress: Progress,
    clock: Clock,
) -> Rollback:
    """Move the pointer to an older release; see `rollback` for what is raised."""
    store, api, environment = opened.store, opened.airflow, opened.name
    with saying_what_is_live(opened, project, progress):
        with locked(store, f"rollback {project}", progress):
            live = record.live(store, project)
            if live is None:
                raise ConflictError(
                    f"Could not roll back: nothing of `{project}` is live",
                    hint=f"Deploy it: `mlops deploy --env {environment}`",
                )
            replaced = live.current
            if to in (None, live.current) and (begun := _unfinished(store, live)):
                described = _standing(store, live, environment)
                replaced = live.previous or live.current
                if begun == "untold":
                    note(opened, described, "rollback", clock=clock)
            else:
                described = _complete(store, to or live.previous, live, environment)
                require_proved_with(described, opened, progress=progress)
            _have_environment(opened, described, progress)
            known = known_failures(api, project)
            if described.release != live.current:
                _move(opened, described, live, progress=progress, clock=clock)
        with progress.step(f"Waiting for Airflow to load {described.release}"):
            try:
                most = deadline_seconds
                seen = confirm(opened, described, known=known, deadline_seconds=most, clock=clock)
            except FailedError:
                note(opened, described, "failed", clock=clock)
                raise
            except UnfinishedError as error:
                error.hint = (
                    f"Run it again: `mlops rollback --env {environment} --to {described.release}`"
                )
                raise
        note(opened, described, "confirmed", clock=clock)
    return Rollback(project, environment, described.release, replaced, seen.seconds, seen.paused)


def _unfinished(store: Store, live: record.Live) -> Literal["told", "untold"] | None:
    """Whether a rollback made the release live, and nobody has learned yet what Airflow says.

    `untold`: it was cut off right after its one write, so that the history lacks it.
    """
    entries = record.history(store, last=_HISTORY_READ)
    moves = [number for number, entry in enumerate(entries) if entry.action in ACTIONS]
    if not moves:
        return None
    newest = entries[moves[-1]]
    if newest.release != live.current:
        # Only a rollback makes a release live that was so before.
        return "untold" if any(entries[n].release == live.current for n in moves) else None
    told = {entry.action for entry in entries[moves[-1] + 1 :]}
    return "told" if newest.action == "rollback" and not told & {"confirmed", "failed"} else None


def _standing(store: Store, live: record.Live, environment: str) -> Manifest:
    described = record.read_manifest(store, live.current)
    if described is None:
        raise ConflictError(
            f"Could not go on with the rollback: the manifest of `{live.current}` cannot be read",
            hint=f"Choose another of `mlops releases --env {environment}`",
        )
    return described


def _move(
    opened: Environment,
    described: Manifest,
    live: record.Live,
    *,
    progress: Progress,
    clock: Clock,
) -> None:
    leaving = record.read_manifest(opened.store, live.current)
    gone = {*(leaving.dag_ids if leaving else ())} - {*described.dag_ids}
    with pausing(opened, sorted(gone)) as paused:
        flip(
            opened.store,
            described,
            previous=live.current,
            live=live,
            action="rollback",
            clock=clock,
        )
    for dag_id in paused:
        progress.note(f"Paused {dag_id}, which `{described.release}` does not have")


def undo(
    environment: Environment,
    made: Plan,
    broken: Manifest,
    *,
    paused: Iterable[str] = (),
    progress: Progress,
    clock: Clock,
) -> str:
    """Take back a release Airflow could not load, unless somebody deployed since; what is live."""
    store = environment.store
    try:
        with locked(store, f"undo {broken.release}", progress):
            live = record.live(store, made.project)
            if live is None or live.current != broken.release or made.live == broken.release:
                return what_is_live(environment, made.project)
            before = record.read_manifest(store, made.live) if made.live else None
            if before is None:
                store.delete([loader.pointer_key(made.project)])
                return f"`{broken.release}` was taken back: nothing of `{made.project}` is live"
            flip(
                store,
                before,
                previous=made.previous,
                live=live,
                action="rollback",
                clock=clock,
            )
        still = unpause(environment, paused)
        # What does not import runs nothing at all: what may run in part is better.
        other = not_installed(before.mwaa, environment)
    except MlopsError as error:
        return f"{what_is_live(environment, made.project)}; taking it back failed: {error.message}"
    but = f"; it was proved with other {', '.join(other)} than are installed" if other else ""
    but += (
        f"; {', '.join(f'`{dag_id}`' for dag_id in still)} could not be unpaused" if still else ""
    )
    return f"rolled back to release `{before.release}`, which is live{but}"


def releases(
    project: Project, environment: str, *, progress: Progress, clock: Clock
) -> ReleaseList:
    """The releases a project has in an environment. Reads only."""
    project = project.within(environment)
    opened = open_environment(project, environment, start=False, progress=progress, clock=clock)
    return stored_releases(project.name, opened)


def stored_releases(project: str, opened: Environment) -> ReleaseList:
    """The releases of a project in the environment's store."""
    store = opened.store
    live = record.live(store, project)
    found = []
    for release in record.releases(store):
        described = record.read_manifest(store, release)
        state = "stored"
        if described is None or record.missing(store, described):
            state = "incomplete"
        elif live and release in (live.current, live.previous):
            state = "live" if release == live.current else "previous"
        found.append(
            StoredRelease(
                release,
                state,
                described.created_at if described else None,
                described.created_by if described else None,
                described.commit if described else None,
            )
        )
    return ReleaseList(project, opened.name, tuple(found))


def _have_environment(opened: Environment, described: Manifest, progress: Progress) -> None:
    """Where the steps run on this machine, they need what that release's own lock names."""
    if opened.kind != "local":
        return
    lock = opened.store.read(record.release_key(described.release, PROJECT_LOCK))
    if lock is None or not lock.data.strip():
        return
    with tempfile.TemporaryDirectory(prefix="mlops-lock-") as folder:
        (Path(folder) / PROJECT_LOCK).write_bytes(lock.data)
        project_interpreter(Path(folder), progress=progress)


def _complete(store: Store, release: str | None, live: record.Live, environment: str) -> Manifest:
    if release == live.current:
        raise UsageError(f"Could not roll back to `{release}`: it is live")
    # Asked of the list, so that what is typed never becomes part of a path.
    known = release in record.releases(store)
    described = record.read_manifest(store, release) if release and known else None
    if described is not None and not record.missing(store, described):
        return described
    whole = [name for name in record.releases(store) if name != live.current]
    what = "there is no release before it"
    if release:
        what = f"`{printable(release)}` is not there in full"
    raise ConflictError(
        f"Could not roll back from `{live.current}`: {what}",
        hint=f"Choose one of `mlops releases --env {environment}`"
        if whole
        else f"Deploy the older commit: `git checkout COMMIT`, `mlops deploy --env {environment}`",
    )
