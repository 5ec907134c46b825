"""Airflow's interpreter, started early: it imports Airflow while the static checks still run."""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from mlops_cli.core.processes import kill_group

from .airflow_side import import_dags

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SHOWN = 15


class AirflowProcess:
    """A process that imports Airflow at once, and a release's DAGs when it is told to.

    Args:
        python: Airflow's interpreter.
        home: Its working folder.
        env: Its environment.
    """

    def __init__(self, python: Path, *, home: Path, env: Mapping[str, str]) -> None:
        self.python = python
        self.home = home
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with this object
        self._child = subprocess.Popen(
            [python, import_dags.__file__],
            cwd=home,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it with all it started, if it is still there."""
        kill_group(self._child.pid)
        self._child.wait()
        with suppress(OSError):
            self._child.stdin.close()  # type: ignore[union-attr]  # PIPE was asked for
        self._log.close()

    def ask(self, request: bytes, *, timeout_seconds: float) -> str | None:
        """Have a request worked on; None when that ended well, else why it did not."""
        try:
            self._child.communicate(request, timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            return "it took too long"
        code = self._child.returncode
        return f"it ended with {code}" if code else None

    def said(self) -> str:
        """The last lines of what it printed."""
        self._log.seek(0)
        lines = self._log.read(1 << 20).decode(errors="replace").splitlines()
        return "\n".join(line[:300] for line in lines[-_SHOWN:])
