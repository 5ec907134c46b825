from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

# Also when this folder is run alone, without the conftest above it.
sys.path[:0] = [str(Path(__file__).parents[1])]

from fakes.airflow_server import FakeAirflow  # noqa: E402 -- see above
from fakes.projects import write_project  # noqa: E402

from mlops_cli.core.processes import child_environment  # noqa: E402
from mlops_cli.core.progress import Silent  # noqa: E402
from mlops_cli.environments.interpreters import project_interpreter  # noqa: E402
from mlops_cli.models import registry_change  # noqa: E402
from mlops_cli.models.place import place_of  # noqa: E402
from mlops_cli.models.registry import tracking_uri  # noqa: E402
from mlops_cli.project.loader import load  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlops_cli.project.model import Project

_LOCK = Path(__file__).parents[2] / "project_templates/tabular/requirements.lock"
_DRIVER = Path(__file__).parent / "drive_registry.py"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "state"))
    root = write_project(tmp_path)
    (root / "requirements.lock").write_text(_LOCK.read_text())
    return load(root)


@pytest.fixture
def registered(project: Project, tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Writes versions into a real MLflow registry, changes them, and says what came of each."""

    def register(
        *versions: dict[str, object], changes: Sequence[tuple[str, str | None, bool]] = ()
    ) -> list[dict[str, Any]]:
        python = project_interpreter(project.root, progress=Silent())
        (tmp_path / "state/mlflow").mkdir(parents=True)
        request = {
            "tracking_uri": tracking_uri(),
            "artifacts": str(tmp_path / "artifacts"),
            "versions": versions,
            "script": registry_change.__file__,
            "name": "churn",
            "passport": str(place_of(project, "local").passport),
            "changes": [(number, *one) for number, one in enumerate(changes)],
        }
        file = tmp_path / "request.json"
        file.write_text(json.dumps(request))
        done = subprocess.run(
            [python, _DRIVER, file],
            check=False,
            timeout=300,
            env=child_environment({"MLFLOW_DISABLE_TELEMETRY": "true"}),
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return register


@pytest.fixture
def served() -> Iterator[FakeAirflow]:
    with FakeAirflow().serving() as server:
        yield server
