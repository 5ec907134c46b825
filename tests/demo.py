"""`make demo`: the main job, from an empty folder to a promoted model, as a user types it.

The project goes to `demo/iris` and all local state to `demo/state`, so nothing else on the machine
is touched; what was built once (interpreters) stays in the user's cache folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "demo"
PROJECT = DEMO / "iris"
MLOPS = Path(sys.executable).with_name("mlops")
STATE = {"MLOPS_DATA_DIR": str(DEMO / "state")}

JOURNEY = (
    ["new", "iris", "--defaults"],
    ["validate"],
    ["test"],
    ["deploy", "--env", "local"],
    ["trigger", "training", "--follow"],
    ["models", "show", "iris"],
)


def mlops(*arguments: str, folder: Path, capture: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would, in `folder`."""
    return subprocess.run(
        [MLOPS, *arguments],
        cwd=folder,
        env=os.environ | STATE,
        text=True,
        stdout=subprocess.PIPE if capture else None,
        check=False,
    )


def say(text: str) -> None:
    """A line of ours between the tool's."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def journey() -> int:
    """Every command of the main job; the first that fails ends it with its code."""
    for command in JOURNEY:
        say(f"\n$ mlops {' '.join(command)}")
        began = time.monotonic()
        done = mlops(*command, folder=PROJECT if PROJECT.exists() else DEMO)
        say(f"  [exit {done.returncode}, {time.monotonic() - began:.1f} s]")
        if done.returncode:
            return done.returncode
    return 0


def where_to_look() -> None:
    """The registered version's metrics and the pages a person opens."""
    shown = mlops("models", "show", "iris", "--json", folder=PROJECT, capture=True)
    version = json.loads(shown.stdout)["versions"][0]
    reports = sorted((DEMO / "state").rglob("report.html"))
    prefix = f"cd {PROJECT.relative_to(ROOT)} && MLOPS_DATA_DIR=../state"
    say(f"\nRegistered: iris version {version['version']}")
    for name in ("accuracy", "precision", "recall", "f1_score"):
        say(f"  {name:<10} {version['metrics'][name]}")
    say("\nWhere to look")
    say(f"  report      {reports[-1] if reports else 'none was written'}")
    say(f"  MLflow UI   {prefix} mlops models ui")
    say(f"  Airflow UI  {prefix} mlops airflow start, then `mlops airflow open` the same way")


def main() -> int:
    """Run the journey on a clean state and leave no process behind."""
    began = time.monotonic()
    if DEMO.exists():
        mlops("airflow", "stop", folder=DEMO, capture=True)
        shutil.rmtree(DEMO)
    DEMO.mkdir()
    try:
        code = journey()
        if code == 0:
            where_to_look()
    finally:
        mlops("airflow", "stop", folder=DEMO)
    say(f"\nThe demo took {time.monotonic() - began:.0f} s.")
    return code


if __name__ == "__main__":
    sys.exit(main())
