"""The registry as values; MLflow itself is asked by a child in the project's environment."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import ProjectError, UsageError
from mlops_cli.project.paths import data_dir

from .place import ask_mlflow, place_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_cli.core.progress import Progress
    from mlops_cli.project.model import Project

    from .place import Place

STAGES: Final = ("train", "evaluate", "audit", "deploy")
UNDEFINED: Final = "Undefined"

_SCRIPT: Final = Path(__file__).parent / "registry_query.py"
_DIGESTS: Final = ("source_sha256", "model_sha256", "lock_sha256")


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One registered version."""

    version: int
    metrics: Mapping[str, float]
    parameters: Mapping[str, str]
    stages: Mapping[str, str]
    """`train`, `evaluate`, `audit`, `deploy` to Complete, Undefined, Draft, Pending Approval,
    Rejected, Retired, Rolled Back or Archived."""
    aliases: tuple[str, ...]
    run: str | None
    """The pipeline run that made it."""
    mlflow_run: str | None
    release: str | None
    commit: str | None
    created: datetime
    decided_by: str | None = None
    """Who approved or rejected it."""
    reason: str | None = None
    """Why."""
    digests: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of the data, the model and the lock."""
    quality: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Gate to how many rules there were and how many passed, when it was trained."""
    evaluation: Mapping[str, Any] | None = None
    """What its evaluation wrote down; only where it was asked for."""


@dataclass(frozen=True, slots=True)
class ModelVersions:
    """A model and its versions, the newest first."""

    name: str
    task: str | None
    registry: str
    versions: tuple[ModelVersion, ...]


@dataclass(frozen=True, slots=True)
class ModelLine:
    """A model, in few words."""

    name: str
    versions: int
    champion: int | None
    newest: int | None
    created: datetime | None


@dataclass(frozen=True, slots=True)
class ModelList:
    """All models of a registry."""

    registry: str
    models: tuple[ModelLine, ...]


def list_models(project: Project, environment: str, *, progress: Progress) -> ModelList:
    """Every model in the environment's registry.

    Raises:
        UnavailableError: The registry could not be read.
    """
    place = place_of(project, environment)
    bodies = _query(project, place, None, progress=progress)
    found = [_model(body, place) for body in bodies]
    return ModelList(place.tracking_uri, tuple(_line(model) for model in found))


def show_model(
    project: Project,
    name: str | None,
    environment: str,
    *,
    version: int | None,
    progress: Progress,
    evaluations: bool = False,
) -> ModelVersions:
    """A model's versions, or one of them; by default the project's own model.

    Args:
        project: Whose environment.
        name: The model.
        environment: Whose registry.
        version: Only this one.
        progress: Told what happens.
        evaluations: Also fetch what the evaluation of each version wrote down.

    Raises:
        ProjectError: There is no such model or version.
        UnavailableError: The registry could not be read.
    """
    place = place_of(project, environment)
    project = project.within(environment)
    name = name or project.name
    bodies = _query(project, place, name, evaluations=evaluations, progress=progress)
    found = [_model(body, place) for body in bodies]
    if not found:
        raise ProjectError(
            f"Could not find the model `{name}`: nothing of that name is registered",
            hint=f"Train it: `mlops trigger training --env {environment}`"
            if name == project.name
            else "See what there is: `mlops models list`",
        )
    model = found[0]
    task = project.model.task if name == project.name else None
    chosen = [one for one in model.versions if version in (None, one.version)]
    if not chosen:
        numbers = ", ".join(str(one.version) for one in model.versions) or "none"
        raise UsageError(
            f"There is no version {version} of `{name}`", hint=f"Its versions: {numbers}"
        )
    return ModelVersions(name, task, model.registry, tuple(chosen))


def tracking_uri() -> str:
    """The local registry, where the local platform's steps write to."""
    return f"sqlite:///{_database()}"


def _database() -> Path:
    return data_dir() / "mlflow" / "mlflow.db"


def _query(
    project: Project,
    place: Place,
    name: str | None,
    *,
    evaluations: bool = False,
    progress: Progress,
) -> list[dict[str, Any]]:
    if place.is_empty:
        return []
    arguments = [place.tracking_uri, name or "", *(["evaluations"] if evaluations else [])]
    answer = ask_mlflow(
        project,
        _SCRIPT,
        arguments,
        what=f"read the registry `{place.tracking_uri}`",
        progress=progress,
    )
    models: list[dict[str, Any]] = answer["models"]
    return models


def _model(body: dict[str, Any], place: Place) -> ModelVersions:
    aliases: dict[int, list[str]] = {}
    for alias, number in body["aliases"].items():
        aliases.setdefault(int(number), []).append(alias)
    versions = [
        _version(version, tuple(sorted(aliases.get(version["version"], ()))))
        for version in body["versions"]
    ]
    versions.sort(key=lambda version: -version.version)
    return ModelVersions(body["name"], None, place.tracking_uri, tuple(versions))


def _version(body: dict[str, Any], aliases: tuple[str, ...]) -> ModelVersion:
    tags = body["tags"]
    return ModelVersion(
        version=body["version"],
        metrics=dict(body["metrics"]),
        parameters=dict(body["params"]),
        stages={stage: tags.get(stage, UNDEFINED) for stage in STAGES},
        aliases=aliases,
        run=tags.get("run"),
        mlflow_run=body["mlflow_run"],
        release=tags.get("release"),
        commit=tags.get("commit") or None,
        created=datetime.fromtimestamp(body["created"], UTC),
        decided_by=tags.get("approved_by") or tags.get("rejected_by"),
        reason=tags.get("approval_reason"),
        digests={name: tags[name] for name in _DIGESTS if name in tags},
        quality=json.loads(tags.get("quality", "{}")),
        evaluation=body.get("evaluation"),
    )


def _line(model: ModelVersions) -> ModelLine:
    champions = (one.version for one in model.versions if "champion" in one.aliases)
    newest = model.versions[0] if model.versions else None
    return ModelLine(
        name=model.name,
        versions=len(model.versions),
        champion=next(champions, None),
        newest=newest.version if newest else None,
        created=newest.created if newest else None,
    )
