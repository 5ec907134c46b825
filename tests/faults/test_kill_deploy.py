"""A sample of `kill_deploy.py`, small enough for every run of the tests."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from faults.kill_deploy import torture

if TYPE_CHECKING:
    from pathlib import Path


def test_a_killed_deploy_leaves_one_whole_release_live_and_the_next_one_finishes(
    tmp_path: Path,
) -> None:
    seed = random.SystemRandom().randrange(10**6)
    tally = torture(tmp_path, count=10, seed=seed)
    assert tally.kills == 10, f"seed {seed}"
