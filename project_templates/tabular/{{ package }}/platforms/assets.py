"""The assets the pipelines tell each other by; they go by the project's name."""

from __future__ import annotations

from pathlib import Path

from airflow.sdk import Asset

from .._mlops.runtime.settings import load

_PROJECT = load(Path(__file__).resolve().parents[2]).project


def _asset(name: str) -> Asset:
    return Asset(name=f"{_PROJECT}_{name}", uri=f"mlops://{_PROJECT}/{name}")


MODEL = _asset("model")
"""A new champion: `name`, `version` and `uri`."""
INPUT = _asset("input")
"""New rows to predict: `input`, the URI of a file, and `partition`."""
PREDICTIONS = _asset("predictions")
"""Predictions were published: `partitions`, `version` and `rows`."""
RETRAIN = _asset("retrain")
"""Training was asked for: `source`, the URI of the rows to learn from, `request` and `reason`."""
