"""Kills `mlops new` at random points and checks that there is a whole project or none.

`python tests/faults/kill_new.py 50 [SIGKILL|SIGINT|SIGTERM]` prints what happened.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

COMMAND = (sys.executable, "-m", "mlops_cli", "new", "churn", "--defaults")
LITTER = ".mlops-new-*"


def start(folder: Path, *more: str) -> subprocess.Popen[str]:
    """Start `mlops new churn` in a folder, with a home of its own."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "MLOPS_"))}
    environment |= {"HOME": str(folder.parent / "home"), "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.Popen(
        [*COMMAND, *more],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def digest(root: Path) -> str:
    """What a project consists of, whatever git's own files are."""
    total = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if path.is_file() and name.parts[0] != ".git":
            total.update(f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return total.hexdigest()


def committed(root: Path) -> bool:
    """The project's repository holds it all."""
    done = subprocess.run(
        ["git", "status", "--porcelain"], cwd=root, capture_output=True, text=True, check=False
    )
    return done.returncode == 0 and not done.stdout


def kill(count: int, number: int, *, seed: int | None = None) -> Counter[str]:
    """Run it `count` times, each stopped by the signal at a random moment.

    Raises:
        AssertionError: There was a half project, or something was left behind.
    """
    chance = random.Random(seed)
    happened: Counter[str] = Counter()
    base = Path(tempfile.mkdtemp(prefix="mlops-kill-new-"))
    try:
        work = base / "work"
        (base / "home").mkdir()
        work.mkdir()
        (base / "home/.gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.test\n")
        began = time.monotonic()
        assert start(work).wait(timeout=120) == 0
        took = time.monotonic() - began
        whole = digest(work / "churn")
        shutil.rmtree(work / "churn")
        for _ in range(count):
            happened[_once(work, whole, number, chance.uniform(0.3, 1.05) * took)] += 1
        time.sleep(0.3)  # a git that outlived its parent ends
        assert start(work).wait(timeout=120) == 0
        assert digest(work / "churn") == whole
        assert committed(work / "churn")
        assert [path.name for path in work.iterdir()] == ["churn"]
    finally:
        shutil.rmtree(base, ignore_errors=True)
    return happened


def _once(work: Path, whole: str, number: int, delay: float) -> str:
    child = start(work)
    try:
        child.wait(timeout=delay)
    except subprocess.TimeoutExpired:
        child.send_signal(number)
    output, _ = child.communicate(timeout=60)
    litter = list(work.glob(LITTER))
    if number != signal.SIGKILL:
        assert not litter, f"{litter} after {signal.Signals(number).name}: {output}"
        # A signal before our handlers stand is Python's own business; nothing is there yet.
        assert child.returncode in (0, 128 + number, -number), (child.returncode, output)
    if not (work / "churn").exists():
        assert child.returncode != 0, output
        return "nothing, litter for the next run" if litter else "nothing"
    assert digest(work / "churn") == whole
    assert committed(work / "churn")
    shutil.rmtree(work / "churn")
    return "whole"


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    which = signal.Signals[sys.argv[2]] if len(sys.argv) > 2 else signal.SIGKILL
    print(f"{which.name} × {wanted}: {dict(kill(wanted, which))}")  # noqa: T201 -- a script
