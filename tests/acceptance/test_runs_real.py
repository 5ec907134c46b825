"""Parts again, dates, assets, schemas and followed logs on a real Airflow."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from deployment.test_real_airflow import deploy
from fakes.projects import write_project

from mlops_cli.project.loader import load

if TYPE_CHECKING:
    from pathlib import Path

    from somebody import User

pytestmark = [pytest.mark.real, pytest.mark.timeout(400)]

DAG = '''\
"""Fails until somebody mends it; has dates, and an asset."""

import json
import time
from datetime import datetime, timezone
from pathlib import Path

from airflow.sdk import Asset, Param, dag, task

HERE = Path(__file__).parents[1]
SETTINGS = json.loads((HERE / "settings.json").read_text())
FLAG = Path({flag!r})


@dag(
    dag_id=SETTINGS["dag_ids"]["training"],
    schedule="0 5 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    params={{"rows": Param(5, type="integer", minimum=1)}},
)
def training():
    @task
    def load():
        for number in range(20):
            print(f"counted {{number}}")
            time.sleep(0.1)

    @task(outlets=[Asset("runstest_model")])
    def fit():
        if not FLAG.exists():
            raise ValueError("it does not converge")
        print("it converges")

    load() >> fit()


training()
'''


def test_runs_are_followed_repeated_and_made_up_for(
    user: User, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setenv("MLOPS_DATA_DIR", str(user.data))
    root = write_project(tmp_path, name="runstest")
    flag = tmp_path / "mended"
    (root / "dags/training.py").write_text(DAG.format(flag=str(flag)))
    deploy(load(root), tmp_path / "release")

    wrong = user.types("trigger", "training", "--conf", "rows=0", folder=root)
    assert wrong.code == 2, wrong.text
    assert "`rows` must be at least 1" in wrong.text

    started = user.types("trigger", "training", "--no-follow", "--unpause", folder=root)
    assert started.code == 0, started.text
    run_id = user.types("status", "--json", folder=root).result["pipelines"][0]["runs"][0]["run_id"]
    logs = user.types("logs", "training", "--run-id", run_id, "--follow", folder=root)
    assert logs.code == 1, logs.text
    counted = [line for line in logs.out.splitlines() if "counted" in line]
    assert [line.rpartition(" ")[2] for line in counted] == [str(number) for number in range(20)]
    assert logs.out.count("it does not converge") >= 1

    flag.touch()
    again = user.types("trigger", "training", "--run-id", run_id, "--task", "fit", folder=root)
    assert again.code == 0, again.text
    # What a task prints goes to its log by another way than its end to the scheduler.
    deadline = time.monotonic() + 15
    show = ("logs", "training", "fit", "--run-id", run_id)
    while "it converges" not in (shown := user.types(*show, folder=root)).out:
        assert time.monotonic() < deadline, f"the second try's log never came: {shown.text}"
        time.sleep(0.5)

    today = datetime.now(UTC)
    days = [f"{today - timedelta(days=number):%Y-%m-%d}" for number in (3, 2)]
    dates = ("--from", days[0], "--to", days[1])
    made_up = user.types("trigger", "training", *dates, "--json", folder=root)
    assert made_up.code == 0, made_up.text
    assert made_up.result["asked"] == 2
    assert [run["state"] for run in made_up.result["runs"]] == ["success", "success"]
    nothing = user.types("trigger", "training", *dates, "--json", folder=root)
    assert (nothing.code, nothing.result["asked"]) == (0, 0), nothing.text

    news = user.types("trigger", "--asset", "runstest_model", "--run-id", "e-1", folder=root)
    assert news.code == 0, news.text
    twice = user.types("trigger", "--asset", "runstest_model", "--run-id", "e-1", folder=root)
    assert "It was said already" in twice.text

    page = user.types("open", "training", "--print", folder=root)
    assert page.out.strip().endswith("/dags/runstest_training")
