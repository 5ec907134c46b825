"""Thirty days without drift, through the steps of a project, in the project's own environment.

    python month_without_drift.py RELEASE FOLDER

The champion is the one of the registry; what the steps write goes to FOLDER. The last line says,
as JSON, how many windows there were, how many broke and how many trainings were asked for.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import sys
from datetime import date, timedelta
from pathlib import Path

import drifting

DAYS = 30
ROWS = 400
FIRST = date(2026, 11, 1)


def main(release: Path, folder: Path) -> None:
    """Predict, publish, measure and decide for each day."""
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false"}
    os.environ.update({**quiet, "DO_NOT_TRACK": "1"})
    package = json.loads((release / "settings.json").read_text(encoding="utf-8"))["package"]
    sys.path.insert(0, str(release))
    steps = importlib.import_module(f"{package}._mlops.runtime.steps")
    load = importlib.import_module(f"{package}._mlops.runtime.settings").load
    modules = importlib.import_module(f"{package}.__main__").STEPS
    receive, gate, predict, publish, measure, decide = (
        getattr(importlib.import_module(f"{package}.{modules[name]}"), name)
        for name in ("receive", "gate", "predict", "publish", "measure", "decide")
    )
    known = load(release)
    paths = dataclasses.replace(
        known.paths, runs=(folder / "runs").as_uri(), data=(folder / "data").as_uri()
    )
    settings = dataclasses.replace(known, paths=paths)
    columns = (drifting.KEY, drifting.TIME, *drifting.FEATURES)
    decisions = []
    for number in range(DAYS):
        day = FIRST + timedelta(days=number)
        rows = drifting.customers(day, ROWS)
        batch = drifting.write(folder / "arriving" / f"{day}.csv", rows, columns)
        run = steps.Run(settings, release, f"quiet-{day}", (folder / "runs" / str(day)).as_uri())
        data = gate(run, name="input", data=receive(run, input=batch.as_uri(), partition=""))
        predicted = gate(run, name="predictions", data=predict(run, data=data))
        publish(run, predictions=predicted)
        measure(run)
        decisions.append(decide(run, in_flight=0))
    lines = (folder / "data" / "windows.jsonl").read_text(encoding="utf-8").splitlines()
    windows = {entry["partition"]: entry for entry in map(json.loads, lines)}
    told = {
        "windows": len(windows),
        "broken": sum(window["broke"] for window in windows.values()),
        "retrained": sum(decision["retrain"] for decision in decisions),
    }
    sys.stdout.write(f"\n{json.dumps(told)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
