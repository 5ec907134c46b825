"""Makes a planned release live and waits until Airflow itself says that it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import ConflictError, FailedError, UnfinishedError
from mlops_cli.environments import record

from .apply import ACTIONS, Applied, apply, locked, note, saying_what_is_live
from .confirm import confirm, gone_deadline, known_failures, poll_seconds, wait_until_gone
from .plan import removed
from .rollback import undo
from .running import let_end

if TYPE_CHECKING:
    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.open import Environment
    from mlops_cli.environments.release.build import Release
    from mlops_cli.environments.release.manifest import Manifest

    from .plan import Plan, Standing

_HISTORY_READ: Final = 20


@dataclass(frozen=True, slots=True)
class Deployment:
    """A release that is live, as Airflow itself says."""

    project: str
    environment: str
    release: str
    previous: str | None
    dags: tuple[str, ...]
    target: str
    airflow: str
    unchanged: bool
    """It was live before: nothing was written."""
    uploaded: int
    confirmed_seconds: float
    seconds: float
    still_shown: tuple[str, ...] = ()
    """Removed DAGs that Airflow shows yet; they are paused."""
    paused: tuple[str, ...] = ()
    """DAGs of the release that are paused in that Airflow: no schedule and no asset starts them."""
    promoted_from: str | None = None
    installed: tuple[str, ...] = ()
    """What was changed in the MWAA environment first."""


def make_live(
    made: Plan,
    staged: Release,
    environment: Environment,
    *,
    standing: Standing | None = None,
    policy: str = "allow",
    roll_back: bool = True,
    deadline_seconds: float,
    progress: Progress,
    clock: Clock,
) -> Deployment:
    """Apply a plan and wait until Airflow shows the release; see `deploy` for what is raised."""
    api, described, applied = environment.airflow, staged.manifest, Applied(0, ())
    known: frozenset[str] = frozenset()

    def last_look() -> None:
        # A run may have begun while the files were on their way.
        let_end(
            environment,
            described.dag_ids,
            "fail" if policy == "wait" else policy,
            progress=progress,
            clock=clock,
        )

    with saying_what_is_live(environment, made.project, progress):
        if made.unchanged:
            described = settle(made, environment, standing=standing, progress=progress, clock=clock)
        else:
            known = known_failures(api, made.project)
            with progress.step(f"Uploading release {staged.id}"):
                applied = apply(
                    made, staged, environment, progress=progress, clock=clock, last_look=last_look
                )
        with progress.step(f"Waiting for Airflow to load {described.release}"):
            try:
                seen = confirm(
                    environment,
                    described,
                    known=known,
                    deadline_seconds=deadline_seconds,
                    clock=clock,
                )
            except FailedError as error:
                note(environment, described, "failed", clock=clock)
                if roll_back:
                    error.state = undo(
                        environment,
                        made,
                        described,
                        paused=applied.paused,
                        progress=progress,
                        clock=clock,
                    )
                else:
                    error.hint = f"Go back: `mlops rollback --env {environment.name}`"
                raise
            except UnfinishedError as error:
                note(environment, described, "unconfirmed", clock=clock)
                if made.promoted_from:
                    error.hint = f"{error.hint} --from {made.promoted_from}"
                raise
        # What is live may have been seen only now: the deploy before was cut off, or gave up.
        if not made.unchanged or not _is_confirmed(environment, described.release):
            note(environment, described, "confirmed", clock=clock)
        shown = _still_shown(
            environment,
            made,
            min(deadline_seconds - seen.seconds, gone_deadline(environment)),
            progress,
            clock,
        )
    previous = made.previous if made.unchanged or made.live == staged.id else made.live
    return Deployment(
        project=made.project,
        environment=made.environment,
        release=described.release,
        previous=previous,
        dags=described.dag_ids,
        target=environment.store.name,
        airflow=api.name,
        unchanged=made.unchanged,
        uploaded=applied.uploaded,
        confirmed_seconds=seen.seconds,
        seconds=seen.seconds,
        still_shown=shown,
        paused=seen.paused,
    )


def takes_back(environment: Environment) -> bool:
    """Whether a release that cannot be imported is taken back without being asked to."""
    return environment.kind == "local" or environment.spec.protected


def settle(
    made: Plan,
    environment: Environment,
    *,
    standing: Standing | None = None,
    progress: Progress,
    clock: Clock,
) -> Manifest:
    """The live release's manifest; what a deploy killed right after its flip left is finished.

    Raises:
        ConflictError: Another release went live, or somebody else deploys now.
    """
    assert made.live is not None  # noqa: S101 -- only what is live can be unchanged
    store = environment.store
    described = standing.described if standing else record.read_manifest(store, made.live)
    if described is None:
        raise ConflictError(
            f"Could not deploy `{made.release}`: another release went live meanwhile",
            hint="Run the same command again",
        )
    if not _told(environment, made.live):
        # Under the lock: taking it also clears away what the killed one was writing.
        with locked(store, f"finish {made.project} {made.live}", progress):
            if not _told(environment, made.live):
                note(environment, described, "deploy", clock=clock)
    return described


def _is_confirmed(environment: Environment, release: str) -> bool:
    newest = record.history(environment.store, last=1)
    return bool(newest) and (newest[-1].release, newest[-1].action) == (release, "confirmed")


def _told(environment: Environment, release: str) -> bool:
    for last in (1, _HISTORY_READ, None):
        entries = record.history(environment.store, last=last)
        if last == 1 and entries and entries[-1].release == release:
            return True  # whatever became of it, it was told of
        moves = [entry for entry in entries if entry.action in ACTIONS]
        if moves and last != 1:
            return moves[-1].release == release
    return False


def _still_shown(
    environment: Environment, made: Plan, seconds: float, progress: Progress, clock: Clock
) -> tuple[str, ...]:
    gone = removed(made)
    if not gone:
        return ()
    names = ", ".join(gone)
    with progress.step(f"Waiting for Airflow to drop {names} (at most {max(0, seconds):.0f} s)"):
        return wait_until_gone(
            environment.airflow,
            gone,
            deadline_seconds=seconds,
            clock=clock,
            pause_seconds=poll_seconds(environment),
        )
