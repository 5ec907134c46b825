"""Every test starts from the same environment and never sees the user's own state."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

_STATE = tempfile.TemporaryDirectory(prefix="mlops-tests-")


def pytest_configure() -> None:
    """Take out what a developer's shell brings; interpreters stay in the user's cache folder."""
    for name in list(os.environ):
        if name.startswith(("MLOPS_", "AWS_", "AIRFLOW_", "MLFLOW_")) and name != "MLOPS_CACHE_DIR":
            del os.environ[name]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ |= {"NO_COLOR": "1", "COLUMNS": "100", "MLOPS_DATA_DIR": _STATE.name}
