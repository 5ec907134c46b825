"""The closed loop on a real Airflow: gates that stop, quarantine, single flight, rollback."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import drifting
import pytest
from drifting import customers, write
from fakes.receivers import HttpReceiver, http_receiver
from real_airflow import Web
from somebody import User, until

from mlops_cli.core.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_cli.environments.local.instance import Instance

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(900)]

FIRST = date(2026, 9, 1)
INPUT = (drifting.KEY, drifting.TIME, *drifting.FEATURES)
FAMILIES = "families={logistic_regression: {}}"
SETTINGS = """\
monitoring:
  labels: {labels}/{{partition}}.csv
  retrain: {{broken: 2, windows: 3, cooldown_days: 7, budget_per_month: 4, train_on: 2}}

notifications:
  send:
  - to: slack-webhook
    on: [drift, promoted]
    connection: loop_webhook

"""


class Loop:
    """The project `loop` on the session's Airflow, and what its pipelines keep."""

    def __init__(self, user: User, airflow: Instance, folder: Path) -> None:
        self.user = user
        self.web = Web(airflow)
        self.root = folder / "loop"
        self.arriving = folder / "arriving"
        self.data = user.data / "projects" / "loop" / "data"

    def types(self, *arguments: str | Path, code: int = 0) -> Any:
        said = self.user.types(*arguments, folder=self.root)
        assert said.code == code, said.text
        return said

    def arrives(self, number: int, rows: list[drifting.Row] | None = None) -> Path:
        """A day's rows, and the labels of the day, which lie there until somebody asks."""
        day = FIRST + timedelta(days=number)
        made = rows or customers(day, 200, reformed=number >= 1)
        labels = (drifting.KEY, drifting.TARGET)
        write(self.arriving / "labels" / f"{day}.csv", made, labels)
        return write(self.arriving / f"{day}.csv", made, INPUT)

    def shouts(self, number: int) -> int:
        """Say that there are predictions; again, as the hint says, where SQLite was too busy."""
        name = ("--asset", "loop_predictions", "--run-id", f"m-shout-{number}")
        event = ("trigger", *name, "--no-follow")
        for _ in range(5):
            said = self.user.types(*event, folder=self.root)
            if said.code != Exit.UNFINISHED:
                break
        return said.code

    def kept(self, name: str) -> list[dict[str, Any]]:
        path = self.data / f"{name}.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def current(self, number: int) -> dict[str, Any]:
        path = self.data / "predictions" / str(FIRST + timedelta(days=number)) / "current.json"
        return json.loads(path.read_text())


@pytest.fixture(scope="module")
def slack(local_airflow: Instance) -> Iterator[HttpReceiver]:
    """Where drift and promotions are told."""
    with http_receiver() as receiver:
        Web(local_airflow).connect_slack("loop_webhook", receiver.url)
        yield receiver


@pytest.fixture(scope="module")
def loop(
    tmp_path_factory: pytest.TempPathFactory,
    local_airflow: Instance,
    local_airflow_data: Path,
    slack: HttpReceiver,
) -> Loop:
    """Deployed, with version 1 as champion, trained on a month without drift."""
    folder = tmp_path_factory.mktemp("loop")
    loop = Loop(User(local_airflow_data), local_airflow, folder)
    rows = drifting.history(FIRST, days=30, count=20)
    data = write(loop.arriving / "history.csv", rows, rows[0])
    columns = ("--target", drifting.TARGET, "--key", drifting.KEY, "--time", drifting.TIME)
    made = ("--data", data, *columns, "--set", FAMILIES, "--defaults", "--no-git")
    said = loop.user.types("new", "loop", *made, folder=folder)
    assert said.code == 0, said.text
    manifest = loop.root / "mlops.yaml"
    text = manifest.read_text()
    settings = SETTINGS.format(labels=(loop.arriving / "labels").as_uri())
    begin, end = text.index("# A window is"), text.index("environments:")
    manifest.write_text(text[:begin] + settings + text[end:])
    loop.types("deploy", "--env", "local")
    loop.types("trigger", "training")
    return loop


@pytest.fixture(scope="module")
def served(loop: Loop) -> dict[str, Any]:
    """What is published for the first day."""
    loop.types("trigger", "inference", "--input", loop.arrives(0))
    return loop.current(0)


@pytest.fixture(scope="module")
def shouted(loop: Loop, served: dict[str, Any]) -> list[str]:
    """Two days after the reform broke; then everybody shouted at once, and version 2 serves."""
    for number in (1, 2):
        loop.types("trigger", "inference", "--input", loop.arrives(number))
    until(lambda: any(entry["retrain"] for entry in loop.kept("decisions")), "a decision")
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(loop.shouts, range(20))) == [0] * 20
    until(lambda: promoted(loop) == "2", "the challenger")
    until(lambda: loop.current(2)["version"] == "2", "its predictions")
    return until(lambda: ended(loop, "monitoring") and ended(loop, "training"), "their end")


