"""A season of windows through monitoring: no false alarm, and one training at a time."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from mlops_cli.core.processes import child_environment
from mlops_cli.core.progress import Silent
from mlops_cli.environments.interpreters import project_interpreter
from mlops_cli.templates import Answers, create

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(1200)]

SEASON = Path(__file__).with_name("season.py")


@pytest.fixture(scope="module")
def season(tmp_path_factory):
    """What `season.py` says of an Iris project."""
    folder = tmp_path_factory.mktemp("season")
    made = create(
        "iris", template="tabular", into=folder, answers=Answers(git=False), progress=Silent()
    )
    python = project_interpreter(made.path, progress=Silent())
    kept = folder / "kept"
    kept.mkdir()
    done = subprocess.run(
        [python, SEASON, made.path, kept],
        env=child_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout.splitlines()[-1])


def test_thirty_windows_without_drift_do_not_break(season):
    assert season["quiet"] == []


def test_every_window_breaks_in_which_half_of_the_features_moved_by_a_standard_deviation(season):
    assert (season["drifted"][0], season["drifted"][-1]) == ("2026-03-31", "2026-05-01")
    assert len(season["drifted"]) == 7


def test_training_waits_for_a_second_window_the_cool_down_and_the_month_s_budget(season):
    # The second broken window; a week later; and in May, since April's budget of two is spent.
    assert season["asked"] == ["2026-04-01", "2026-04-08", "2026-05-01"]


def test_twenty_decisions_at_once_ask_for_one_training(season):
    assert season["at_once"].count(True) == 1
    assert season["requests"] == len(season["asked"]) + 1
    assert season["decisions"] == 30 + 7 + 20
    assert len(season["reasons"]) == 2
