"""What a deploy would change, as a value: shown before, and compared again under the lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import ConflictError
from mlops_cli.environments import record
from mlops_cli.environments.release import installs, loader, manifest

from . import shapes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_cli.environments.open import Environment
    from mlops_cli.environments.port import AirflowApi, DagInfo, Store
    from mlops_cli.environments.record import Live
    from mlops_cli.environments.release.build import Release
    from mlops_cli.environments.release.manifest import Manifest

    from .shapes import Difference, Shape

SETTINGS: Final = "settings.json"
_RUNS_LOOKED_AT: Final = 25


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
    differences: tuple[Difference, ...] | None = None
    """What is other in it than in the live release; None where that is not known."""
    consequences: tuple[str, ...] = ()
    """What follows once it is live."""


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
    content: str
    """SHA-256 over all files but the environment's settings: the same wherever it is promoted."""
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
    requirements: str
    """`same`, `changed` or `new`: whether the steps get another environment."""
    running: tuple[str, ...]
    """Runs in flight: their later tasks will run the new code."""
    promoted_from: str | None = None
    """The environment whose live release this is."""
    identity: str | None = None
    """Who we are to AWS there: account and ARN."""
    installs: tuple[str, ...] = ()
    """What an MWAA environment has to install first (`--with-environment`)."""

    @property
    def changes_something(self) -> bool:
        """Carrying it out would."""
        return bool(not self.unchanged or self.installs)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is live before anything is done: the pointer and what it names."""

    live: Live | None
    described: Manifest | None


def look(store: Store, project: str) -> Standing:
    """Read what is live.

    Raises:
        ConflictError: A file of another kind stands where the pointer belongs.
    """
    live = record.live(store, project)
    return Standing(live, record.read_manifest(store, live.current) if live else None)


def stored_name(environment: Environment, digest: str, standing: Standing | None) -> str | None:
    """The release in the store that has this content, if there is one."""
    if standing and standing.described and standing.described.digest == digest:
        return standing.described.release
    mark = f"-{digest[:12]}"
    found = record.releases(environment.store)
    return next((release for release in found if release.endswith(mark)), None)


def plan(
    environment: Environment,
    staged: Release,
    *,
    standing: Standing | None = None,
    promoted_from: str | None = None,
    now: datetime | None = None,
) -> Plan:
    """Compare a staged release with what is live. Reads only.

    Args:
        environment: Where it is to go.
        staged: The release, on this disk.
        standing: What is live, if that was read already.
        promoted_from: The environment it was taken from.
        now: For what is due; by default the time it is.

    Raises:
        ConflictError: The folder, or a DAG id, belongs to somebody else.
    """
    new = staged.manifest
    standing = standing or look(environment.store, new.project)
    live, old = standing.live, standing.described
    if old is not None and old.project != new.project:
        raise ConflictError(
            f"Could not deploy `{new.project}` to {environment.store.name}: "
            f"it holds the project `{old.project}`",
            hint="Give one of the two projects another name",
        )
    unchanged = (
        old is not None and old.digest == new.digest and not record.missing(environment.store, old)
    )
    who = environment.identity
    infos: Mapping[str, DagInfo | None] = {}
    running: tuple[str, ...] = ()
    if environment.api is not None and not unchanged:
        infos = check_owner(environment.api, new)
        running = running_runs(environment.api, new.dag_ids)
    return Plan(
        project=new.project,
        environment=environment.name,
        protected=environment.spec.protected,
        target=environment.store.name,
        airflow=environment.api.name if environment.api else None,
        release=staged.id,
        digest=new.digest,
        content=content_digest(new),
        commit=new.commit,
        dirty=new.dirty,
        live=live.current if live else None,
        previous=live.previous if live else None,
        base=live.etag if live else None,
        unchanged=unchanged,
        files=_files(old, new),
        dags=tuple(_dags(environment, staged, old, infos, now or datetime.now(UTC))),
        requirements="new" if old is None else "same" if old.lock == new.lock else "changed",
        running=running,
        promoted_from=promoted_from,
        identity=f"{who.account} ({who.arn})" if who else None,
    )


def content_digest(described: Manifest) -> str:
    """One digest over a release's files, but not over what its environment makes of it."""
    parts = {path: entry.sha256 for path, entry in described.files.items() if path != SETTINGS}
    return manifest.digest(parts)


def removed(made: Plan) -> tuple[str, ...]:
    """The DAG ids the live release has and the new one has not."""
    return tuple(dag.dag_id for dag in made.dags if dag.change == "removed")


