"""Reads an MLflow registry and writes it as JSON; run by path in a project's own environment.

    python registry_query.py ANSWER.json TRACKING_URI [NAME [evaluations]]

It imports nothing of ours: the command line must not need MLflow, nor the project ours.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

EVALUATION = "evaluation.json"


def main(answer: str, tracking_uri: str, name: str = "", evaluations: str = "") -> None:
    """Write down every model with its versions, or only one model; with what evaluations wrote."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "1")
    from mlflow import MlflowClient  # type: ignore[import-not-found, unused-ignore]

    client = MlflowClient(tracking_uri=tracking_uri, registry_uri=tracking_uri)
    models = [
        {
            "name": model.name,
            "aliases": {alias: str(version) for alias, version in model.aliases.items()},
            "versions": [
                _version(client, version, whole=bool(evaluations))
                for version in _all(client.search_model_versions, f"name = '{model.name}'")
            ],
        }
        for model in _all(client.search_registered_models, None)
        if name in ("", model.name)
    ]
    Path(answer).write_text(json.dumps({"models": models}), encoding="utf-8")


def _version(client: Any, version: Any, *, whole: bool) -> dict[str, Any]:  # noqa: ANN401 -- MLflow's
    run = client.get_run(version.run_id) if version.run_id else None
    body = {
        "version": int(version.version),
        "created": version.creation_timestamp / 1000,
        "tags": dict(version.tags),
        "mlflow_run": version.run_id,
        "metrics": dict(run.data.metrics) if run else {},
        "params": dict(run.data.params) if run else {},
    }
    if whole and run is not None:
        body["evaluation"] = _evaluation(client, version.run_id)
    return body


def _evaluation(client: Any, run_id: str) -> Any:  # noqa: ANN401 -- MLflow's types, any JSON
    """What the evaluation of a version wrote down; None where it is not there (any more)."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            path = client.download_artifacts(run_id, EVALUATION, folder)
            return json.loads(Path(path).read_text(encoding="utf-8"))
    except Exception:  # noqa: BLE001 -- MLflow's stores raise what they like
        return None


def _all(search: Any, query: str | None) -> list[Any]:  # noqa: ANN401 -- MLflow's own types
    found: list[Any] = []
    token = None
    while True:
        page = search(query, max_results=200, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


if __name__ == "__main__":
    main(*sys.argv[1:])
