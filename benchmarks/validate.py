"""`mlops validate`, cold and unchanged, against `airflow dags list-import-errors -l`."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from compare import BIN, Comparison, environment, report, seconds

ROUNDS = 5


def main() -> int:
    """Measure on a fresh Iris project; Airflow reads the very same DAG file."""
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.core.progress import Silent
    from mlops_cli.environments.interpreters import airflow_interpreter
    from mlops_cli.environments.release.build import build
    from mlops_cli.project.loader import load

    airflow = airflow_interpreter("3.3", progress=Silent()).with_name("airflow")
    cold, unchanged, theirs = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        seconds([BIN / "mlops", "new", "iris", "--defaults", "--no-git"], cwd=base)
        project = base / "iris"
        python = Path(sys.executable)
        release = build(load(project), "local", base, python=python, clock=SystemClock()).root
        dags = environment(
            AIRFLOW_HOME=str(base / "home"),
            AIRFLOW__CORE__DAGS_FOLDER=str(release / "dags"),
            AIRFLOW__CORE__LOAD_EXAMPLES="False",
            PYTHONPATH=str(release),
        )
        seconds([airflow, "db", "migrate"], env=dags)
        raw = project / "quality" / "raw.dqdl"
        for number in range(ROUNDS):
            theirs.append(seconds([airflow, "dags", "list-import-errors", "-l"], env=dags))
            with raw.open("a") as file:  # another content each time, so nothing is remembered
                file.write(f"# {number}\n")
            cold.append(seconds([BIN / "mlops", "validate"], cwd=project))
            unchanged.append(seconds([BIN / "mlops", "validate"], cwd=project))
    name = "airflow dags list-import-errors -l"
    return report(
        Comparison("mlops validate, cold", cold, name, theirs, 1.0),
        Comparison("mlops validate, unchanged", unchanged, name, theirs, 0.1),
    )


if __name__ == "__main__":
    sys.exit(main())
