"""People hear of what happens on a real Airflow: a server on this machine is their Slack."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from fakes.receivers import HttpReceiver, http_receiver
from real_airflow import Web

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from somebody import User

    from mlops_cli.environments.local.instance import Instance

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(900)]

SEND = """\
  send:
  - to: slack-webhook
    on: [gate_failed, run_failed, drift, approval_waiting, promoted, deadline_missed]
    connection: told_webhook
"""
KILLED = "m-killed"
BROKEN = f"""
import os, signal, sys
if "--run-id={KILLED}" in sys.argv:
    print("row 7 is of Ada Lovelace, 36")
    os.kill(os.getpid(), signal.SIGKILL)
raise ValueError("row 7 is of Ada Lovelace, 36")
"""
SMALL = "families={random_forest: {n_estimators: [20]}}"


@pytest.fixture
def slack() -> Iterator[HttpReceiver]:
    with http_receiver() as receiver:
        yield receiver


@pytest.fixture
def web(local_airflow: Instance) -> Web:
    return Web(local_airflow)


def new(user: User, folder: Path, name: str, *settings: str, deadlines: str = "{}") -> Path:
    chosen = [part for setting in (SMALL, *settings) for part in ("--set", setting)]
    made = user.types("new", name, "--defaults", "--no-git", *chosen, folder=folder)
    assert made.code == 0, made.text
    root = folder / name
    manifest, dag = root / "mlops.yaml", root / "dags/training.py"
    text = manifest.read_text()
    assert "  send: []\n" in text
    assert "  deadline_minutes: {}" in text
    text = text.replace("  send: []\n", SEND, 1)
    manifest.write_text(text.replace("deadline_minutes: {}", f"deadline_minutes: {deadlines}", 1))
    dag.write_text(dag.read_text().replace('"retries": 1', '"retries": 0'))
    deployed = user.types("deploy", "--env", "local", "--yes", folder=root)
    assert deployed.code == 0, deployed.text
    return root


def about(slack: HttpReceiver, run_id: str) -> list[str]:
    return [text for text in slack.texts() if f"Run: {run_id}\n" in text and "failed" in text]


def test_stopped_broken_and_late_runs_are_told(
    user: User, web: Web, slack: HttpReceiver, tmp_path: Path
) -> None:
    web.connect_slack("told_webhook", slack.url)
    root = new(user, tmp_path, "told", deadlines="{training: 0.02}")
    tried = user.types("notify", "test", folder=root)
    assert tried.code == 0, tried.text
    slack.hears("told: a test of the notification gate_failed")

    data = (root / "data/iris.csv").read_text()
    (tmp_path / "bad.csv").write_text(data.replace("virginica", "tulip"))
    source = f"source={tmp_path / 'bad.csv'}"
    stopped = user.types("trigger", "training", "--conf", source, "--json", folder=root)
    assert stopped.code == 1, stopped.text
    (message,) = slack.hears("told training was stopped by `gate_raw`")
    run_id = stopped.result["run_id"]
    assert "gate `raw`: 1 of 11 rules of quality/raw.dqdl did not pass" in message
    assert '- ColumnValues "species" in ["setosa","versicolor","virginica"]' in message
    assert "Environment: local\nRelease: " in message
    assert f"Run: {run_id}\nTask: gate_raw\n" in message
    assert message.endswith(f"/dags/told_training/runs/{run_id}")
    assert "tulip" not in message

    (late,) = slack.hears("told training has not ended within 0.02 minutes")
    assert f"Run: {run_id}\n" in late
    assert late.endswith(f"/dags/told_training/runs/{run_id}")

    with (root / "told/training/ingest.py").open("a") as module:
        module.write(BROKEN)
    assert user.types("deploy", "--env", "local", "--yes", folder=root).code == 0
    for run_id, how in {"m-broken": "ended with code 1", KILLED: "was killed by SIGKILL"}.items():
        broken = user.types("trigger", "training", "--run-id", run_id, folder=root)
        assert broken.code == 1, broken.text
        (message,) = slack.wait_for(partial(about, slack, run_id))
        assert message.startswith("told training failed at `ingest`\n")
        assert f"- step ingest {how}\n" in message
    assert not [text for text in slack.texts() if "Ada" in text]


def test_a_version_that_waits_for_a_person_is_told(
    user: User, web: Web, slack: HttpReceiver, tmp_path: Path
) -> None:
    web.connect_slack("told_webhook", slack.url)
    root = new(user, tmp_path, "heard", "approval=person")
    started = user.types("trigger", "training", "--no-follow", folder=root)
    assert started.code == 0, started.text
    (waiting,) = slack.hears("heard: heard version 1 waits for approval")
    assert "`mlops models approve heard VERSION`" in waiting
    assert "Task: approval\n" in waiting
