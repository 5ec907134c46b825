"""Every test starts from the same environment and never sees the user's own state."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

_STATE = tempfile.TemporaryDirectory(prefix="mlops-tests-")


def pytest_configure() -> None:
    """Take out what a developer's shell brings; interpreters stay in the user's cache folder."""
    for name in list(os.environ):
        if name.startswith(("MLOPS_", "AWS_", "AIRFLOW_", "MLFLOW_")) and name != "MLOPS_CACHE_DIR":
            del os.environ[name]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ |= {"NO_COLOR": "1", "COLUMNS": "100", "MLOPS_DATA_DIR": _STATE.name}
    # Whoever starts the tests with `nohup` or in the background makes all they start deaf.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


_SLOW = pytest.StashKey[set[Path]]()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files with a real Airflow first: one worker would end alone on them otherwise."""
    slow = {item.path for item in items if item.get_closest_marker("real")}
    items.sort(key=lambda item: item.path not in slow)
    config.stash[_SLOW] = slow


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Past the last file with a real Airflow, this process needs the shared one no more."""
    if item.path not in item.config.stash[_SLOW] and "real_airflow" in sys.modules:
        sys.modules["real_airflow"].stop_using()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show why a test was run again, also where it passed then."""
    for report in terminalreporter.getreports("rerun"):
        terminalreporter.write_sep("_", f"run again: {report.nodeid}")
        terminalreporter.write_line(report.longreprtext)


@pytest.fixture(autouse=True)
def _no_secret_of_another_test():
    """A process knows its secrets for as long as it lives; a test is a process of its own."""
    from mlops_cli.core import redact

    known = set(redact._known)
    yield
    redact._known.clear()
    redact._known.update(known)
