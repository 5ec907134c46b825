"""A deploy that is told to stop: it says what is live, leaves no lock, and ends at once."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
from fakes.fault_proxy import Blackhole, FaultProxy, Kill
from fakes.grounds import PASSWORD, Ground, folder_ground, s3_ground

from mlops_cli.core.errors import ConflictError
from mlops_cli.core.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIGNALS = [
    (signal.SIGINT, Exit.INTERRUPTED),
    (signal.SIGTERM, Exit.TERMINATED),
    (signal.SIGHUP, Exit.HANGUP),
]


def is_free(ground: Ground) -> bool:
    with ground.open().store.lock("the next one") as lease:
        return lease.taken_over is None


@pytest.mark.parametrize(("number", "code"), SIGNALS, ids=lambda one: getattr(one, "name", ""))
def test_while_it_waits_for_airflow_a_signal_ends_it_and_says_what_is_live(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    monkeypatch.setenv(PASSWORD, "ground")
    with folder_ground(tmp_path) as ground:
        ground.fake.frozen = True
        child = ground.start_deploy()
        lines = iter(child.stderr.readline, "")
        assert any("Waiting for Airflow" in line for line in lines)
        time.sleep(0.3)
        began = time.monotonic()
        child.send_signal(number)
        _, told = child.communicate(timeout=30)
        assert time.monotonic() - began < 2
        assert child.returncode == code, told
        assert f"release `{ground.live()}` is live in `staging`" in told
        assert "Traceback" not in told
        assert is_free(ground)
        ground.fake.frozen = False
        assert ground.deploy().unchanged, "the same command again finishes it"


@pytest.fixture
def bucket_ground(
    tmp_path: Path, s3_url: str, bucket: str, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Ground]:
    monkeypatch.setenv(PASSWORD, "ground")
    with s3_ground(tmp_path, bucket, s3_url) as made:
        yield made


@pytest.mark.parametrize("path", ["*/_releases/*.zip", "*/dags/churn/churn.py"])
@pytest.mark.parametrize(("number", "code"), SIGNALS[:2], ids=lambda one: getattr(one, "name", ""))
def test_stopped_while_it_writes_into_a_bucket_one_whole_release_is_live(
    bucket_ground: Ground, proxy: FaultProxy, path: str, number: int, code: int
) -> None:
    first = bucket_ground.deploy()
    bucket_ground.say("two")
    pids: list[int] = []

    def pid() -> int:
        while not pids:
            time.sleep(0.001)
        return pids[0]

    proxy.rule("PUT", path, Kill(pid, signal=number))
    child = bucket_ground.start_deploy()
    pids.append(child.pid)
    _, told = child.communicate(timeout=60)
    assert child.returncode == code, told
    live = bucket_ground.live()
    assert f"release `{live}` is live in `staging`" in told, told
    proxy.clear()
    assert is_free(bucket_ground)
    done = bucket_ground.deploy()
    assert done.unchanged == (live != first.release)
    assert bucket_ground.word() == "two"


def test_a_second_ctrl_c_does_not_wait_for_a_server_that_is_silent(
    bucket_ground: Ground, proxy: FaultProxy
) -> None:
    first = bucket_ground.deploy()
    bucket_ground.say("two")
    rule = proxy.rule("PUT", "*/_releases/*.zip", Blackhole())
    child = bucket_ground.start_deploy()
    while not rule.done:
        time.sleep(0.01)
    # From here on nothing answers: neither the lock can be let go, nor what is live be read.
    proxy.rule("*", "*", Blackhole(), times=None)
    child.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert child.poll() is None, "it tries to let the lock go"
    child.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, told = child.communicate(timeout=30)
    assert time.monotonic() - began < 1
    assert (child.returncode, "Traceback" in told) == (Exit.INTERRUPTED, False), told
    proxy.clear()
    assert (bucket_ground.live(), bucket_ground.word()) == (first.release, "one")
    with pytest.raises(ConflictError, match=f"process {child.pid}") as caught:
        bucket_ground.deploy()
    assert "mlops unlock" in str(caught.value.hint), "or its lease runs out"


def test_ctrl_c_does_not_wait_for_a_server_that_is_silent_either(
    bucket_ground: Ground, proxy: FaultProxy
) -> None:
    rule = proxy.rule("*", "*", Blackhole(), offset=12, times=None)
    child = bucket_ground.start_deploy()
    while not rule.done:
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    began = time.monotonic()
    _, told = child.communicate(timeout=30)
    assert time.monotonic() - began < 2
    assert child.returncode == Exit.INTERRUPTED, told
    assert "does not answer: `mlops releases --env staging` says what is live" in told


def test_stopped_by_kill_a_lock_runs_out_by_itself(
    bucket_ground: Ground, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlops_cli.environments.stores import s3 as s3_module

    kwdefaults = s3_module.S3Store.__init__.__kwdefaults__
    assert kwdefaults["lease_seconds"] <= 120
    bucket_ground.deploy()
    bucket_ground.say("two")
    pids: list[int] = []

    def pid() -> int:
        while not pids:
            time.sleep(0.001)
        return pids[0]

    proxy.rule("PUT", "*/_releases/*.zip", Kill(pid))
    child = bucket_ground.start_deploy()
    pids.append(child.pid)
    child.communicate(timeout=60)
    assert child.returncode == -signal.SIGKILL
    proxy.clear()
    # Nobody waits two minutes in a test: who comes next has a shorter idea of a lease.
    monkeypatch.setitem(kwdefaults, "lease_seconds", 2.0)
    time.sleep(4)  # the clock of HTTP counts whole seconds
    assert bucket_ground.deploy().release == bucket_ground.live()
    assert any(f"process {child.pid}" in line for line in bucket_ground.notes.said)
    assert bucket_ground.word() == "two"
    assert os.environ[PASSWORD] not in " ".join(bucket_ground.notes.said)
