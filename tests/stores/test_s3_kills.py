"""A sample of `faults/kill_requests.py`, small enough for every run of the tests."""

from __future__ import annotations

import random
import re
import signal
from typing import TYPE_CHECKING, Any

from faults.kill_requests import FORK, deploy, open_store, release, requests_of, torture, whole

from mlops_cli.core.errors import ConflictError
from mlops_cli.environments import record

if TYPE_CHECKING:
    from pathlib import Path

    from fakes.fault_proxy import FaultProxy


def points_of(proxy: FaultProxy, s3_url: str, folder: Path) -> tuple[int, int, int, int]:
    """Where a deploy writes the lock, the archive, the pointer and the history."""
    asked = requests_of(proxy, s3_url, folder)
    assert len(asked) <= 24, asked

    def last(ending: str) -> int:
        return max(n for n, one in enumerate(asked) if re.fullmatch(f"PUT .*{ending}", one))

    first = next(n for n, one in enumerate(asked) if one.endswith("lock.json"))
    return first, last(r"\.zip"), last("churn/churn.py"), last(r"_history/\d+\.json")


def test_a_deploy_killed_at_any_request_leaves_one_whole_release(
    proxy: FaultProxy, s3_url: str, tmp_path: Path
) -> None:
    points = points_of(proxy, s3_url, tmp_path)
    tally = torture(proxy, s3_url, tmp_path, points)
    assert tally.kills == 8, points
    assert tally.before_the_flip, points
    assert tally.after_the_flip, points
    # One may have been on its way from the dead when the next one looked.
    assert sum(tally.put_again) <= 1, points


def test_a_deploy_interrupted_at_any_request_leaves_one_whole_release_and_no_lock(
    proxy: FaultProxy, s3_url: str, tmp_path: Path
) -> None:
    lock, archive, pointer, _ = points_of(proxy, s3_url, tmp_path)
    points = (lock + 1, random.SystemRandom().randrange(lock + 2, archive + 1), pointer)
    tally = torture(proxy, s3_url, tmp_path, points, sent=signal.SIGINT)
    assert tally.kills >= 5, points
    assert tally.before_the_flip, points
    # One may have been on its way from the dead when the next one looked.
    assert sum(tally.put_again) <= 1, points


def _deploy(bucket: str, staged: Any, gate: Any, told: Any) -> None:
    gate.wait(30)
    try:
        deploy(bucket, staged)
        told.put(staged.id)
    except ConflictError as error:
        told.put(error.message)


def test_of_eight_deploys_at_once_every_success_is_in_the_history(
    bucket: str, tmp_path: Path
) -> None:
    made = [release(tmp_path, f"r{number}") for number in range(8)]
    gate, told = FORK.Barrier(8), FORK.Queue()
    racers = [FORK.Process(target=_deploy, args=(bucket, one, gate, told)) for one in made]
    for racer in racers:
        racer.start()
    results = [told.get(timeout=60) for _ in racers]
    for racer in racers:
        racer.join(20)
    won = {one.id for one in made} & set(results)
    assert won
    assert all("Could not" in result for result in set(results) - won)
    assert whole(bucket, *made) in won
    assert {entry.release for entry in record.history(open_store(bucket))} == won
