"""The registry as values; MLflow itself is asked by a child in the project's environment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import ProjectError, UnavailableError, UsageError
from mlops_cli.core.processes import child_environment, run
from mlops_cli.environments.interpreters import project_interpreter
from mlops_cli.project.loader import environment as environment_of
from mlops_cli.project.paths import data_dir

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_cli.core.progress import Progress
    from mlops_cli.project.model import Project

STAGES: Final = ("train", "evaluate", "audit", "deploy")
UNDEFINED: Final = "Undefined"

_SCRIPT: Final = Path(__file__).parent / "registry_query.py"
_SECONDS: Final = 120.0
_SHOWN_LINES: Final = 8


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One registered version."""

    version: int
    metrics: Mapping[str, float]
    parameters: Mapping[str, str]
    stages: Mapping[str, str]
    """`train`, `evaluate`, `audit`, `deploy` to Complete, Undefined, Draft or Pending Approval."""
    aliases: tuple[str, ...]
    run: str | None
    """The pipeline run that made it."""
    mlflow_run: str | None
    release: str | None
    commit: str | None
    created: datetime


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
    environment_of(project, environment)
    found = [_model(body) for body in _query(project, None, progress=progress)]
    return ModelList(tracking_uri(), tuple(_line(model) for model in found))


def show_model(
    project: Project,
    name: str | None,
    environment: str,
    *,
    version: int | None,
    progress: Progress,
) -> ModelVersions:
    """A model's versions, or one of them; by default the project's own model.

    Raises:
        ProjectError: There is no such model or version.
        UnavailableError: The registry could not be read.
    """
    environment_of(project, environment)
    project = project.within(environment)
    name = name or project.name
    found = [_model(body) for body in _query(project, name, progress=progress)]
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


def _query(project: Project, name: str | None, *, progress: Progress) -> list[dict[str, Any]]:
    if not _database().is_file():  # asking MLflow would make an empty one
        return []
    python = project_interpreter(project.root, progress=progress)
    arguments = [tracking_uri(), *([name] if name else [])]
    with progress.step("Reading the model registry"):
        child = run(
            # Isolated: a module in the current folder must not stand in for MLflow's own.
            [python, "-I", _SCRIPT, *arguments],
            timeout_seconds=_SECONDS,
            cwd=data_dir(),
            env=child_environment({"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}),
        )
    lines = child.output.splitlines()
    if child.returncode == 0 and lines:
        models: list[dict[str, Any]] = json.loads(lines[-1])["models"]
        return models
    reason = f"MLflow did not answer in {_SECONDS:.0f} s" if child.timed_out else "MLflow failed"
    shown = "".join(f"\n  {line}" for line in lines[-_SHOWN_LINES:])
    raise UnavailableError(f"Could not read the registry `{tracking_uri()}`: {reason}{shown}")


def _model(body: dict[str, Any]) -> ModelVersions:
    aliases: dict[int, list[str]] = {}
    for alias, number in body["aliases"].items():
        aliases.setdefault(int(number), []).append(alias)
    versions = [
        _version(version, tuple(sorted(aliases.get(version["version"], ()))))
        for version in body["versions"]
    ]
    versions.sort(key=lambda version: -version.version)
    return ModelVersions(body["name"], None, tracking_uri(), tuple(versions))


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