def check_owner(api: AirflowApi, new: Manifest) -> Mapping[str, DagInfo | None]:
    """Refuse DAG ids that another file of that Airflow defines: one would hide the other.

    Returns:
        The release's DAGs as that Airflow has them now.

    Raises:
        ConflictError: With the id and the file.
    """
    ours = f"{new.project}/{loader.pointer_key(new.project)}"
    found = {dag_id: api.dag(dag_id) for dag_id in new.dag_ids}
    for dag_id, there in found.items():
        if there is None or there.is_stale or there.relative_fileloc is None:
            continue
        # A bundle may begin above the folder of all DAGs.
        if there.relative_fileloc == ours or there.relative_fileloc.endswith(f"/{ours}"):
            continue
        raise ConflictError(
            f"Could not deploy the DAG `{dag_id}`: `{there.relative_fileloc}` of "
            f"{api.name} defines it already",
            hint="Remove that file, or give the project another name",
        )
    return found


def running_runs(api: AirflowApi, dag_ids: tuple[str, ...]) -> tuple[str, ...]:
    """The runs of these DAGs that are in flight, as `dag id: run id`."""
    return tuple(
        f"{dag_id}: {run.run_id}"
        for dag_id in dag_ids
        for run in api.runs(dag_id, states=("queued", "running"))
    )


def _files(old: Manifest | None, new: Manifest) -> tuple[FileChange, ...]:
    before = dict(old.files) if old else {}
    changes = [
        FileChange("~" if path in before else "+", path)
        for path, entry in new.files.items()
        # The settings always differ: they hold the release's own name.
        if before.get(path) != entry and not (path == SETTINGS and path in before)
    ]
    changes += [FileChange("-", path) for path in before if path not in new.files]
    changes += _installs(old, new)
    return tuple(sorted(changes, key=lambda change: change.path))


def _installs(old: Manifest | None, new: Manifest) -> list[FileChange]:
    """The files of `mwaa/` that differ: no part of a release, but what it runs with."""
    if old is None or old.mwaa is None or new.mwaa is None:
        return []
    before, after = old.mwaa, new.mwaa
    kinds = [kind for kind in {**before, **after} if before.get(kind) != after.get(kind)]
    return [
        FileChange("-" if kind not in after else "~" if kind in before else "+", path)
        for kind in kinds
        for path in installs.paths([kind])
    ]


def _dags(
    environment: Environment,
    staged: Release,
    old: Manifest | None,
    infos: Mapping[str, DagInfo | None],
    now: datetime,
) -> list[DagChange]:
    new = staged.manifest
    same = old is not None and old.digest == new.digest
    kept = staged.root / shapes.NAME
    after = shapes.loads(kept.read_bytes()) if kept.is_file() else {}
    before: Mapping[str, Shape] = {}
    if old is not None and after and not same:
        before = shapes.of_release(environment.store, old.release)
    ids = set(old.dag_ids) if old else set()
    changes = []
    for dag_id in new.dag_ids:
        word = "added" if dag_id not in ids else "kept" if same else "changed"
        shape = after.get(dag_id)
        known = before.get(dag_id) if dag_id in ids else None
        differences = shapes.differences(known, shape) if known and shape else None
        follows: tuple[str, ...] = ()
        if shape and not same:
            there = infos.get(dag_id)
            follows = _consequences(environment, known, shape, there=there, now=now)
        changes.append(DagChange(word, dag_id, differences, follows))
    gone = ("it is paused first; its runs stay in Airflow's history",)
    changes += [DagChange("removed", id_, None, gone) for id_ in sorted(ids - set(new.dag_ids))]
    return changes


def _consequences(
    environment: Environment,
    old: Shape | None,
    new: Shape,
    *,
    there: DagInfo | None,
    now: datetime,
) -> tuple[str, ...]:
    last = None
    if environment.api is not None and there is not None and new["facts"]["catchup"]:
        runs = environment.api.runs(there.dag_id, limit=_RUNS_LOOKED_AT)
        due = [run.run_after for run in runs if run.run_type in ("scheduled", "backfill")]
        last = max((moment for moment in due if moment is not None), default=None)
    if there is not None:
        is_paused = there.is_paused
    else:
        says = new["facts"]["paused_upon_creation"]
        # Airflow pauses what it sees for the first time, unless told otherwise; ours is told.
        is_paused = environment.kind != "local" if says is None else bool(says)
    follows = shapes.consequences(old, new, last_run=last, is_paused=is_paused, now=now)
    if old is None and there is not None and there.is_paused:
        follows += ("it is paused in that Airflow: nothing starts it until it is unpaused",)
    return follows
