"""The environment's model registry: its versions, which of them is champion, what its files are."""

from __future__ import annotations

import hashlib
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from ._mlops.runtime.champion import ALIAS
from ._mlops.runtime.keeping import sha256
from ._mlops.runtime.steps import Run, local_path

__all__ = ["ALIAS", "champion", "connect", "digest_of"]

# Written by MLflow beside a model's own files when it is fetched by its name.
_NOT_OF_THE_MODEL = frozenset({"registered_model_meta"})


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


def champion(run: Run) -> ModelVersion | None:
    """The version in service; None before the first promotion."""
    client, name = connect(run), run.settings.project
    try:
        return client.get_model_version_by_alias(name, ALIAS)
    except MlflowException as error:
        # The second is said where the model is there and no version of it has the alias.
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise


def digest_of(folder: Path) -> str:
    """The SHA-256 over a logged model: each of its files, by its path and its content."""
    whole = hashlib.sha256()
    files = (path for path in folder.rglob("*") if path.is_file())
    for path in sorted(files, key=lambda path: path.relative_to(folder).as_posix()):
        if path.name in _NOT_OF_THE_MODEL:
            continue
        name = path.relative_to(folder).as_posix()
        whole.update(f"{sha256(path)}  {name}\n".encode("utf-8", "surrogateescape"))
    return whole.hexdigest()
