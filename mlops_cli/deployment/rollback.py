"""Makes an older release live again: one write, no upload."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_cli.core.errors import ConflictError, MlopsError, UsageError
from mlops_cli.core.redact import printable
from mlops_cli.environments import record
from mlops_cli.environments.interpreters import PROJECT_LOCK, project_interpreter
from mlops_cli.environments.open import open_environment
from mlops_cli.environments.release import loader

from .apply import flip, locked, note, pause, saying_what_is_live, what_is_live
from .confirm import confirm, known_failures, poll_seconds, usual_deadline
from .installation import not_installed, require_proved_with

if TYPE_CHECKING:
    from datetime import datetime

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.open import Environment
    from mlops_cli.environments.port import Store
    from mlops_cli.environments.release.manifest import Manifest
    from mlops_cli.project.model import Project

    from .plan import Plan


@dataclass(frozen=True, slots=True)
class Rollback:
    """An older release that is live again, as Airflow itself says."""

    project: str
    environment: str
    release: str
    replaced: str
    confirmed_seconds: float


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
            described = _complete(store, to or live.previous, live, environment)
            require_proved_with(described, opened, progress=progress)
            _have_environment(opened, described, progress)
            known = known_failures(api, project)
            leaving = record.read_manifest(store, live.current)
            gone = {*(leaving.dag_ids if leaving else ())} - {*described.dag_ids}
            for dag_id in pause(opened, sorted(gone)):
                progress.note(f"Paused {dag_id}, which `{described.release}` does not have")
            flip(
                store,
                described,
                previous=live.current,
                live=live,
                action="rollback",
                clock=clock,
            )
        with progress.step(f"Waiting for Airflow to load {described.release}"):
            took = confirm(
                api,
                described,
                known=known,
                deadline_seconds=deadline_seconds,
                clock=clock,
                pause_seconds=poll_seconds(opened),
                release_at=store.release_at,
            )
        note(opened, described, "confirmed", clock=clock)
    return Rollback(project, environment, described.release, live.current, took)


def undo(
    environment: Environment, made: Plan, broken: Manifest, *, progress: Progress, clock: Clock
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
        # What does not import runs nothing at all: what may run in part is better.
        other = not_installed(before.mwaa, environment)
    except MlopsError as error:
        return f"{what_is_live(environment, made.project)}; taking it back failed: {error.message}"
    but = f"; it was proved with other {', '.join(other)} than are installed" if other else ""
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
