"""Loses the replies to triggers in every way there is: a command given again never runs twice.

python tests/faults/lost_replies.py 1000 [SEED]
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

# It runs as a script, too.
sys.path[:0] = [str(Path(__file__).parents[1])]

from fakes.airflow_server import Dag, FakeAirflow  # noqa: E402 -- see above
from fakes.clocks import FakeClock  # noqa: E402 -- see above
from fakes.projects import add_staging, write_project  # noqa: E402 -- see above

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_cli.project.model import Project

NAME = "churn_training"
POST = r"POST .*/dagRuns$"
LOST = (
    {"drop": True},  # it was carried out, and nobody heard of it
    {"reset": True},  # it never arrived
    {"status": 500},
    {"status": 502},
    {"status": 503},
    {"status": 429},
)
ATTEMPTS = 20


@dataclass
class Tally:
    """What became of the triggers."""

    triggers: int = 0
    commands: int = 0
    """How often the command had to be given."""
    duplicates: int = 0
    missing: int = 0
    false_successes: int = 0


@contextmanager
def ground(folder: Path) -> Iterator[tuple[Project, FakeAirflow]]:
    """A project whose Airflow loses replies, and that Airflow."""
    from mlops_cli.project.loader import load

    with FakeAirflow().serving() as fake:
        fake.add(Dag(NAME))
        before = {name: os.environ.get(name) for name in ("MLOPS_DATA_DIR", "CHURN_PASSWORD")}
        os.environ |= {"MLOPS_DATA_DIR": str(folder / "state"), "CHURN_PASSWORD": fake.password}
        root = write_project(folder)
        add_staging(root, fake, folder / "dags")
        try:
            yield load(root), fake
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


def torture(folder: Path, *, count: int, seed: int) -> Tally:
    """Trigger `count` runs, each until it succeeds, while replies are lost; count what ran."""
    chance, tally = random.Random(seed), Tally()
    with ground(folder) as (project, fake):
        for _ in range(count):
            before = len(fake.dags[NAME].runs)
            tally.triggers += 1
            named = _until_it_succeeds(project, fake, chance, tally)
            started = len(fake.dags[NAME].runs) - before
            tally.duplicates += max(0, started - 1)
            tally.missing += started == 0
            tally.false_successes += named not in fake.dags[NAME].runs
    return tally


def _until_it_succeeds(
    project: Project, fake: FakeAirflow, chance: random.Random, tally: Tally
) -> str | None:
    from mlops_cli.core.errors import UnavailableError, UnfinishedError
    from mlops_cli.core.progress import Silent
    from mlops_cli.runs.launch import Request, launch

    for attempt in range(ATTEMPTS):
        fake.faults.clear()
        if attempt == 0 or chance.random() < 0.4:
            fake.fail(POST, **chance.choice(LOST))
            if chance.random() < 0.5:  # and neither can one look whether it is there
                fake.fail(r"GET .*/dagRuns/", status=500, times=chance.randrange(1, 5))
        tally.commands += 1
        request = Request(pipeline="training", environment="staging")
        try:
            # The very same command each time, as after a press on the arrow key.
            done = launch(project, request, listener=None, progress=Silent(), clock=FakeClock())
        except (UnfinishedError, UnavailableError):
            continue
        run_id: str = done.run_id  # type: ignore[union-attr]  # a run was asked for
        return run_id
    return None


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    given = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(10**6)
    sys.stdout.write(f"{wanted} triggers, seed {given}\n")
    with tempfile.TemporaryDirectory() as scratch:
        result = torture(Path(scratch), count=wanted, seed=given)
    sys.stdout.write(f"{result}\n")
    sys.exit(bool(result.duplicates or result.missing or result.false_successes))
