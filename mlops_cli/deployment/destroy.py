"""Takes a project out of an environment; and breaks a lock that somebody left."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import ConflictError, NotAllowedError
from mlops_cli.environments import record
from mlops_cli.environments.open import open_environment
from mlops_cli.environments.release import loader

from .apply import locked, saying_what_is_live
from .plan import look, running_runs

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.open import Environment
    from mlops_cli.environments.port import Holder
    from mlops_cli.project.model import Project

_OURS: Final = re.compile(rf"{loader.RELEASES}/\d{{8}}T\d{{6}}Z-[0-9a-f]{{12}}/")


@dataclass(frozen=True, slots=True)
class Destruction:
    """What would be taken away; shown before somebody has to say yes."""

    project: str
    environment: str
    target: str
    live: str | None
    dags: tuple[str, ...]
    releases: tuple[str, ...]
    running: tuple[str, ...]
    history: bool
    """The history goes too."""


@dataclass(frozen=True, slots=True)
class Destroyed:
    """What was taken away."""

    project: str
    environment: str
    target: str
    paused: tuple[str, ...]
    """DAGs that were paused; Airflow shows them a few minutes more, and keeps their history."""
    releases: tuple[str, ...]
    deleted: int
    left: tuple[str, ...]
    """Files there that are not ours."""
    history_kept: bool


@dataclass(frozen=True, slots=True)
class Unlocked:
    """Who held the lock before."""

    project: str
    environment: str
    holder: Holder | None
    """None: nobody did."""
    was_dead: bool
    """Its process was gone, so that nobody had to be asked."""


def destroy(
    project: Project,
    environment: str,
    *,
    history: bool,
    approve: Callable[[Destruction], bool],
    progress: Progress,
    clock: Clock,
) -> Destroyed:
    """Take the project out of an environment.

    Raises:
        NotAllowedError: Nobody approved.
        ConflictError: Somebody deploys now.
    """
    project = project.within(environment)
    opened = open_environment(project, environment, start=False, progress=progress, clock=clock)
    return take_away(project.name, opened, history=history, approve=approve, progress=progress)


def take_away(
    project: str,
    opened: Environment,
    *,
    history: bool,
    approve: Callable[[Destruction], bool],
    progress: Progress,
) -> Destroyed:
    """See `destroy`: DAGs are paused, then the pointer goes, then what it named."""
    store, api = opened.store, opened.api
    standing = look(store, project)
    dags = standing.described.dag_ids if standing.described else ()
    doomed = Destruction(
        project=project,
        environment=opened.name,
        target=store.name,
        live=standing.live.current if standing.live else None,
        dags=dags,
        releases=record.releases(store),
        running=running_runs(api, dags) if api else (),
        history=history,
    )
    if not approve(doomed):
        raise NotAllowedError(
            f"Could not destroy `{project}` in `{opened.name}`: nobody approved",
            hint=f"mlops destroy --env {opened.name} --yes",
            state="Nothing was changed",
        )
    with (
        saying_what_is_live(opened, project, progress),
        locked(store, f"destroy {project}", progress) as check,
    ):
        now = look(store, project)
        if now.live != standing.live:
            raise ConflictError(
                f"Could not destroy `{project}`: another release went live meanwhile",
                hint="Run the same command again",
            )
        paused = []
        for dag_id in dags if api else ():
            if api and api.dag(dag_id):
                api.set_paused(dag_id, paused=True)
                paused.append(dag_id)
        check()
        there = store.list("")
        ours, left = _sorted(tuple(there), project, history=history)
        # From the top: a half that is left must not look like a whole. What keeps Airflow from
        # parsing the files of releases by themselves goes last.
        store.delete([loader.pointer_key(project)])
        store.delete([key for key in ours if key.endswith("/MANIFEST.json")])
        store.delete(ours)
        store.delete([loader.IGNORE])
    return Destroyed(
        project=project,
        environment=opened.name,
        target=store.name,
        paused=tuple(paused),
        releases=doomed.releases,
        deleted=len(ours) + (loader.pointer_key(project) in there) + (loader.IGNORE in there),
        left=left,
        history_kept=not history,
    )


def unlock(
    project: Project,
    environment: str,
    *,
    approve: Callable[[ConflictError], bool],
    progress: Progress,
    clock: Clock,
) -> Unlocked:
    """Break the lock of a project in an environment, when somebody alive seems to hold it.

    Raises:
        NotAllowedError: Nobody approved.
    """
    project = project.within(environment)
    opened = open_environment(project, environment, start=False, progress=progress, clock=clock)
    return break_lock(project.name, opened, approve=approve)


def break_lock(
    project: str, opened: Environment, *, approve: Callable[[ConflictError], bool]
) -> Unlocked:
    """See `unlock`; a dead holder's lock is simply taken over and given back."""
    try:
        with opened.store.lock(f"unlock {project}") as lease:
            dead = lease.taken_over
        return Unlocked(project, opened.name, dead, was_dead=dead is not None)
    except ConflictError as held:
        if not approve(held):
            raise NotAllowedError(
                f"Could not unlock `{project}` in `{opened.name}`: nobody approved",
                hint="Only when that process is gone or stopped for good: "
                f"`mlops unlock --env {opened.name} --yes`",
                state=held.message.removeprefix("Could not "),
            ) from held
    return Unlocked(project, opened.name, opened.store.unlock(), was_dead=False)


def _sorted(
    keys: tuple[str, ...], project: str, *, history: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What we wrote, less the pointer and the ignore file, and what others did."""
    ours = tuple(
        key
        for key in keys
        if _OURS.match(key) or (history and key.startswith(f"{loader.HISTORY}/"))
    )
    top = {loader.pointer_key(project), loader.IGNORE}
    left = tuple(
        key
        for key in keys
        if key not in top and key not in ours and not key.startswith(f"{loader.HISTORY}/")
    )
    return ours, left
