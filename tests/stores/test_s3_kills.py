"""A sample of `faults/kill_requests.py`, small enough for every run of the tests."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from faults.kill_requests import FILES, torture

if TYPE_CHECKING:
    from pathlib import Path

    from fakes.fault_proxy import FaultProxy


def test_a_deploy_killed_at_any_request_leaves_one_whole_release(
    proxy: FaultProxy, s3_url: str, tmp_path: Path
) -> None:
    somewhere = random.SystemRandom().randrange(8, FILES)
    # The lock, an upload, the pointer, the history.
    points = (1, somewhere, FILES + 16, FILES + 18)
    tally = torture(proxy, s3_url, tmp_path, points)
    assert tally.kills == 8, points
    assert tally.before_the_flip, points
    assert tally.after_the_flip, points
    assert not any(tally.put_again), points
