"""Somebody who types commands, and what they are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True)
class Said:
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    @property
    def result(self) -> dict[str, Any]:
        """What `--json` printed."""
        return json.loads(self.out)

    @property
    def text(self) -> str:
        return self.out + self.err


@dataclass(frozen=True)
class User:
    """Somebody who types `mlops …` in a folder."""

    data: Path

    def types(self, *arguments: str | Path, folder: Path) -> Said:
        done = subprocess.run(
            [sys.executable, "-m", "mlops_cli", *map(str, arguments)],
            cwd=folder,
            env=os.environ | {"MLOPS_DATA_DIR": str(self.data)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=560,
            check=False,
        )
        assert "Traceback (most recent call last)" not in done.stderr
        return Said(done.returncode, done.stdout, done.stderr)


def until(there: Callable[[], Any], what: str, seconds: float = 240.0) -> Any:
    """What is there at last, asked for once a second."""
    deadline = time.monotonic() + seconds
    while not (found := there()):
        assert time.monotonic() < deadline, f"{what} never came"
        time.sleep(1)
    return found
