"""Proves a release live: each of its DAGs says, by its tag, that it is from that release."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from mlops_cli.core.diagnostics import Diagnostic, Severity
from mlops_cli.core.errors import FailedError, MlopsError, UnavailableError, UnfinishedError
from mlops_cli.core.redact import printable
from mlops_cli.environments.release import loader

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_cli.core.clock import Clock
    from mlops_cli.environments.open import Environment
    from mlops_cli.environments.port import AirflowApi, DagInfo
    from mlops_cli.environments.release.manifest import Manifest

_FIRST_POLL_SECONDS: Final = 0.25
_REMOTE_POLL_SECONDS: Final = 10.0
_SLOWER: Final = 1.3
_LOCAL_SECONDS: Final = 60.0
# Nodes copy by themselves, and Airflow looks for new files every few minutes.
_REMOTE_SECONDS: Final = 600.0
# Airflow looks every 60 s for DAGs whose file was parsed without them for 50 s. In the local one,
# somebody sits and waits.
_LOCAL_GONE_SECONDS: Final = 45.0
_REMOTE_GONE_SECONDS: Final = 150.0
_GONE_POLL_SECONDS: Final = 1.0
_SHOWN_LINES: Final = 12
_OLD_TASKS: Final = "Airflow shows it already, but still runs the tasks of before"


@dataclass(frozen=True, slots=True)
class Seen:
    """A release that Airflow has."""

    seconds: float
    """How long it took."""
    paused: tuple[str, ...]
    """Those of its DAGs that Airflow starts no run of."""


@dataclass(slots=True)
class _SoFar:
    waiting: dict[str, str]
    """DAG id to the reason why it is not the release's yet."""
    paused: list[str] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)
    """Files that Airflow was told to parse."""

    def all_wait(self, reason: str) -> None:
        self.waiting = dict.fromkeys(self.waiting, reason)


def usual_deadline(environment: Environment) -> float:
    """How long Airflow may take to show a release, in seconds."""
    return _LOCAL_SECONDS if environment.kind == "local" else _REMOTE_SECONDS


def poll_seconds(environment: Environment) -> float:
    """How far apart questions become: another's Airflow is not to be kept busy."""
    return _FIRST_POLL_SECONDS if environment.kind == "local" else _REMOTE_POLL_SECONDS


def gone_deadline(environment: Environment) -> float:
    """How long to wait for Airflow to drop what a release has no more, in seconds."""
    return _LOCAL_GONE_SECONDS if environment.kind == "local" else _REMOTE_GONE_SECONDS


def wait_until_gone(
    api: AirflowApi,
    dag_ids: tuple[str, ...],
    *,
    deadline_seconds: float,
    clock: Clock,
    pause_seconds: float = _GONE_POLL_SECONDS,
) -> tuple[str, ...]:
    """Wait until Airflow holds removed DAGs for stale; those it still shows when time is up.

    They are paused, so nothing is wrong with one that is shown longer: no error comes of it.
    """
    began, pause, left = clock.monotonic(), _FIRST_POLL_SECONDS, dag_ids
    while left:
        with suppress(MlopsError):  # who cannot be asked may be asked again
            left = tuple(
                dag_id
                for dag_id in left
                if (info := api.dag(dag_id)) is not None and not info.is_stale
            )
        if not left or clock.monotonic() - began > deadline_seconds:
            break
        clock.sleep(pause)
        pause = min(max(_GONE_POLL_SECONDS, pause_seconds), pause * _SLOWER)
    return left


def known_failures(api: AirflowApi, project: str) -> frozenset[str]:
    """The import errors the project's pointer has already; they are not the new release's."""
    return frozenset(_failures(api, project))


