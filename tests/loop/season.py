"""A season of windows through the monitoring steps of a project, in the project's environment.

    python season.py PROJECT FOLDER

Thirty days without drift, then days whose features moved by one standard deviation; each training
that is asked for answers that the champion stays. At last twenty processes decide at the same
moment. The last line says, as JSON, which days broke and on which training was asked for.
"""

from __future__ import annotations

import importlib
import json
import multiprocessing
import os
import subprocess
import sys
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

QUIET = 30
FIRST = date(2026, 3, 1)
# The window before the first request, it, and days on each side of what holds the next one back.
DRIFTED = [date(2026, *day) for day in ((3, 31), (4, 1), (4, 2), (4, 7), (4, 8), (4, 15), (5, 1))]
SIZES = (100, 250, 600, 1000)
AT_ONCE = 20


def loaded(root: Path) -> SimpleNamespace:
    """The project's modules that are used here."""
    os.environ.update({"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"})
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    sys.path.insert(0, str(root))
    names = ["registry", "monitoring.measure", "monitoring.retrain"]
    names += [f"_mlops.runtime.{name}" for name in ("journal", "passport", "settings", "steps")]
    return SimpleNamespace(
        **{name.rpartition(".")[2]: importlib.import_module(f"iris.{name}") for name in names}
    )


class Season:
    """The project with its champion, and what happens to it day by day."""

    def __init__(self, root: Path, folder: Path) -> None:
        """Settings of a release whose files all lie in one folder."""
        import numpy

        self.to = loaded(root)
        self.random = numpy.random.default_rng(11)
        paths = self.to.settings.Paths(
            python=sys.executable,
            runs=(folder / "runs").as_uri(),
            data=(folder / "data").as_uri(),
            tracking_uri=f"sqlite:///{folder}/mlflow.db",
            artifacts=(folder / "artifacts").as_uri(),
        )
        known = self.to.settings.load(root)
        rule = replace(known.monitoring.retrain, budget_per_month=2)
        monitoring = replace(known.monitoring, retrain=rule)
        self.settings = replace(known, paths=paths, monitoring=monitoring)
        self.root = root
        self.version = "1"

    def run(self, name: str) -> Any:
        """A pipeline run."""
        folder = f"{self.settings.paths.runs}/{name}"
        return self.to.steps.Run(self.settings, self.root, name, folder)

    def rows(self, size: int, shift: float = 0.0) -> Any:
        """Rows of standard normal features, half of them shifted, and a learnable target."""
        import numpy
        import pandas

        names = list(self.settings.model.features)
        rows = pandas.DataFrame(self.random.normal(size=(size, len(names))), columns=names)
        rows[names[: len(names) // 2]] += shift
        rows["species"] = numpy.where(rows[names[-1]] > 0, "setosa", "virginica")
        return rows

    def promote(self) -> None:
        """Make version 1 champion, with nothing but the reference monitoring needs."""
        import mlflow

        run = self.run("training")
        client, name = self.to.registry.connect(run), self.settings.project
        reference = self.rows(2000)
        reference.assign(prediction=reference["species"]).to_parquet(run.path("reference.parquet"))
        experiment = client.create_experiment(name, self.settings.paths.artifacts)
        with mlflow.start_run(experiment_id=experiment) as tracked:
            mlflow.log_artifact(str(run.path("reference.parquet")))
        client.create_registered_model(name)
        made = client.create_model_version(
            name, tracked.info.artifact_uri, run_id=tracked.info.run_id
        )
        client.set_registered_model_alias(name, "champion", made.version)

    def published(self, day: date, rows: Any) -> None:
        """What the inference pipeline leaves of a day, and its labels."""
        import pandas

        run, folder = self.run(f"inference-{day}"), f"predictions/{day}/inference-{day}"
        inputs = run.kept(f"{folder}/input.parquet")
        predictions = run.kept(f"{folder}/predictions.parquet")
        rows.drop(columns="species").to_parquet(inputs)
        said = {"prediction": rows["species"], "model_version": self.version, "run_id": run.id}
        pandas.DataFrame(said).to_parquet(predictions)
        entry = {"partition": str(day), "run": run.id, "version": self.version, "rows": len(rows)}
        places = {"input": inputs.as_uri(), "predictions": predictions.as_uri()}
        at = f"{day}T23:00:00+00:00"
        self.to.journal.append(run.kept("predictions.jsonl"), {**entry, **places, "at": at})
        rows[["species"]].to_csv(run.kept(f"labels/{day}.csv"), index=False)

    def passed(self, day: date, *, shift: float) -> tuple[bool, bool]:
        """One day: whether its window broke, and whether training was asked for."""
        self.published(day, self.rows(SIZES[day.toordinal() % len(SIZES)], shift))
        run = self.run(f"monitoring-{day}")
        broke = bool(self.to.measure.measure(run)["broke"])
        decision = self.to.retrain.decide(run)
        if decision["retrain"]:
            self.to.retrain.retrain(run, decision=decision)
            self.to.passport.record(self.run(f"training-{day}"), "refused", version=None)
        return broke, decision["retrain"]

    def at_once(self) -> list[bool]:
        """Twenty processes that decide at the same moment; this one must not have used MLflow."""
        fork = multiprocessing.get_context("fork")
        barrier = fork.Barrier(AT_ONCE)
        answers = fork.Queue()

        def decide(number: int) -> None:
            run = self.run(f"monitoring-at-once-{number}")
            barrier.wait()
            answers.put(self.to.retrain.decide(run)["retrain"])

        started = [fork.Process(target=decide, args=(number,)) for number in range(AT_ONCE)]
        for process in started:
            process.start()
        found = [answers.get(timeout=400) for _ in started]
        for process in started:
            process.join()
        return found


def main(root: Path, folder: Path) -> None:
    """Let the season pass, and say how it was."""
    season = Season(root, folder)
    season.promote()
    told: dict[str, Any] = {"quiet": [], "drifted": [], "asked": []}
    quiet = [FIRST + timedelta(days=number) for number in range(QUIET)]
    for day in quiet + DRIFTED:
        broke, asked = season.passed(day, shift=0.0 if day in quiet else 1.0)
        if broke:
            told["quiet" if day in quiet else "drifted"].append(str(day))
        if asked:
            told["asked"].append(str(day))
    later = DRIFTED[-1] + timedelta(days=10)
    season.published(later, season.rows(200, shift=1.0))
    season.to.measure.measure(season.run("monitoring-later"))
    command = [sys.executable, __file__, root, folder, "at-once"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    told["at_once"] = json.loads(done.stdout.splitlines()[-1])
    run = season.run("done")
    decisions = season.to.journal.entries(run.kept("decisions.jsonl"))
    told["decisions"] = len(decisions)
    told["reasons"] = sorted({entry["reason"] for entry in decisions[-AT_ONCE:]})
    events = [entry["event"] for entry in season.to.passport.read(run.kept("passport.jsonl"))]
    told["requests"] = events.count("retrain_requested")
    sys.stdout.write(f"\n{json.dumps(told)}\n")


if __name__ == "__main__":
    places = Path(sys.argv[1]), Path(sys.argv[2])
    if sys.argv[3:]:
        sys.stdout.write(f"\n{json.dumps(Season(*places).at_once())}\n")
    else:
        main(*places)
