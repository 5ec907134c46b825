"""Times commands in turn and prints each as a ratio to a named alternative of the same run."""

from __future__ import annotations

import math
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from mlops_cli.core.processes import child_environment

BIN = Path(sys.executable).parent


def environment(**extra: str) -> dict[str, str]:
    """The environment of a measured child: the one the tool gives its own."""
    return child_environment(extra)


def seconds(
    command: list[str | Path], *, env: dict[str, str] | None = None, cwd: Path | None = None
) -> float:
    """Wall time of a command that must succeed."""
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=cwd, env=env or environment(), capture_output=True, text=True, check=False
    )
    took = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{command} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return took


@dataclass(frozen=True)
class Comparison:
    """One measured pair."""

    what: str
    ours: list[float]
    alternative: str
    theirs: list[float]
    goal: float

    @property
    def ratio(self) -> float:
        """Median against median."""
        return statistics.median(self.ours) / statistics.median(self.theirs)

    def __str__(self) -> str:
        verdict = "met" if self.ratio <= self.goal else "MISSED"
        goal = f"goal <= {self.goal:<5} {verdict}" if self.goal < math.inf else ""
        return (
            f"{self.what:<34} {statistics.median(self.ours):7.2f} s   "
            f"{self.alternative:<38} {statistics.median(self.theirs):7.2f} s   "
            f"ratio {self.ratio:5.2f}   {goal}"
        ).rstrip()


def report(*comparisons: Comparison) -> int:
    """Print the pairs; 1 when a goal was missed."""
    for comparison in comparisons:
        sys.stdout.write(f"{comparison}\n")
        sys.stdout.flush()
    return int(any(one.ratio > one.goal for one in comparisons))
