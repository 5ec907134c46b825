"""Kills deploys with -9 at random moments: what is live afterwards is always one whole release.

python tests/faults/kill_deploy.py 200 [SEED]
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

# It runs as a script, too.
sys.path[:0] = [str(Path(__file__).parents[1])]

from fakes.airflow_side import load as load_pointers  # noqa: E402 -- see above
from fakes.projects import say, write_project  # noqa: E402 -- see above

FILES = 60


@dataclass
class Tally:
    """What the kills hit."""

    kills: int = 0
    before_the_flip: int = 0
    after_the_flip: int = 0
    left_parts: int = 0


def deploy(root: Path, dags: Path) -> None:
    """What a child does: plan and apply, without an Airflow to confirm it."""
    from mlops_cli.core.clock import SystemClock
    from mlops_cli.core.progress import Silent
    from mlops_cli.deployment.apply import apply
    from mlops_cli.deployment.deploy import stage
    from mlops_cli.deployment.live import settle
    from mlops_cli.deployment.plan import plan
    from mlops_cli.environments.open import Environment
    from mlops_cli.environments.stores.folder import FolderStore
    from mlops_cli.project.loader import load
    from mlops_cli.project.model import LocalEnvironment

    store = FolderStore(dags / root.name)
    environment = Environment("local", "local", LocalEnvironment(kind="local"), store, None)
    project, clock = load(root), SystemClock()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder:
        python = Path(sys.executable)
        staged = stage(project, environment, Path(folder), python=python, clock=clock)
        made = plan(environment, staged)
        if made.unchanged:
            settle(made, environment, progress=Silent(), clock=clock)
        else:
            apply(made, staged, environment, progress=Silent(), clock=clock)


def torture(folder: Path, *, count: int, seed: int) -> Tally:
    """Deploy, kill, look, deploy again; `count` times.

    Raises:
        AssertionError: What is live is not one whole release, or a deploy could not be finished.
    """
    chance, tally = random.Random(seed), Tally()
    root, dags = write_project(folder, word="word 0"), folder / "dags"
    for number in range(FILES):
        (root / "churn" / f"part_{number:02}.py").write_text(f"NUMBER = {number}\n" * 50)
    seconds = _run(root, dags)
    assert _live_word(dags) == "word 0"
    for attempt in range(1, count + 1):
        word = f"word {attempt}"
        say(root, word)
        for number in range(FILES):
            text = f"# {word}\nNUMBER = {number}\n" * 50
            (root / "churn" / f"part_{number:02}.py").write_text(text)
        _run(root, dags, kill_after=chance.uniform(0, seconds * 1.2))
        tally.kills += 1
        live = _live_word(dags)
        assert live in (word, f"word {attempt - 1}"), live
        tally.after_the_flip += live == word
        tally.before_the_flip += live != word
        tally.left_parts += any(dags.rglob("*.part"))
        seconds = max(0.01, (seconds + _run(root, dags)) / 2)
        assert _live_word(dags) == word, "running it again did not finish it"
        assert not any(dags.rglob("*.part")), "parts of the killed deploy were left"
    return tally


def _run(root: Path, dags: Path, *, kill_after: float | None = None) -> float:
    """One deploy in a process of its own; the seconds it took after its start-up."""
    child = subprocess.Popen(
        [sys.executable, __file__, "--child", str(root), str(dags)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "MLOPS_DATA_DIR": str(dags.parent / "state")},
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "ready\n", child.communicate()
    began = time.monotonic()
    if kill_after is None:
        _, errors = child.communicate(timeout=60)
        assert child.returncode == 0, errors
    else:
        time.sleep(kill_after)
        child.kill()
        child.communicate(timeout=60)
    return time.monotonic() - began


def _live_word(dags: Path) -> str:
    """What the loader loads, after proving that all of that release is of one piece."""
    loaded = load_pointers(dags / "churn/churn.py")
    assert not loaded.trace, loaded.trace
    dag = loaded.dags["churn_training"]
    (tag,) = dag["tags"]
    release = dags / "churn/_releases" / tag.removeprefix("release:")
    manifest = json.loads((release / "MANIFEST.json").read_text())
    for path, (size, sha256) in manifest["files"].items():
        data = (release / path).read_bytes()
        assert len(data) == size, path
        assert hashlib.sha256(data).hexdigest() == sha256, path
    word: str = dag["word"]
    return word


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        deploy(Path(sys.argv[2]), Path(sys.argv[3]))
    else:
        kills = int(sys.argv[1]) if len(sys.argv) > 1 else 50
        given = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
        sys.stdout.write(f"{kills} kills, seed {given}\n")
        with tempfile.TemporaryDirectory() as scratch:
            sys.stdout.write(f"{torture(Path(scratch), count=kills, seed=given)}\n")
