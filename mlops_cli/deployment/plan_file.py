"""A plan in a file: what was looked at is what is deployed, or nothing is."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlops_cli import __version__
from mlops_cli.core.errors import ConflictError, ProjectError, UsageError
from mlops_cli.core.files import write_atomic

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from .plan import Plan

_SCHEMA: Final = 1
_KIND: Final = "DeployPlan"


@dataclass(frozen=True, slots=True)
class PlanFile:
    """What binds a plan to the content it deploys and to the moment it was made."""

    path: Path
    project: str
    environment: str
    target: str
    release: str
    digest: str
    base: str | None
    """The etag of the pointer it was made from; None: nothing was live."""
    promoted_from: str | None


def write(path: Path, made: Plan, *, now: datetime) -> None:
    """Keep a plan.

    Raises:
        ProjectError: The file cannot be written.
    """
    body = {
        "schema": _SCHEMA,
        "kind": _KIND,
        "tool": __version__,
        "made_at": now.isoformat(),
        "project": made.project,
        "environment": made.environment,
        "target": made.target,
        "release": made.release,
        "digest": made.digest,
        "base": made.base,
        "promoted_from": made.promoted_from,
        # For whoever reads it; what follows from the content is found out again.
        "files": {change.path: change.change for change in made.files},
        "dags": {dag.dag_id: dag.change for dag in made.dags},
    }
    text = json.dumps(body, indent=1, ensure_ascii=False) + "\n"
    try:
        write_atomic(path, text)
    except OSError as error:
        raise ProjectError(
            f"Could not write the plan to `{path}`: {error.strerror or error}"
        ) from error


def read(path: Path) -> PlanFile:
    """Read a kept plan.

    Raises:
        ProjectError: It cannot be read, or is not a plan of this tool.
    """
    try:
        return _decoded(path, json.loads(path.read_bytes()))
    except OSError as error:
        raise ProjectError(
            f"Could not read the plan `{path}`: {error.strerror or error}"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ProjectError(
            f"Could not read the plan `{path}`: it is not one that this version of mlops wrote",
            hint=f"Make one: `mlops deploy --plan-out {path}`",
        ) from error


def _decoded(path: Path, body: dict[str, Any]) -> PlanFile:
    if body["kind"] != _KIND or body["schema"] != _SCHEMA:
        raise KeyError("kind")
    texts = ("project", "environment", "target", "release", "digest")
    named = {name: body[name] for name in texts}
    if not all(isinstance(value, str) for value in named.values()):
        raise TypeError("a value is no text")
    return PlanFile(path, **named, base=body["base"], promoted_from=body["promoted_from"])


def require_for(kept: PlanFile, project: str, environment: str) -> None:
    """Refuse a plan for something else.

    Raises:
        UsageError: It is for another project or environment.
    """
    for what, planned, asked in (
        ("project", kept.project, project),
        ("environment", kept.environment, environment),
    ):
        if planned != asked:
            raise UsageError(
                f"Could not deploy by `{kept.path}`: it is a plan for the {what} `{planned}`, "
                f"not `{asked}`",
                hint=f"mlops deploy --env {kept.environment} --plan {kept.path}"
                if what == "environment"
                else None,
            )


def require_fresh(kept: PlanFile, made: Plan) -> None:
    """Refuse a plan that the world, or the project, has gone past.

    Raises:
        ConflictError: Another release is live than the plan was made from, or the project holds
            other content, or goes elsewhere.
    """
    if kept.digest == made.digest and kept.target == made.target and made.unchanged:
        return  # it was carried out: running it again finishes what is left
    reason = None
    if kept.target != made.target:
        reason = f"it was made for {kept.target}, and this is {made.target}"
    elif kept.base != made.base:
        now = f"release `{made.live}` is" if made.live else "nothing is"
        reason = f"{now} live now, which is not what it was made from"
    elif kept.digest != made.digest:
        reason = "the project's content is not what was planned"
    if reason:
        raise ConflictError(
            f"Could not deploy by `{kept.path}`, the plan is stale: {reason}",
            hint="Make and look at a new one: "
            f"`mlops deploy --env {made.environment} --plan-out {kept.path}`",
            state="Nothing was changed",
        )
