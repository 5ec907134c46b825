"""Who stops a command is told what goes on without it: Ctrl-C, twice too, SIGTERM and SIGHUP."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fakes.airflow_server import Dag, FakeAirflow, Frame
from fakes.projects import add_staging, write_project

from mlops_cli.core.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).parents[2]
NAME = "churn_training"


@pytest.fixture
def root(served: FakeAirflow, tmp_path: Path) -> Path:
    said = [f"line {number}" for number in range(5)]
    served.add(Dag(NAME, plan=lambda _: [Frame("running", {"load": "running"}, {"load": said})]))
    root = write_project(tmp_path)
    add_staging(root, served, tmp_path / "dags")
    return root


@pytest.fixture
def types(served: FakeAirflow, root: Path) -> Callable[[Sequence[str]], subprocess.Popen[str]]:
    def start(argv: Sequence[str]) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "mlops_cli", *argv, "--env", "staging", "-C", str(root)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ
            | {"CHURN_PASSWORD": served.password, "MLOPS_DATA_DIR": str(root.parent / "state")},
            cwd=ROOT,
        )

    return start


def once_it_says(child: subprocess.Popen[str], word: str) -> None:
    assert child.stderr is not None
    for line in child.stderr:
        if word in line:
            return
    raise AssertionError(f"it never said {word!r}")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGINT, Exit.INTERRUPTED),
        (signal.SIGTERM, Exit.TERMINATED),
        (signal.SIGHUP, Exit.HANGUP),
    ],
)
def test_a_signal_leaves_the_run_and_says_how_to_come_back(
    types: Callable[[Sequence[str]], subprocess.Popen[str]],
    served: FakeAirflow,
    number: int,
    code: Exit,
) -> None:
    child = types(["trigger", "training", "--run-id", "r1"])
    once_it_says(child, "running")
    child.send_signal(number)
    began = time.monotonic()
    _, said = child.communicate(timeout=20)
    assert time.monotonic() - began < 2
    assert child.returncode == code
    assert "Run r1 goes on: `mlops status training --env staging`" in said
    assert "`mlops logs training --env staging --follow`" in said
    assert "Traceback" not in said
    assert served.dags[NAME].runs["r1"].now.state == "running"


def test_ctrl_c_again_and_again_ends_it_without_a_traceback(
    types: Callable[[Sequence[str]], subprocess.Popen[str]],
) -> None:
    child = types(["trigger", "training", "--run-id", "r1"])
    once_it_says(child, "running")
    while child.poll() is None:
        child.send_signal(signal.SIGINT)
        time.sleep(0.002)
    _, said = child.communicate(timeout=20)
    assert child.returncode in (Exit.INTERRUPTED, -signal.SIGINT)
    assert "Traceback" not in said


def test_ctrl_c_while_airflow_does_not_answer_ends_within_two_seconds(
    types: Callable[[Sequence[str]], subprocess.Popen[str]], served: FakeAirflow
) -> None:
    served.fail(r"POST .*/dagRuns$", delay_seconds=15)
    child = types(["trigger", "training", "--run-id", "r1"])
    once_it_says(child, "Run r1 of")
    time.sleep(0.3)
    child.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, said = child.communicate(timeout=20)
    assert time.monotonic() - began < 2
    assert child.returncode == Exit.INTERRUPTED
    assert "Run r1 may have been started: the same command again finds it" in said


def test_ctrl_c_ends_the_following_of_logs_with_what_was_said_so_far(
    types: Callable[[Sequence[str]], subprocess.Popen[str]],
) -> None:
    first = types(["trigger", "training", "--run-id", "r1", "--no-follow"])
    assert first.wait(timeout=30) == 0
    child = types(["logs", "training", "--follow"])
    assert child.stdout is not None
    lines = [child.stdout.readline().rstrip() for _ in range(6)]
    assert lines == ["--- load (try 1)", *(f"line {number}" for number in range(5))]
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=20)
    assert child.returncode == Exit.INTERRUPTED
    assert "Run r1 goes on: `mlops logs training --env staging --run-id r1 --follow`" in said


def test_whoever_is_deaf_to_hangups_stays_so(
    types: Callable[[Sequence[str]], subprocess.Popen[str]],
) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup` does
    try:
        child = types(["trigger", "training", "--run-id", "r1"])
    finally:
        signal.signal(signal.SIGHUP, before)
    once_it_says(child, "running")
    child.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert child.poll() is None
    child.kill()
    child.communicate(timeout=20)
