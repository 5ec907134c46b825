"""Ten million rows through the inference pipeline, against the bare `model.predict`.

    python benchmarks/inference.py [--rows N] [--rounds N] [--trees N] [--days N]

A project is generated and trained; then its own steps run as a worker runs them, each a process
of its own: receive, gate, predict, gate, publish. The bare prediction reads the same batches of
the same file with the same model and keeps nothing. Both are timed whole, imports and all.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from compare import BIN, Comparison, environment, report, seconds

from mlops_cli.core.progress import Silent
from mlops_cli.environments.interpreters import project_interpreter
from mlops_cli.runtime.settings import Paths, load

FEATURES = 20
GOAL, MEMORY_GOAL_MIB = 1.5, 2048
BARE_NAME = "bare model.predict"

TRAINING = """
import random
made = random.Random(0)
print(*(f"x{{n}}" for n in range({features})), "y", sep=",")
for _ in range(4000):
    row = [made.gauss(0, 1) for _ in range({features})]
    y = "yes" if sum(row[:5]) + made.gauss(0, 1) > 0 else "no"
    print(*(f"{{v:.4f}}" for v in row), y, sep=",")
"""
ROWS = """
COPY (
    SELECT DATE '2026-01-01' + (i * {days} // {rows})::INTEGER AS day, {columns}
    FROM range({rows}) AS r(i)
) TO '{path}' (FORMAT parquet)
"""
# As uniform as it comes, which makes the walks through the trees no cheaper than real rows do.
COLUMN = "(hash(i, {n}) % 1000000) / 166666.0 - 3.0 AS x{n}"
BARE = """
import sys
import mlflow
import pyarrow.parquet as pq
from {package} import registry
from {package}._mlops.runtime import settings, steps
from {package}.inference.rows import BATCH_ROWS
from pathlib import Path

root = Path.cwd()
registry.connect(steps.Run(settings.load(root), root, "bare", ""))
model = mlflow.sklearn.load_model("models:/{package}@champion")
names = [f"x{{n}}" for n in range({features})]
with pq.ParquetFile(sys.argv[1], pre_buffer=False) as file:
    for batch in file.iter_batches(BATCH_ROWS, columns=names):
        model.predict(batch.to_pandas())
"""


def main() -> int:
    """Measure each step's peak, and the prediction against the bare one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--trees", type=int, default=20)
    parser.add_argument("--days", type=int, default=1, help="how many partitions there are")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        worker = Worker(Path(folder), trees=asked.trees)
        worker.train()
        batch = Path(folder) / "batch.parquet"
        make_rows(batch, asked.rows, asked.days)
        worker.step("receive", input=batch.as_uri())
        worker.step("gate", name="input", data=worker.uri("input.parquet"))
        ours, theirs = [], []
        for _ in range(asked.rounds):
            theirs.append(worker.bare())
            ours.append(worker.step("predict", data=worker.uri("input.parquet")))
        worker.step("gate", name="predictions", data=worker.uri("predictions.parquet"))
        worker.step("publish", predictions=worker.uri("predictions.parquet"))
        worker.show_peaks()
        worker.show_cpu()
        what = f"predict {asked.rows:,} rows x {FEATURES}"
        missed = report(Comparison(what, ours, BARE_NAME, theirs, GOAL))
        return int(missed or max(worker.peaks.values()) > MEMORY_GOAL_MIB)


class Worker:
    """A generated project, and its steps as a worker runs them."""

    def __init__(self, folder: Path, *, trees: int) -> None:
        """Generate the project and settle where its files go."""
        self.folder, self.root = folder, folder / "bench"
        self.peaks: dict[str, float] = {}
        self.cpu: dict[str, list[float]] = {}
        data = folder / "training.csv"
        text = subprocess.check_output(
            [sys.executable, "-c", TRAINING.format(features=FEATURES)], text=True
        )
        data.write_text(text, encoding="utf-8")
        families = json.dumps({"random_forest": {"n_estimators": [trees], "max_depth": [10]}})
        new = [BIN / "mlops", "new", "bench", "--data", data, "--target", "y", "--into", folder]
        seconds([*new, "--set", f"families={families}", "--defaults", "--no-git"])
        self.python = project_interpreter(self.root, progress=Silent())
        self._settle()

    def _settle(self) -> None:
        """Write what a release would: the settings, with where everything goes."""
        paths = Paths(
            python=str(self.python),
            runs=(self.folder / "runs").as_uri(),
            data=(self.folder / "data").as_uri(),
            tracking_uri=f"sqlite:///{self.folder}/mlflow.db",
            artifacts=(self.folder / "artifacts").as_uri(),
        )
        known = load(self.root)
        model = dataclasses.replace(known.model, time="day")
        settings = dataclasses.replace(known, model=model, paths=paths)
        text = json.dumps(dataclasses.asdict(settings))
        (self.root / "settings.json").write_text(text, encoding="utf-8")

    def uri(self, name: str) -> str:
        """A file of the run."""
        return (self.folder / "runs" / "run" / name).as_uri()

    def train(self) -> None:
        """Have a champion."""
        self.step("ingest")
        self.step("prepare", data=self.uri("raw.parquet"))
        [candidate] = self.step_result("candidates", data=self.uri("train.parquet"))
        fitted = self.step_result("fit", **candidate)
        verdict = self.step_result("evaluate", candidate=fitted, data=self.uri("train.parquet"))
        version = self.step_result("register", evaluation=verdict)
        self.step("promote", version=version)
        self.peaks.clear()

    def step(self, name: str, /, **inputs: object) -> float:
        """Run a step and remember its peak; how long it took."""
        given = [
            f"--{key}={value if isinstance(value, str) else json.dumps(value)}"
            for key, value in inputs.items()
        ]
        result = self.folder / "result.json"
        command = ["-m", "bench", name, f"--run={self.uri('')}", "--run-id=run"]
        shown = f"{name} {inputs['name']}" if name == "gate" else name
        took, peak = self._run(shown, [*command, f"--result={result}", *given])
        self.peaks[shown] = max(peak, self.peaks.get(shown, 0.0))
        return took

    def step_result(self, name: str, /, **inputs: object) -> object:
        """Run a step; what it returned."""
        self.step(name, **inputs)
        return json.loads((self.folder / "result.json").read_text(encoding="utf-8"))["value"]

    def bare(self) -> float:
        """Predict the same batches with nothing round it; how long it took."""
        code = BARE.format(package="bench", features=FEATURES)
        path = self.folder / "runs" / "run" / "input.parquet"
        took, peak = self._run(BARE_NAME, ["-c", code, str(path)])
        self.peaks[BARE_NAME] = peak
        return took

    def _run(self, shown: str, arguments: list[str]) -> tuple[float, float]:
        """Wall time of a child that must succeed, and its peak in MiB."""
        extra = {
            "OMP_NUM_THREADS": "1",
            "PYTHONPATH": str(self.root),
            "GIT_PYTHON_REFRESH": "quiet",
        }
        began = time.perf_counter()
        with tempfile.TemporaryFile("w+") as output:
            child = subprocess.Popen(
                [self.python, *arguments],
                cwd=self.root,
                env=environment(**extra),
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            took = time.perf_counter() - began
            if child.returncode:
                output.seek(0)
                sys.exit(f"{arguments[:3]} ended with {child.returncode}:\n{output.read()}")
        self.cpu.setdefault(shown, []).append(usage.ru_utime + usage.ru_stime)
        return took, usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)

    def show_cpu(self) -> None:
        """Print what the processor did for both, which a busy machine changes less."""
        ours, theirs = (min(self.cpu[name]) for name in ("predict", BARE_NAME))
        sys.stdout.write(f"  processor time {ours:.1f} s / {theirs:.1f} s = {ours / theirs:.2f}\n")

    def show_peaks(self) -> None:
        """Print the peaks."""
        for name, peak in self.peaks.items():
            goal = "" if name == BARE_NAME else f"   goal <= {MEMORY_GOAL_MIB} MiB"
            sys.stdout.write(f"  peak memory {name:<20} {peak:7.0f} MiB{goal}\n")


def make_rows(path: Path, rows: int, days: int) -> None:
    """Write the batch, in a process of its own: a child's peak begins with its parent's."""
    columns = ", ".join(COLUMN.format(n=n) for n in range(FEATURES))
    query = ROWS.format(rows=rows, days=days, columns=columns, path=path)
    code = (
        "import duckdb, sys; duckdb.connect(config={'memory_limit': '1GiB'}).execute(sys.argv[1])"
    )
    seconds([sys.executable, "-c", code, query])


if __name__ == "__main__":
    sys.exit(main())
