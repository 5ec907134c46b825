"""Ten rules on five million rows: the engine against a query by hand and against other tools.

    python benchmarks/quality.py [--rounds N] [--rows N] [--python TOOL=INTERPRETER …]
        [--without TOOL …] [--no-scaling]

Each of `quality_tools/` is a fresh process; its wall time, and the most memory it had, are compared
with ours in the same round. An environment that `--python` does not name is built below the cache.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import uv
from compare import Comparison, environment, report, seconds

TOOLS = Path(__file__).parent / "quality_tools"
PACKAGES = {
    "great_expectations": ["great-expectations==1.24.1", "pyarrow==26.0.1"],
    "pandera": ["pandera[pandas]==0.35.0", "pandas==3.1.1", "pyarrow==26.0.1"],
    "soda": ["soda-duckdb==4.28.0", "duckdb==2.0.0"],
}
GOALS = {"great_expectations": 0.1}
SCALES = (1_000_000, 5_000_000, 25_000_000, 50_000_000)
MEMORY_GOAL_MIB = 2048
# Numbers of customers in no order, and keys that lie too far apart to be marked one bit each.
NEAR, FAR = "(i * 2654435761) % {rows}", "(hash(i) >> 1)::BIGINT"
# Ids; prices, ages, categories, codes, times, and a column with some values missing.
ROWS = """
COPY (
    SELECT
        {id} AS id,
        (hash(i, 1) % 100000)::INTEGER AS customer,
        round(20 + (hash(i, 2) % 1000000) / 10000.0, 2) AS amount,
        (hash(i, 3) % 80 + 18)::INTEGER AS age,
        CASE WHEN hash(i, 4) % 50 > 0 THEN (hash(i, 5) % 1000000) / 1e6 END AS score,
        ['north', 'south', 'east', 'west'][1 + (hash(i, 6) % 4)::INTEGER] AS region,
        'C' || lpad((hash(i, 7) % 1000000)::VARCHAR, 6, '0') AS code,
        TIMESTAMP '2026-01-01' + INTERVAL (hash(i, 8) % 31536000) SECOND AS at,
        DATE '2020-01-01' + (hash(i, 9) % 2000)::INTEGER AS day,
        hash(i, 10) % 10 = 0 AS churned
    FROM range({rows}) AS r(i)
) TO '{path}' (FORMAT parquet)
"""


@dataclass
class Measured:
    """The rounds of one command."""

    walls: list[float] = field(default_factory=list)
    memories: list[float] = field(default_factory=list)

    @property
    def wall(self) -> float:
        """Median of the seconds."""
        return statistics.median(self.walls)

    @property
    def memory(self) -> float:
        """Median of the peaks, in MiB."""
        return statistics.median(self.memories)

    def add(self, interpreter: Path, script: str, data: Path, env: dict[str, str]) -> None:
        """Run it once more; it must find that all ten rules hold."""
        began = time.perf_counter()
        with tempfile.TemporaryFile() as said:
            child = subprocess.Popen(
                [interpreter, TOOLS / f"{script}.py", data], stdout=said, stderr=said, env=env
            )
            _, status, usage = os.wait4(child.pid, 0)
            took = time.perf_counter() - began
            child.returncode = os.waitstatus_to_exitcode(status)
            if child.returncode:
                said.seek(0)
                text = said.read().decode(errors="replace")[-2000:]
                sys.exit(f"{script} ended with {child.returncode}:\n{text}")
        self.walls.append(took)
        # Linux counts in KiB, macOS in bytes.
        self.memories.append(usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10))


def write_rows(rows: int, folder: Path, ids: str = NEAR) -> Path:
    """Write a Parquet file, in a process of its own so that this one stays small."""
    path = folder / f"{rows}.parquet"
    code = "import duckdb, sys; duckdb.execute(sys.argv[1])"
    seconds(
        [sys.executable, "-c", code, ROWS.format(rows=rows, path=path, id=ids.format(rows=rows))]
    )
    return path


def interpreter(tool: str) -> Path:
    """An environment with the tool; the second time it is there already."""
    from mlops_cli.project.paths import cache_dir

    folder = cache_dir() / "benchmarks" / tool
    python = folder / "bin" / "python"
    done = folder / "built.txt"
    packages = PACKAGES[tool]
    if not done.exists() or done.read_text() != "\n".join(packages):
        seconds(
            [uv.find_uv_bin(), "venv", "--quiet", "--clear", "--python", sys.executable, folder]
        )
        install = [uv.find_uv_bin(), "pip", "install", "--quiet", "--compile-bytecode"]
        install += ["--python", python]
        seconds([*install, *packages])
        done.write_text("\n".join(packages))
    return python


def compared(
    data: Path, tools: dict[str, Path], rounds: int, env: dict[str, str]
) -> dict[str, Measured]:
    """Run all in turn, so that a busy moment meets all; the file is read once before."""
    here = Path(sys.executable)
    commands = {"ours": (here, "ours"), "by_hand": (here, "by_hand")}
    commands |= {tool: (python, f"with_{tool}") for tool, python in tools.items()}
    found = {name: Measured() for name in commands}
    for number in range(rounds + 1):
        for name, (python, script) in commands.items():
            if number == 0:  # fills the caches of the disk and of bytecode
                Measured().add(python, script, data, env)
            else:
                found[name].add(python, script, data, env)
    return found


def comparisons(rows: int, found: dict[str, Measured], note: str = "") -> list[Comparison]:
    """Each tool against ours, with the goal it is held to, or none."""
    goals = GOALS | ({"by_hand": 1.3} if rows > 10 else {"great_expectations": 0.05})
    what = f"10 rules, {rows:,} rows{note}"
    ours = found["ours"].walls
    return [
        Comparison(what, ours, name, one.walls, goals.get(name, math.inf))
        for name, one in found.items()
        if name != "ours"
    ]


def memories(found: dict[str, Measured]) -> None:
    """Print the peaks, and ours as a share of each."""
    ours = found["ours"].memory
    for name, one in found.items():
        sys.stdout.write(f"  peak memory {name:<20} {one.memory:7.0f} MiB")
        sys.stdout.write("\n" if name == "ours" else f"   ratio {ours / one.memory:5.2f}\n")


def scaling(folder: Path, env: dict[str, str]) -> int:
    """Our own time and memory as the data grows; 1 when it takes more than it may."""
    missed = 0
    for rows in SCALES:
        data = write_rows(rows, folder)
        one = Measured()
        for _ in range(2):  # the first reads the file from the disk
            one.add(Path(sys.executable), "ours", data, env)
        data.unlink()
        verdict = "met" if one.memories[-1] <= MEMORY_GOAL_MIB else "MISSED"
        missed |= verdict == "MISSED"
        sys.stdout.write(
            f"10 rules, {rows:>11,} rows   {one.walls[-1]:7.2f} s   {one.memories[-1]:6.0f} MiB   "
            f"goal <= {MEMORY_GOAL_MIB} MiB {verdict}\n"
        )
        sys.stdout.flush()
    return missed


def main() -> int:
    """Measure; 1 when a goal was missed."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--rows", type=int, default=5_000_000)
    options.add_argument("--python", action="append", default=[], metavar="TOOL=INTERPRETER")
    options.add_argument("--without", action="append", default=[], choices=PACKAGES)
    options.add_argument("--no-scaling", action="store_true")
    given = options.parse_args()
    known = dict(one.split("=", 1) for one in given.python)
    tools = {
        tool: Path(known[tool]) if tool in known else interpreter(tool)
        for tool in PACKAGES
        if tool not in given.without
    }
    env = environment()
    missed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = compared(write_rows(given.rows, folder), tools, given.rounds, env)
        missed |= report(*comparisons(given.rows, found))
        memories(found)
        found = compared(write_rows(given.rows, folder, FAR), {}, given.rounds, env)
        missed |= report(*comparisons(given.rows, found, ", far ids"))
        small = {tool: tools[tool] for tool in ("great_expectations",) if tool in tools}
        found = compared(write_rows(10, folder), small, given.rounds, env)
        missed |= report(*comparisons(10, found))
        if not given.no_scaling:
            missed |= scaling(folder, env)
    sys.stdout.write(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors\n")
    return missed


if __name__ == "__main__":
    sys.exit(main())
