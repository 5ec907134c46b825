"""What a deploy would change, as a value: shown before, and compared again under the lock."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_cli.core.errors import ConflictError
from mlops_cli.environments import record
from mlops_cli.environments.release import loader

if TYPE_CHECKING:
    from mlops_cli.environments.open import Environment
    from mlops_cli.environments.port import AirflowApi
    from mlops_cli.environments.release.build import Release
    from mlops_cli.environments.release.manifest import Manifest

_NOT_WORTH_SHOWING = "settings.json"


@dataclass(frozen=True, slots=True)
class FileChange:
    """A file that differs from the live release: `+` new, `~` changed, `-` gone."""

    change: str
    path: str


@dataclass(frozen=True, slots=True)
class DagChange:
    """A DAG and what becomes of it: `added`, `changed`, `kept` or `removed`."""

    change: str
    dag_id: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What a deploy would do, and what it was computed from."""

    project: str
    environment: str
    protected: bool
    target: str
    airflow: str | None
    """None: it is not running; a deploy starts it."""
    release: str
    digest: str
    commit: str | None
    dirty: bool
    live: str | None
    previous: str | None
    """The release before the live one."""
    base: str | None
    """The pointer's etag the plan was made from."""
    unchanged: bool
    """This very content is live already: there is nothing to write."""
    files: tuple[FileChange, ...]
    dags: tuple[DagChange, ...]
    running: tuple[str, ...]
    """Runs in flight: their later tasks will run the new code."""


def plan(environment: Environment, staged: Release) -> Plan:
    """Compare a staged release with what is live. Reads only.

    Raises:
        ConflictError: The folder, or a DAG id, belongs to somebody else.
    """
    new = staged.manifest
    live = record.live(environment.store, new.project)
    old = record.read_manifest(environment.store, live.current) if live else None
    if old is not None and old.project != new.project:
        raise ConflictError(
            f"Could not deploy `{new.project}` to {environment.store.name}: "
            f"it holds the project `{old.project}`",
            hint="Give one of the two projects another name",
        )
    running: tuple[str, ...] = ()
    if environment.api is not None:
        check_owner(environment.api, new)
        running = _running(environment.api, new)
    return Plan(
        project=new.project,
        environment=environment.name,
        protected=environment.spec.protected,
        target=environment.store.name,
        airflow=environment.api.name if environment.api else None,
        release=staged.id,
        digest=new.digest,
        commit=new.commit,
        dirty=new.dirty,
        live=live.current if live else None,
        previous=live.previous if live else None,
        base=live.etag if live else None,
        unchanged=old is not None
        and old.digest == new.digest
        and not record.missing(environment.store, old),
        files=_files(old, new),
        dags=_dags(old, new),
        running=running,
    )


def removed(made: Plan) -> tuple[str, ...]:
    """The DAG ids the live release has and the new one has not."""
    return tuple(dag.dag_id for dag in made.dags if dag.change == "removed")


def check_owner(api: AirflowApi, new: Manifest) -> None:
    """Refuse DAG ids that another file of that Airflow defines: one would hide the other.

    Raises:
        ConflictError: With the id and the file.
    """
    ours = f"{new.project}/{loader.pointer_key(new.project)}"
    for dag_id in new.dag_ids:
        there = api.dag(dag_id)
        if there is None or there.is_stale or there.relative_fileloc in (None, ours):
            continue
        raise ConflictError(
            f"Could not deploy the DAG `{dag_id}`: `{there.relative_fileloc}` of "
            f"{api.name} defines it already",
            hint="Remove that file, or give the project another name",
        )


def _running(api: AirflowApi, new: Manifest) -> tuple[str, ...]:
    return tuple(
        f"{dag_id}: {run.run_id}"
        for dag_id in new.dag_ids
        for run in api.runs(dag_id, states=("queued", "running"))
    )


def _files(old: Manifest | None, new: Manifest) -> tuple[FileChange, ...]:
    before = dict(old.files) if old else {}
    changes = [
        FileChange("~" if path in before else "+", path)
        for path, entry in new.files.items()
        # It always differs: it holds the release's own name.
        if before.get(path) != entry and not (path == _NOT_WORTH_SHOWING and path in before)
    ]
    changes += [FileChange("-", path) for path in before if path not in new.files]
    return tuple(sorted(changes, key=lambda change: change.path))


def _dags(old: Manifest | None, new: Manifest) -> tuple[DagChange, ...]:
    before = set(old.dag_ids) if old else set()
    other = "kept" if old and old.digest == new.digest else "changed"
    changes = [DagChange(other if id_ in before else "added", id_) for id_ in new.dag_ids]
    changes += [DagChange("removed", id_) for id_ in sorted(before - set(new.dag_ids))]
    return tuple(changes)
