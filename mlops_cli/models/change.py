"""Promotes, rolls back and archives versions, writes it into the passport, and tells Airflow."""

from __future__ import annotations

import json
import secrets
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from mlops_cli.core.creator import creator
from mlops_cli.core.errors import (
    ConflictError,
    MlopsError,
    NotAllowedError,
    ProjectError,
    UsageError,
)
from mlops_cli.environments.open import open_environment
from mlops_cli.project.loader import environment as environment_of
from mlops_cli.runs.news import announce
from mlops_cli.runtime.champion import ALIAS

from .naming import own_model
from .place import ask_mlflow, place_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.project.model import Project
    from mlops_cli.runs.news import AssetNews

Action = Literal["promote", "rollback", "archive"]

_SCRIPT: Final = Path(__file__).parent / "registry_change.py"
_VERBS: Final = {"promote": "promote", "rollback": "roll back", "archive": "archive"}
_KINDS: Final = {"conflict": ConflictError, "usage": UsageError}


@dataclass(frozen=True, slots=True)
class Wanted:
    """A change somebody asks for."""

    action: Action
    model: str
    version: int | None
    """None: of a rollback, the version before."""
    environment: str
    reason: str

    @property
    def text(self) -> str:
        """What is to be done, such as `promote `churn` version 3`."""
        number = f" version {self.version}" if self.action != "rollback" else ""
        back = f" to version {self.version}" if self.action == "rollback" and self.version else ""
        return f"{_VERBS[self.action]} `{self.model}`{number}{back}"


@dataclass(frozen=True, slots=True)
class ModelChange:
    """A version that was promoted, returned to or archived."""

    environment: str
    model: str
    action: Action
    version: int
    before: int | None
    """The version that was in service until then."""
    changed: bool
    """Not, when it was so already."""
    by: str
    reason: str
    news: AssetNews | None
    """What Airflow was told, and what that started."""
    untold: str | None
    """Why Airflow was not told."""


def change(
    project: Project,
    action: Action,
    name: str | None,
    version: int | None,
    environment: str,
    *,
    reason: str,
    tell: bool,
    approve: Callable[[Wanted], bool],
    progress: Progress,
    clock: Clock,
) -> ModelChange:
    """Change the state of a version, and tell Airflow of a new champion.

    Args:
        project: Whose model.
        action: What is to be done.
        name: The model; by default the project's.
        version: The version; None for a rollback to the one before.
        environment: Whose registry.
        reason: Why; it is kept.
        tell: Say in Airflow that the model is new, so that what waits for it runs.
        approve: Asked before a protected environment is changed.
        progress: Told what happens.
        clock: For waiting.

    Raises:
        UsageError: There is no such version, or the model is not the project's.
        ConflictError: The state it is in forbids it.
        NotAllowedError: The environment is protected, and nobody approved.
        ProjectError: Nothing is registered, or the passport is not on this machine.
        UnavailableError: MLflow failed.
    """
    spec = environment_of(project, environment)
    model = own_model(project.within(environment), name)
    wanted = Wanted(action, model, version, environment, reason)
    place = place_of(project, environment)
    if place.is_empty:
        raise ProjectError(
            f"Could not {wanted.text}: nothing is registered in `{environment}`",
            hint=f"Train a model: `mlops trigger training --env {environment}`",
        )
    if spec.protected and not approve(wanted):
        raise NotAllowedError(
            f"Could not {wanted.text} in `{environment}`: it is protected, and nobody approved",
            hint="Give the same command with `--yes`",
            state="Nothing was changed",
        )
    facts = {
        "environment": environment,
        "by": creator(),
        "reason": reason,
        "request": f"c-{secrets.token_hex(6)}",
    }
    request = {
        "action": action,
        "tracking_uri": place.tracking_uri,
        "name": model,
        "version": None if version is None else str(version),
        "passport": str(place.passport),
        "facts": facts,
    }
    done = _carried_out(project, wanted, request, progress=progress)
    news, untold = None, None
    if action != "archive":
        news, untold = _tell(
            project, wanted, done["version"], tell=tell, progress=progress, clock=clock
        )
    return ModelChange(
        environment=environment,
        model=model,
        action=action,
        version=int(done["version"]),
        before=None if done["before"] is None else int(done["before"]),
        changed=done["changed"],
        by=facts["by"],
        reason=reason,
        news=news,
        untold=untold,
    )


def _carried_out(
    project: Project, wanted: Wanted, request: dict[str, Any], *, progress: Progress
) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="mlops-change-") as folder:
        file = Path(folder) / "request.json"
        file.write_text(json.dumps(request), encoding="utf-8")
        answer = ask_mlflow(
            project, _SCRIPT, [str(file)], what=wanted.text, changes=True, progress=progress
        )
    if refused := answer.get("refused"):
        raise _KINDS[refused["kind"]](
            f"Could not {wanted.text}: {refused['message']}",
            hint=refused["hint"],
            state="Nothing was changed",
        )
    done: dict[str, Any] = answer["done"]
    return done


def _tell(
    project: Project,
    wanted: Wanted,
    version: str,
    *,
    tell: bool,
    progress: Progress,
    clock: Clock,
) -> tuple[AssetNews | None, str | None]:
    """Say in Airflow that there is a new champion; what hinders that does not undo it."""
    if not tell:
        return None, "not asked for"
    name, environment = wanted.model, wanted.environment
    extra = {"name": name, "version": version, "uri": f"models:/{name}@{ALIAS}"}
    try:
        opened = open_environment(project, environment, start=False, progress=progress, clock=clock)
        if opened.api is None:
            return None, "the local Airflow does not run"
        news = announce(
            project,
            f"{name}_model",
            environment,
            conf=[json.dumps(extra)],
            event_id=None,
            follow=True,
            progress=progress,
            clock=clock,
        )
    except MlopsError as error:
        return None, error.message
    return news, None