def test_raw_rows_that_break_a_rule_stop_training(loop: Loop) -> None:
    rows = drifting.history(FIRST, days=30, count=20)
    for row in rows[:300]:
        row["contract"] = ""
    bad = write(loop.arriving / "bad.csv", rows, rows[0])
    said = loop.types("trigger", "training", "--conf", f"source={bad}", code=1)
    assert "gate `raw`" in said.text
    assert 'IsComplete "contract"' in said.text


def test_a_batch_is_published_with_the_version_that_predicted_it(served: dict[str, Any]) -> None:
    assert (served["version"], served["rows"]) == ("1", 200)


def test_a_bad_batch_goes_to_quarantine_and_the_last_good_output_stays(
    loop: Loop, served: dict[str, Any]
) -> None:
    rows = customers(FIRST, 200)
    for row in rows[:50]:
        row["monthly_charge"] = ""
    bad = loop.arrives(0, rows)
    said = loop.types("trigger", "inference", "--input", bad, code=1)
    assert "gate `input`" in said.text
    assert "quarantine" in said.text
    assert [entry["gate"] for entry in loop.kept("quarantine")].count("input") == 1
    assert loop.current(0)["run"] == served["run"]


def test_rows_and_predictions_that_break_a_rule_go_no_further(
    loop: Loop, served: dict[str, Any]
) -> None:
    """Rules that nothing meets, for the gates in the middle of both pipelines."""
    rulesets = [loop.root / "quality" / f"{name}.dqdl" for name in ("features", "predictions")]
    texts = [ruleset.read_text() for ruleset in rulesets]
    try:
        for ruleset, text in zip(rulesets, texts, strict=True):
            ruleset.write_text(text.replace("Rules = [", "Rules = [ RowCount > 100000,"))
        loop.types("deploy", "--when-running", "wait")
        trained = loop.types("trigger", "training", code=1)
        predicted = loop.types("trigger", "inference", "--input", loop.arrives(0), code=1)
    finally:
        for ruleset, text in zip(rulesets, texts, strict=True):
            ruleset.write_text(text)
        loop.types("deploy", "--when-running", "wait")
    assert "gate `features`" in trained.text
    assert "gate `predictions`" in predicted.text
    assert "predictions" in [entry["gate"] for entry in loop.kept("quarantine")]
    assert loop.current(0)["run"] == served["run"]


def test_twenty_drift_events_at_once_ask_for_one_training(loop: Loop, shouted: list[str]) -> None:
    assert [entry["retrain"] for entry in loop.kept("decisions")].count(True) == 1
    trained = [run for run in loop.web.runs("loop_training") if run.startswith("asset_triggered")]
    assert len(trained) == 1


def test_drift_and_a_promotion_are_told(
    slack: HttpReceiver, served: dict[str, Any], shouted: list[str]
) -> None:
    (drifted, *_) = slack.hears("broke")  # one window, or two where one run looked at both
    assert drifted.startswith("loop: ")
    assert "features drifted: `monthly_charge`" in drifted
    assert "Task: measure\n" in drifted
    (promoted,) = slack.hears("loop: version 2 of loop is the champion")
    assert "Task: promote\n" in promoted
    assert not [text for text in slack.texts() if "2026-09-01" in text.splitlines()[0]]


def test_after_a_rollback_the_version_before_predicts_again(loop: Loop, shouted: list[str]) -> None:
    """Nobody but the asset event of the rollback starts the inference, of the rows that came last.

    Which these are, depends on what other tests have sent meanwhile.
    """
    before = len(loop.kept("predictions"))
    loop.types("models", "rollback", "loop", "--reason", "the new one is too eager")
    assert champion(loop) == "1"
    (published, *_) = until(lambda: loop.kept("predictions")[before:], "its predictions")
    assert published["version"] == "1"
    history = loop.types("models", "history", "loop", "--json").result
    assert "too eager" in json.dumps(history)


def champion(loop: Loop) -> str:
    shown = loop.types("models", "list", "--json").result
    return str({model["name"]: model["champion"] for model in shown["models"]}["loop"])


def promoted(loop: Loop) -> str | None:
    """The version that was promoted last; cheaper to ask again and again than the registry."""
    found = [entry["version"] for entry in loop.kept("passport") if entry["event"] == "promoted"]
    return found[-1] if found else None


def ended(loop: Loop, pipeline: str) -> list[str] | None:
    """The ids of a pipeline's runs, once none of them goes on."""
    found = loop.web.runs(f"loop_{pipeline}")
    over = all(state in ("success", "failed") for state in found.values())
    return list(found) if over else None
