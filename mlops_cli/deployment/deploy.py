"""The whole of `mlops deploy`: check, build, plan, apply, confirm."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_cli.core.diagnostics import Severity
from mlops_cli.core.errors import ConflictError, FailedError, NotAllowedError, UnfinishedError
from mlops_cli.environments import record
from mlops_cli.environments.interpreters import project_interpreter, quality_interpreter
from mlops_cli.environments.open import open_environment
from mlops_cli.environments.release.build import build
from mlops_cli.environments.stores.remembered import Remembered
from mlops_cli.project.loader import environment as environment_of

from .apply import ACTIONS, apply, locked, note, saying_what_is_live
from .confirm import confirm, known_failures
from .plan import Plan, plan
from .rollback import undo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.open import Environment
    from mlops_cli.environments.release.build import Release
    from mlops_cli.environments.release.manifest import Manifest
    from mlops_cli.project.model import Project


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


def deploy(
    project: Project,
    environment: str,
    *,
    dry_run: bool,
    skip_checks: bool,
    approve: Callable[[Plan], bool],
    deadline_seconds: float,
    progress: Progress,
    clock: Clock,
) -> Plan | Deployment:
    """Put the project on the environment's Airflow, all at once or not at all.

    Args:
        project: What to deploy.
        environment: One of its environments.
        dry_run: Only plan; nothing is started and nothing is written.
        skip_checks: Do not validate first.
        approve: Asked before a protected environment is changed.
        deadline_seconds: How long Airflow may take to show the release.
        progress: Told what happens.
        clock: For the release's name and for waiting.

    Raises:
        FailedError: A check failed, or Airflow cannot import the release.
        NotAllowedError: The environment is protected and nobody approved.
        ConflictError: Somebody else deploys, has deployed, or owns one of the DAG ids.
        UnfinishedError: The release was not seen live in time.
    """
    began = clock.monotonic()
    with _nothing_yet(progress):
        python = project_interpreter(project.root, progress=progress)
        engine = environment_of(project, environment).quality
        quality_interpreter(project.root, engine, progress=progress)
        if not skip_checks:
            _check(project, environment, progress=progress)
        opened = open_environment(
            project, environment, start=not dry_run, progress=progress, clock=clock
        )
    opened = replace(opened, store=Remembered(opened.store))
    with tempfile.TemporaryDirectory(prefix="mlops-release-") as folder:
        staged = stage(project, opened, Path(folder), python=python, clock=clock)
        made = plan(opened, staged)
        if dry_run:
            return made
        require_approval(made, approve)
        done = make_live(
            made,
            staged,
            opened,
            deadline_seconds=deadline_seconds,
            progress=progress,
            clock=clock,
        )
    return replace(done, seconds=clock.monotonic() - began)


@contextmanager
def _nothing_yet(progress: Progress) -> Iterator[None]:
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        progress.note("Nothing was deployed")
        raise


def require_approval(made: Plan, approve: Callable[[Plan], bool]) -> None:
    """Have a change of a protected environment approved.

    Raises:
        NotAllowedError: Nobody did.
    """
    if made.protected and not made.unchanged and not approve(made):
        raise NotAllowedError(
            f"Could not deploy to `{made.environment}`: it is protected, and nobody approved",
            hint="Look at the plan with `--dry-run`, then "
            f"`mlops deploy --env {made.environment} --yes`",
            state="Nothing was changed",
        )


def stage(
    project: Project, environment: Environment, folder: Path, *, python: Path, clock: Clock
) -> Release:
    """Build the release, under the name it has in the store when its content is there already."""

    def earlier(digest: str) -> str | None:
        mark = f"-{digest[:12]}"
        found = record.releases(environment.store)
        return next((release for release in found if release.endswith(mark)), None)

    return build(project, environment.name, folder, python=python, clock=clock, name=earlier)


def make_live(
    made: Plan,
    staged: Release,
    environment: Environment,
    *,
    deadline_seconds: float,
    progress: Progress,
    clock: Clock,
) -> Deployment:
    """Apply a plan and wait until Airflow shows the release; see `deploy` for what is raised."""
    api, uploaded, described = environment.airflow, 0, staged.manifest
    with saying_what_is_live(environment, made.project, progress):
        known = known_failures(api, made.project)
        if made.unchanged:
            described = settle(made, environment, progress=progress, clock=clock)
        else:
            with progress.step(f"Uploading release {staged.id}"):
                uploaded = apply(made, staged, environment, progress=progress, clock=clock)
        with progress.step(f"Waiting for Airflow to load {described.release}"):
            try:
                took = confirm(
                    api, described, known=known, deadline_seconds=deadline_seconds, clock=clock
                )
            except FailedError as error:
                note(environment, described, "failed", clock=clock)
                error.state = undo(environment, made, described, progress=progress, clock=clock)
                raise
            except UnfinishedError:
                note(environment, described, "unconfirmed", clock=clock)
                raise
        if not made.unchanged:
            note(environment, described, "confirmed", clock=clock)
    live = record.live(environment.store, made.project)
    return Deployment(
        project=made.project,
        environment=made.environment,
        release=described.release,
        previous=live.previous if live else None,
        dags=described.dag_ids,
        target=environment.store.name,
        airflow=api.name,
        unchanged=made.unchanged,
        uploaded=uploaded,
        confirmed_seconds=took,
        seconds=took,
    )


def settle(made: Plan, environment: Environment, *, progress: Progress, clock: Clock) -> Manifest:
    """The live release's manifest; what a deploy killed right after its flip left is finished.

    Raises:
        ConflictError: Another release went live, or somebody else deploys now.
    """
    assert made.live is not None  # noqa: S101 -- only what is live can be unchanged
    store = environment.store
    described = record.read_manifest(store, made.live)
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


def _told(environment: Environment, release: str) -> bool:
    last = record.history(environment.store, last=1)
    if last and (last[0].action, last[0].release) == ("confirmed", release):
        return True  # nobody confirms what was not told
    moves = [entry for entry in record.history(environment.store) if entry.action in ACTIONS]
    return bool(moves) and moves[-1].release == release


def _check(project: Project, environment: str, *, progress: Progress) -> None:
    from mlops_cli.checks.run import validate

    report = validate(project, environment=environment, progress=progress)
    if report.exit_code == 0:
        return
    errors = [found for found in report.diagnostics if found.severity is Severity.ERROR]
    raise FailedError(
        f"Could not deploy `{project.name}`: it did not pass its checks",
        diagnostics=errors or report.diagnostics,
        hint="Mend it and prove it: `mlops validate`",
        state="Nothing was changed",
    )
