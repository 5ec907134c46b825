"""Looks at one environment from the outside in: this machine, AWS, the store, Airflow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_cli.core.errors import MlopsError, UnavailableError
from mlops_cli.environments.open import open_environment
from mlops_cli.project.loader import environment as environment_of

from .airflow import AIRFLOW_CHECKS
from .aws import AWS_CHECKS
from .machine import MACHINE_CHECKS
from .report import Diagnosis, Finding, Status, from_error, skipped
from .store import STORE_CHECKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.open import Environment
    from mlops_cli.project.model import EnvironmentSpec, Project


@dataclass(frozen=True, slots=True)
class Patient:
    """What is looked at."""

    project: Project
    """As the environment has it: in development under one's own name."""
    name: str
    spec: EnvironmentSpec
    clock: Clock
    opened: Environment | None = None
    """None as long as it is not open."""

    @property
    def environment(self) -> Environment:
        """The environment; only for checks that come after it was opened."""
        assert self.opened is not None  # noqa: S101 -- see `diagnose`
        return self.opened


def diagnose(project: Project, environment: str, *, progress: Progress, clock: Clock) -> Diagnosis:
    """Ask a live environment everything a deploy and a run will need of it.

    What is written to prove a permission is deleted at once; no release, DAG or run is touched.

    Raises:
        UsageError: The project has no such environment.
    """
    began = clock.monotonic()
    spec = environment_of(project, environment)
    patient = Patient(project.within(environment), environment, spec, clock)
    with progress.step("Looking at this machine and at AWS"):
        found = [*_look(MACHINE_CHECKS, patient), *_look(AWS_CHECKS, patient)]
    opened: Environment | None = None
    names = (*STORE_CHECKS, *AIRFLOW_CHECKS)
    if any(item.status is Status.FAILED and item.check in AWS_CHECKS for item in found):
        found += [skipped(name, "AWS comes first") for name in names]
    else:
        try:
            with progress.step(f"Opening {environment}"):
                opened = open_environment(
                    project, environment, start=False, progress=progress, clock=clock
                )
        except MlopsError as error:
            found.append(from_error("environment", error))
            found += [skipped(name, "the environment does not open") for name in names]
    if opened is not None:
        patient = Patient(patient.project, environment, spec, clock, opened)
        with progress.step(f"Looking at {opened.store.name}"):
            found += _look(STORE_CHECKS, patient)
        with progress.step("Looking at Airflow"):
            found += _look(AIRFLOW_CHECKS, patient)
    return Diagnosis(
        project=project.name,
        environment=environment,
        kind=spec.kind,
        target=opened.store.name if opened else None,
        findings=tuple(found),
        seconds=clock.monotonic() - began,
    )


def _look(
    checks: Mapping[str, Callable[[Patient], Iterable[Finding]]], patient: Patient
) -> list[Finding]:
    found: list[Finding] = []
    reasons: dict[str, str] = {}
    silent = None
    for name, check in checks.items():
        if silent is not None:
            found.append(skipped(name, f"there was no answer to `{silent}`"))
            continue
        try:
            found += check(patient)
        except MlopsError as error:
            if isinstance(error, UnavailableError):
                silent = name  # each further question would wait as long
            first = reasons.setdefault(error.message, name)
            same = skipped(name, f"for the same reason as `{first}`")
            found.append(from_error(name, error) if first == name else same)
    return found
