"""The environments of a project as values: all of them, or one with the source of each setting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_cli.project.environments import place_of
from mlops_cli.project.loader import environment as environment_of
from mlops_cli.project.paths import MANIFEST

from .sources import overridden, values

if TYPE_CHECKING:
    from mlops_cli.project.model import Project

    from .sources import Value


@dataclass(frozen=True, slots=True)
class EnvironmentLine:
    """One environment among others."""

    name: str
    kind: str
    place: str
    """Where releases go."""
    platform: str
    quality: str
    protected: bool
    mode: str


@dataclass(frozen=True, slots=True)
class EnvironmentList:
    """All environments of a project."""

    project: str
    environments: tuple[EnvironmentLine, ...]


@dataclass(frozen=True, slots=True)
class ShownEnvironment:
    """One environment and who says what of it."""

    project: str
    name: str
    deployed_as: str
    """The project's name there; in development it begins with your own."""
    file: str
    """The `mlops.yaml` it stands in."""
    values: tuple[Value, ...]
    notes: tuple[str, ...]
    """What the shell says besides."""


def list_environments(project: Project) -> EnvironmentList:
    """All environments, as they stand in the file."""
    return EnvironmentList(
        project.name,
        tuple(
            EnvironmentLine(
                name=name,
                kind=spec.kind,
                place=(place_of(spec) or "the local Airflow").replace("`", ""),
                platform=spec.platform,
                quality=spec.quality,
                protected=spec.protected,
                mode=spec.mode,
            )
            for name, spec in project.environments.items()
        ),
    )


def show_environment(project: Project, name: str) -> ShownEnvironment:
    """Every setting of one environment and where it comes from; nobody is asked anything.

    Raises:
        UsageError: The project has no such environment.
    """
    spec = environment_of(project, name)
    return ShownEnvironment(
        project=project.name,
        name=name,
        deployed_as=project.within(name).name,
        file=str(project.root / MANIFEST),
        values=values(project, name, spec),
        notes=overridden(spec),
    )
