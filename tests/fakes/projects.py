"""A small project: as much as a release needs, quick to write and to change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_cli.project.loader import load

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_cli.project.model import Project

    from .airflow_server import FakeAirflow

_MANIFEST = """\
version: 1
name: {name}
owner: team
model:
  task: classification
  target: species
  features: {{petal: number}}
  source: data/rows.csv
  training: {{families: {{random_forest: {{}}}}}}
  evaluation: {{thresholds: {{accuracy: {{minimum: 0.9}}}}}}
environments:
  local: {{kind: local{protected}}}
"""
_DAG = """\
import json
from pathlib import Path

from airflow.sdk import DAG

from {name} import words

SETTINGS = json.loads((Path(__file__).parents[1] / "settings.json").read_text())
training = DAG(dag_id=SETTINGS["dag_ids"]["training"])
training.word = words.WORD
"""


def write_project(
    folder: Path, *, name: str = "churn", word: str = "one", protected: bool = False
) -> Path:
    """Write a project and return its root."""
    root = folder / name
    for part in ("dags", name, "quality", "data"):
        (root / part).mkdir(parents=True, exist_ok=True)
    mark = ", protected: true" if protected else ""
    (root / "mlops.yaml").write_text(_MANIFEST.format(name=name, protected=mark))
    (root / "dags/training.py").write_text(_DAG.format(name=name))
    (root / name / "__init__.py").write_text("")
    (root / name / "words.py").write_text(f'WORD = "{word}"\n')
    (root / "quality/raw.dqdl").write_text("Rules = [ RowCount > 1 ]\n")
    (root / "data/rows.csv").write_text("petal,species\n1,a\n")
    (root / "requirements.lock").write_text("")
    return root


def say(root: Path, word: str) -> Project:
    """Change the project's content, and read it again."""
    (root / root.name / "words.py").write_text(f'WORD = "{word}"\n')
    return load(root)


def add_staging(root: Path, served: FakeAirflow, releases: Path) -> None:
    """Give a project an environment: a self-hosted Airflow, with a folder for its releases."""
    with (root / "mlops.yaml").open("a") as file:
        file.write(
            f"  staging:\n    kind: airflow\n    url: {served.url}\n"
            f"    auth: {{kind: password, username: {served.username}, "
            "password: 'env:CHURN_PASSWORD'}\n"
            f"    store: {{kind: folder, path: {releases}}}\n"
        )
