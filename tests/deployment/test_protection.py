"""Protected environments, runs in flight, and releases that do not import."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from fakes.airflow_server import Dag, Frame, Run
from fakes.grounds import CLOCK, PASSWORD, Ground, add_environment, airflow_text, folder_ground

from mlops_cli.core.errors import ConflictError, FailedError, NotAllowedError
from mlops_cli.core.exits import Exit
from mlops_cli.deployment import confirm

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BROKEN = "import airflow\nimport nowhere_to_be_found\n"


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    monkeypatch.setenv(PASSWORD, "ground")
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "state"))
    with folder_ground(tmp_path) as made:
        yield made


def protect(ground: Ground, more: str = "") -> None:
    place = f"{{kind: folder, path: '{ground.dags}'}}"
    text = airflow_text(ground.fake, place, more=f", protected: true{more}")
    add_environment(ground.root, "staging", text)


def run_in_flight(ground: Ground, *states: str) -> Run:
    run = Run("r1", {}, None, CLOCK.now(), [Frame(state) for state in states or ("running",)])
    dag = ground.fake.dags.get("churn_training") or ground.fake.add(Dag("churn_training"))
    dag.runs["r1"] = run
    return run


# --- protected -------------------------------------------------------------------------------


def mlops(ground: Ground, *arguments: str, **given: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mlops_cli", *arguments],
        cwd=ground.root,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        **given,
    )


def test_nobody_at_the_terminal_is_nobody_who_approves(ground: Ground) -> None:
    protect(ground)
    deploy = ("deploy", "--env", "staging", "--skip-checks")
    done = mlops(ground, *deploy, stdin=subprocess.DEVNULL)
    assert done.returncode == Exit.NOT_ALLOWED, done.stderr
    assert "it is protected, and nobody approved" in done.stderr
    assert "mlops deploy --env staging --yes" in done.stderr
    assert ground.live() is None
    done = mlops(ground, *deploy, "--yes", stdin=subprocess.DEVNULL)
    assert done.returncode == Exit.DONE, done.stderr
    assert ground.live()


@pytest.mark.parametrize(("typed", "code"), [("staging", Exit.DONE), ("yes", Exit.NOT_ALLOWED)])
def test_a_person_types_the_name_of_the_environment(ground: Ground, typed: str, code: int) -> None:
    protect(ground)
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "mlops_cli", "deploy", "--env", "staging", "--skip-checks"],
        cwd=ground.root,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    said = b""
    deadline = time.monotonic() + 60
    while b"Type `staging` to deploy to it" not in said and time.monotonic() < deadline:
        said += os.read(ours, 1024)
    assert b"added" in said, "the plan is shown first"
    os.write(ours, f"{typed}\n".encode())
    drain = threading.Thread(target=_drain, args=(ours,), daemon=True)
    drain.start()
    assert child.wait(60) == code
    assert (ground.live() is None) == (code != Exit.DONE)


def _drain(handle: int) -> None:
    try:
        while os.read(handle, 1024):
            pass
    except OSError:
        pass


def test_no_approval_leaves_everything(ground: Ground) -> None:
    protect(ground)
    with pytest.raises(NotAllowedError):
        ground.deploy(approve=lambda _: False)
    assert ground.live() is None
    assert ground.history() == []


# --- runs in flight --------------------------------------------------------------------------


def test_a_protected_environment_waits_for_nobody_and_refuses(ground: Ground) -> None:
    first = ground.deploy()
    protect(ground)
    run_in_flight(ground)
    ground.say("two")
    with pytest.raises(ConflictError, match="while runs are in flight: `churn_training: r1`") as e:
        ground.deploy()
    assert "--when-running wait" in str(e.value.hint)
    assert ground.live() == first.release
    assert ground.deploy(when_running="allow").release == ground.live()


def test_the_environment_s_own_word_counts_unless_one_is_given(ground: Ground) -> None:
    protect(ground, ", when_running: allow")
    run_in_flight(ground)
    assert ground.deploy()
    ground.say("two")
    with pytest.raises(ConflictError, match="in flight"):
        ground.deploy(when_running="fail")


def test_wait_waits_for_the_end(ground: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlops_cli.deployment import running

    monkeypatch.setattr(running, "_POLL_SECONDS", 0.1)
    run = run_in_flight(ground, "running", "success")
    threading.Timer(1.0, run.step).start()
    began = time.monotonic()
    assert ground.deploy(when_running="wait")
    assert time.monotonic() - began > 0.9
    assert any("Waiting for `churn_training: r1` to end" in line for line in ground.notes.said)


def test_a_run_that_begins_while_files_are_uploaded_is_seen(ground: Ground) -> None:
    first = ground.deploy()
    ground.say("two")

    class Starting(type(ground.notes)):
        def step(self, text: str):
            if text.startswith("Uploading"):
                run_in_flight(ground)
            return super().step(text)

    ground.notes = Starting()
    with pytest.raises(ConflictError, match="in flight"):
        ground.deploy(when_running="fail")
    assert ground.live() == first.release


def test_what_is_live_already_is_not_held_up_by_runs(ground: Ground) -> None:
    ground.deploy()
    run_in_flight(ground)
    assert ground.deploy(when_running="fail").unchanged


# --- a release that does not import ------------------------------------------------------------


@pytest.mark.parametrize(
    ("protected", "asked", "taken_back"),
    [(False, None, False), (False, True, True), (True, None, True), (True, False, False)],
)
def test_what_does_not_import_is_taken_back_where_asked(
    ground: Ground, protected: bool, asked: bool | None, taken_back: bool
) -> None:
    first = ground.deploy()
    if protected:
        protect(ground)
    (ground.root / "dags/training.py").write_text(BROKEN)
    with pytest.raises(FailedError, match="No module named 'nowhere_to_be_found'") as caught:
        ground.deploy(rollback_on_failure=asked)
    assert (ground.live() == first.release) == taken_back
    if taken_back:
        assert ground.history()[-3:] == ["deploy", "failed", "rollback"]
        assert f"rolled back to release `{first.release}`" in str(caught.value.state)
    else:
        assert ground.history()[-2:] == ["deploy", "failed"]
        assert caught.value.hint == "Go back: `mlops rollback --env staging`"
        assert str(ground.live()) in str(caught.value.state)


def test_a_removed_dag_is_paused_and_waited_for_and_said_to_be_shown_yet(
    ground: Ground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirm, "_REMOTE_GONE_SECONDS", 1.0)
    first = ground.deploy()
    manifest = ground.dags / f"churn/_releases/{first.release}/MANIFEST.json"
    gone = "".join(
        f'{{"dag_id": "churn_{name}", "file": "dags/training.py"}},' for name in ("old", "older")
    )
    manifest.write_text(manifest.read_text().replace('"dags": [', f'"dags": [{gone}'))
    old, older = (ground.fake.add(Dag(f"churn_{name}")) for name in ("old", "older"))

    def look_for_stale_ones() -> None:
        while not any("to drop churn_old" in line for line in ground.notes.said):
            time.sleep(0.01)
        old.is_stale = True

    airflow = threading.Thread(target=look_for_stale_ones, daemon=True)
    airflow.start()
    ground.say("two")
    done = ground.deploy()
    airflow.join(10)
    assert (old.is_paused, older.is_paused) == (True, True)
    assert done.still_shown == ("churn_older",)
    assert ground.history()[-1] == "confirmed", "it is done all the same"