def confirm(
    environment: Environment,
    described: Manifest,
    *,
    known: frozenset[str],
    deadline_seconds: float,
    clock: Clock,
) -> Seen:
    """Wait until Airflow has every DAG of the release.

    Args:
        environment: Where it is live.
        described: The release.
        known: The import errors its Airflow had before.
        deadline_seconds: How long it may take.
        clock: For waiting.

    Raises:
        FailedError: Airflow cannot import the release; the end of the trace is shown.
        UnfinishedError: It was not seen in time; each DAG's reason is given.
    """
    api, began = environment.airflow, clock.monotonic()
    so_far = _SoFar(dict.fromkeys(described.dag_ids, "not looked at yet"))
    pause = _FIRST_POLL_SECONDS
    while True:
        try:
            _look(api, described, so_far, environment.store.release_at)
            if not so_far.waiting:
                return Seen(clock.monotonic() - began, tuple(sorted(so_far.paused)))
            for trace in _failures(api, described.project):
                if is_on_its_way(trace, described.project):
                    so_far.all_wait("its files are still being copied there")
                elif described.release in trace or trace not in known:
                    raise _import_failed(described, trace)
        except UnavailableError as error:
            so_far.all_wait(error.message)
        if clock.monotonic() - began > deadline_seconds:
            raise UnfinishedError(
                f"Could not see `{described.release}` live at {api.name} "
                f"within {deadline_seconds:.0f} s: "
                + "; ".join(f"`{dag_id}`: {reason}" for dag_id, reason in so_far.waiting.items()),
                hint=f"Run it again: `mlops deploy --env {described.environment}`",
            )
        clock.sleep(pause)
        pause = min(poll_seconds(environment), pause * _SLOWER)


def is_on_its_way(trace: str, project: str) -> bool:
    """The loader found no release that is there in full: a node copies files in any order."""
    return f"no release of {project} is complete here" in trace


def _look(
    api: AirflowApi,
    described: Manifest,
    so_far: _SoFar,
    release_at: Callable[[str], str | None],
) -> None:
    waiting, asked = so_far.waiting, so_far.asked
    for dag_id in list(waiting):
        # Only this one tells what runs: a changed DAG's tags are stored at once, its tasks at
        # most every `min_serialized_dag_update_interval`, 30 s where nobody changed it.
        info = api.dag(dag_id)
        reason = _missing(info, described.release) or _other_version(
            info, described.release, release_at
        )
        if reason is None:
            del waiting[dag_id]
            if info and info.is_paused:
                so_far.paused.append(dag_id)
            continue
        waiting[dag_id] = reason
        token = info.file_token if info else None
        if reason == _OLD_TASKS and token:
            asked.discard(token)  # what was parsed too early is not kept
        if token and token not in asked:
            asked.add(token)
            with suppress(UnavailableError):  # it only makes it quicker
                api.reparse(token)


def _missing(info: DagInfo | None, release: str) -> str | None:
    """Why a DAG is not the release's yet; None when it is."""
    if info is None:
        return "Airflow has not seen it"
    if f"release:{release}" not in info.tags:
        other = [tag for tag in info.tags if tag.startswith("release:")]
        return f"it still is from {' '.join(other) or 'no release'}"
    if info.is_stale:
        return "Airflow holds it for stale"
    if info.has_import_errors:
        return "its file has import errors"
    return None if info.release == release else _OLD_TASKS


def _other_version(
    info: DagInfo | None, release: str, release_at: Callable[[str], str | None]
) -> str | None:
    """Airflow pins a run to the commit it has of a DAG: that one has to hold the release, too."""
    version = info.bundle_version if info else None
    held = release_at(version) if version else None
    if version is None or held is None or held == release:
        return None
    return f"new runs of it are of commit {printable(version)[:12]}, in which {held} is live"


def _failures(api: AirflowApi, project: str) -> list[str]:
    file = f"{project}/{loader.pointer_key(project)}"
    return [failure.trace for failure in api.import_errors() if failure.filename.endswith(file)]


def _import_failed(described: Manifest, trace: str) -> FailedError:
    lines = [line for line in trace.splitlines() if line.strip()]
    last = lines[-1] if lines else "no trace"
    detail = Diagnostic(
        "MLP810",
        Severity.ERROR,
        last,
        detail="\n".join(lines[-_SHOWN_LINES:]),
        hint="Prove it here first: `mlops validate`",
    )
    return FailedError(
        f"Could not load release `{described.release}` in Airflow: {last}", diagnostics=(detail,)
    )
