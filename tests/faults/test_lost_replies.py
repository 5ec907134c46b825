"""A sample of `lost_replies.py`, small enough for every run of the tests."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from faults.lost_replies import torture

if TYPE_CHECKING:
    from pathlib import Path


def test_a_trigger_whose_reply_is_lost_runs_once_however_often_it_is_given(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(10**6)
    tally = torture(tmp_path, count=40, seed=seed)
    assert (tally.duplicates, tally.missing, tally.false_successes) == (0, 0, 0), f"seed {seed}"
    assert tally.commands > tally.triggers
