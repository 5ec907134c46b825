"""The model registry: a version is registered, approved and promoted, each step on its tags."""

from __future__ import annotations

import json
from typing import Any

import mlflow
from mlflow import MlflowClient

from ._mlops.runtime.steps import Run, local_path

ALIAS = "champion"
# The stages of a version's life, each with a state, kept as tags of the version.
REGISTERED = {
    "train": "Complete",
    "evaluate": "Complete",
    "audit": "Pending Approval",
    "deploy": "Draft",
}
APPROVED = {"audit": "Complete", "deploy": "Pending Approval"}
PROMOTED = {"deploy": "Complete"}


def connect(run: Run) -> MlflowClient:
    """A client of the environment's MLflow, which from here on is everybody's default."""
    paths = run.settings.paths
    if paths is None:
        raise RuntimeError("a checkout has no registry: deploy it, or set `paths` in settings.json")
    store = paths.tracking_uri.removeprefix("sqlite:///")
    if store != paths.tracking_uri:
        local_path(store, make_parent=True)
    mlflow.set_tracking_uri(paths.tracking_uri)
    mlflow.set_registry_uri(paths.tracking_uri)
    return mlflow.MlflowClient()


def register(run: Run, *, evaluation: dict[str, Any]) -> str:
    """Make the evaluated model a new version.

    Returns:
        The version's number.
    """
    client, name = connect(run), run.settings.project
    version = mlflow.register_model(f"models:/{evaluation['model']}", name)
    data = json.loads(run.path("source.json").read_text(encoding="utf-8"))
    facts = {
        "run": run.id,
        "release": run.settings.release,
        "commit": run.settings.commit or "",
        "source_sha256": data["sha256"],
        **{name: str(value) for name, value in evaluation["metrics"].items()},
    }
    _tag(client, name, str(version.version), REGISTERED | facts)
    print(f"{name} version {version.version}")
    return str(version.version)


def approve(run: Run, *, version: str) -> str:
    """Let the policy of `mlops.yaml` approve a version; `auto` approves what passed its gates."""
    client = connect(run)
    _tag(client, run.settings.project, version, {"approved_by": "policy auto", **APPROVED})
    return version


def promote(run: Run, *, version: str) -> dict[str, str]:
    """Make a version the champion; the old one stays in service until the alias moves.

    Returns:
        `name`, `version` and `uri` of the champion, the metadata of the asset `model`.
    """
    client, name = connect(run), run.settings.project
    _tag(client, name, version, PROMOTED)
    client.set_registered_model_alias(name, ALIAS, version)
    print(f"{name} version {version} is {ALIAS}")
    return {"name": name, "version": version, "uri": f"models:/{name}@{ALIAS}"}


def _tag(client: MlflowClient, name: str, version: str, tags: dict[str, str]) -> None:
    for key, value in tags.items():
        client.set_model_version_tag(name, version, key, value)
