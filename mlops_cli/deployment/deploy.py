"""The whole of `mlops deploy`: check, build, plan, apply, confirm."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.diagnostics import Severity
from mlops_cli.core.errors import FailedError, NotAllowedError
from mlops_cli.environments.open import open_environment
from mlops_cli.environments.release.build import build
from mlops_cli.environments.stores.remembered import Remembered
from mlops_cli.project.loader import environment as environment_of

from . import plan_file, shapes
from .confirm import usual_deadline
from .installation import (
    differing,
    install,
    require_at_hand,
    require_installed,
    require_mwaa,
)
from .live import Deployment, make_live, takes_back
from .plan import Plan, look, plan, stored_name
from .promote import promote, steps_python
from .running import let_end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.open import Environment
    from mlops_cli.environments.release.build import Release
    from mlops_cli.project.model import Project

    from .plan import Standing


@dataclass(frozen=True, slots=True)
class Options:
    """What a deploy may be told besides where to go."""

    dry_run: bool = False
    """Only plan; nothing is started and nothing is written."""
    skip_checks: bool = False
    """Do not validate first."""
    plan_from: Path | None = None
    """A kept plan: deploy that, or nothing."""
    plan_to: Path | None = None
    """Only plan, and keep the plan there."""
    promote_from: str | None = None
    """The environment whose live release is deployed, instead of the working tree."""
    when_running: str | None = None
    """`fail`, `wait` or `allow`; by default what the environment says."""
    rollback_on_failure: bool | None = None
    """Take a release back that cannot be imported; by default where it is local or protected."""
    with_environment: bool = False
    """First bring what the MWAA environment installs up to date."""
    deadline_seconds: float | None = None
    """How long Airflow may take to show the release."""


DEFAULTS: Final = Options()


def deploy(
    project: Project,
    environment: str,
    *,
    options: Options = DEFAULTS,
    approve: Callable[[Plan], bool],
    progress: Progress,
    clock: Clock,
) -> Plan | Deployment:
    """Put the project on the environment's Airflow, all at once or not at all.

    Args:
        project: What to deploy.
        environment: One of its environments.
        options: What else is wanted.
        approve: Asked before a protected environment is changed.
        progress: Told what happens.
        clock: For the release's name and for waiting.

    Raises:
        FailedError: A check failed, or Airflow cannot import the release.
        NotAllowedError: The environment is protected and nobody approved.
        ConflictError: Somebody else deploys, has deployed, or owns one of the DAG ids; the plan is
            stale; runs are in flight.
        UnfinishedError: The release was not seen live in time.
    """
    began = clock.monotonic()
    kept = plan_file.read(options.plan_from) if options.plan_from else None
    spec = environment_of(project, environment)
    project = project.within(environment)
    source = options.promote_from or (kept.promoted_from if kept else None)
    only_plan = options.dry_run or options.plan_to is not None
    with tempfile.TemporaryDirectory(prefix="mlops-release-") as scratch:
        with _nothing_yet(progress):
            if kept is not None:
                plan_file.require_for(kept, project.name, environment)
            if source is None and not options.skip_checks:
                _check(project, environment, progress=progress)
            opened = open_environment(
                project, environment, start=not only_plan, progress=progress, clock=clock
            )
            opened = replace(opened, store=Remembered(opened.store))
            if options.with_environment:
                require_mwaa(opened)
            standing = look(opened.store, project.name)
            staged = _stage(
                project,
                opened,
                Path(scratch),
                source=source,
                standing=standing,
                options=options,
                progress=progress,
                clock=clock,
            )
            made = plan(opened, staged, standing=standing, promoted_from=source, now=clock.now())
            if options.with_environment or not made.unchanged:
                made = replace(made, installs=differing(project, staged.manifest, opened))
            if kept is not None:
                plan_file.require_fresh(kept, made)
            if options.plan_to is not None:
                plan_file.write(options.plan_to, made, now=clock.now())
            if only_plan:
                return made
            _say_other_version(project, opened, made, progress)
            if options.with_environment:
                require_at_hand(project, staged.manifest, made)
            else:
                require_installed(made, opened)
            require_approval(made, approve)
            policy = options.when_running or spec.running_policy
            if not made.unchanged:
                let_end(opened, staged.manifest.dag_ids, policy, progress=progress, clock=clock)
        installed: tuple[str, ...] = ()
        if options.with_environment:
            installed = install(project, staged.manifest, opened, progress=progress, clock=clock)
        asked = options.rollback_on_failure
        done = make_live(
            made,
            staged,
            opened,
            standing=standing,
            policy=policy,
            roll_back=takes_back(opened) if asked is None else asked,
            deadline_seconds=options.deadline_seconds or usual_deadline(opened),
            progress=progress,
            clock=clock,
        )
    return replace(
        done, seconds=clock.monotonic() - began, promoted_from=source, installed=installed
    )


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
    if made.protected and made.changes_something and not approve(made):
        raise NotAllowedError(
            f"Could not deploy to `{made.environment}`: it is protected, and nobody approved",
            hint="Look at the plan with `--dry-run`, then "
            f"`mlops deploy --env {made.environment} --yes`",
            state="Nothing was changed",
        )


def stage(
    project: Project,
    environment: Environment,
    folder: Path,
    *,
    python: Path,
    standing: Standing | None = None,
    clock: Clock,
) -> Release:
    """Build the release, under the name it has in the store when its content is there already."""

    def earlier(digest: str) -> str | None:
        return stored_name(environment, digest, standing)

    return build(project, environment.name, folder, python=python, clock=clock, name=earlier)


def _stage(
    project: Project,
    opened: Environment,
    folder: Path,
    *,
    source: str | None,
    standing: Standing,
    options: Options,
    progress: Progress,
    clock: Clock,
) -> Release:
    if source is not None:
        return promote(
            project, opened, source, folder, standing=standing, progress=progress, clock=clock
        )
    python = steps_python(project, opened.name, project.root, progress=progress)
    staged = stage(project, opened, folder, python=python, standing=standing, clock=clock)
    if not options.skip_checks:
        _keep_shapes(project, opened.name, staged, progress=progress)
    return staged


def _say_other_version(
    project: Project, opened: Environment, made: Plan, progress: Progress
) -> None:
    if opened.kind == "local" or made.unchanged:
        return
    found = opened.mwaa.airflow_version if opened.mwaa else opened.airflow.version()
    if ".".join(found.split(".")[:2]) != project.airflow:
        progress.note(
            f"`{opened.name}` runs Airflow {found}; the DAGs are proved under {project.airflow} "
            f'(set `airflow: "{".".join(found.split(".")[:2])}"` in `mlops.yaml`)'
        )


def _keep_shapes(
    project: Project, environment: str, staged: Release, *, progress: Progress
) -> None:
    from mlops_cli.checks.shapes import dag_shapes

    found = dag_shapes(project, environment, progress=progress)
    (staged.root / shapes.NAME).write_bytes(shapes.dumps(found))


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
