"""The drift of a million rows and twenty features: a project's own step against bare Evidently.

    python benchmarks/drift.py [--rounds N] [--rows N]

Both read the same files in a fresh process of the project's environment, and compare the same
columns by the same methods. Importing is left out of neither; it is the same libraries.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from compare import BIN, Comparison, report, seconds

from mlops_cli.core.progress import Silent
from mlops_cli.environments.interpreters import project_interpreter

NUMBERS, TEXTS = 16, 4
REFERENCE = 50_000
GOAL = 1.1
ROWS = """
import sys
import numpy as np, pandas as pd
folder, rows, reference, numbers, texts = sys.argv[1], *map(int, sys.argv[2:])

def made(size, seed):
    random = np.random.default_rng(seed)
    columns = {f"n{at}": random.normal(size=size) for at in range(numbers)}
    for at in range(texts):
        columns[f"t{at}"] = random.choice([f"value {one}" for one in range(3 + 5 * at)], size)
    return pd.DataFrame(columns), random.choice(["yes", "no"], size)

features, answers = made(rows, 1)
features.to_parquet(f"{folder}/input.parquet")
pd.DataFrame({"prediction": answers, "model_version": "1"}).to_parquet(
    f"{folder}/predictions.parquet"
)
features, answers = made(reference, 2)
features.assign(prediction=answers).to_parquet(f"{folder}/reference.parquet")
"""
OURS = """
import json, sys
from dataclasses import replace
from pathlib import Path
import pandas as pd
root, folder = map(Path, sys.argv[1:3])
sys.path.insert(0, str(root))
from iris.monitoring import drift, reference
from iris._mlops.runtime.settings import load
settings = load(root)
kinds = {name: "number" if name[0] == "n" else "text" for name in json.loads(sys.argv[3])}
model = replace(settings.model, features=kinds)
entry = {"partition": "2026-01-01", "version": "1"}
entry |= {name: str(folder / f"{name}.parquet") for name in ("input", "predictions")}
kept = reference.Reference("1", pd.read_parquet(folder / "reference.parquet"))
window = reference.read_window(entry, model)
found = drift.measured(model, settings.monitoring.drift, kept, window)
columns = {**found["columns"], "prediction": found["prediction"]}
print(json.dumps({name: [one["method"], one["threshold"]] for name, one in columns.items()}))
"""
THEIRS = """
import json, sys
from pathlib import Path
import pandas as pd
from evidently import DataDefinition, Dataset, Report
from evidently.metrics import ValueDrift
folder, methods = Path(sys.argv[2]), json.loads(sys.argv[4])
features = json.loads(sys.argv[3])
now = pd.read_parquet(folder / "input.parquet", columns=features)
now["prediction"] = pd.read_parquet(folder / "predictions.parquet")["prediction"]
before = pd.read_parquet(folder / "reference.parquet")
numbers = [name for name in features if name[0] == "n"]
definition = DataDefinition(
    numerical_columns=numbers, categorical_columns=[name for name in methods if name not in numbers]
)
report = Report(
    [ValueDrift(column=name, method=how, threshold=at) for name, (how, at) in methods.items()],
    include_tests=True,
)
done = report.run(
    current_data=Dataset.from_pandas(now, definition),
    reference_data=Dataset.from_pandas(before, definition),
)
assert len(done.dict()["metrics"]) == len(methods)
"""


def main() -> int:
    """Make the rows, then measure both in turn."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run(
            [BIN / "mlops", "new", "iris", "--defaults", "--no-git", "--into", folder],
            check=True,
            capture_output=True,
        )
        root = folder / "iris"
        python = project_interpreter(root, progress=Silent())
        sizes = (options.rows, REFERENCE, NUMBERS, TEXTS)
        seconds([python, "-c", ROWS, folder, *map(str, sizes)])
        features = [f"n{at}" for at in range(NUMBERS)] + [f"t{at}" for at in range(TEXTS)]
        arguments: list[str | Path] = [root, folder, json.dumps(features)]
        said = subprocess.run(
            [python, "-c", OURS, *arguments], capture_output=True, text=True, check=True
        ).stdout
        methods = said.strip().splitlines()[-1]
        ours: list[float] = []
        theirs: list[float] = []
        for _ in range(options.rounds):
            ours.append(seconds([python, "-c", OURS, *arguments]))
            theirs.append(seconds([python, "-c", THEIRS, *arguments, methods]))
    what = f"drift, {options.rows:,} rows x {NUMBERS + TEXTS}"
    return report(Comparison(what, ours, "Evidently called directly", theirs, GOAL))


if __name__ == "__main__":
    sys.exit(main())
