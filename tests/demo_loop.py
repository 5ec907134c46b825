"""`make demo-loop`: a model that decays is noticed, trained again, approved and served.

Customers come day by day from a seeded generator (`drifting.py`); after some days a price reform
changes them. All runs on a real local Airflow; messages to Slack go to a server of this script.
The project goes to `demo/churn` and all state to `demo/loop`.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import drifting
from demo import DEMO, MLOPS, say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROJECT = DEMO / "churn"
ARRIVING = DEMO / "arriving"
STATE = DEMO / "loop"
KEPT = STATE / "projects" / "churn" / "data"

FIRST = date(2026, 9, 1)
CALM, REFORMED = 3, 3
"""Days before and after the price reform."""
ROWS = 400
WAIT_SECONDS = 240.0
INPUT = (drifting.KEY, drifting.TIME, *drifting.FEATURES)

SETTINGS = f"""\
monitoring:
  labels: {ARRIVING.as_uri()}/labels/{{partition}}.csv
  retrain:
    broken: 2
    windows: 3
    cooldown_days: 7
    train_on: 3
notifications:
  send:
    - to: slack-webhook
      on: [gate_failed, drift, approval_waiting, promoted, run_failed]
      connection: slack_default
"""


def main() -> int:
    """Run the loop on a clean state and leave no process behind."""
    began = time.monotonic()
    clear()
    with slack() as messages:
        try:
            promoted_first_model()
            quiet_month = month_without_drift()
            for number in range(CALM + REFORMED):
                a_day(number, retraining=number == CALM + 1)
            approve_challenger()
            a_day(CALM + REFORMED)
            timeline(messages)
            proof(quiet_month, messages)
        finally:
            mlops("airflow", "stop", folder=DEMO)
    say(f"\nThe loop took {time.monotonic() - began:.0f} s; no account was opened.")
    return 0


# --- the story --------------------------------------------------------------------------------


def promoted_first_model() -> None:
    """A project of the first month's data, on Airflow; its model approved by a person."""
    rows = drifting.history(FIRST, days=30, count=40)
    data = drifting.write(ARRIVING / "history.csv", rows, rows[0])
    families = "families={random_forest: {n_estimators: [100]}}"
    shell("new", "churn", "--data", data, "--target", drifting.TARGET, "--key", drifting.KEY,
          "--time", drifting.TIME, "--set", "approval=person", "--set", families, "--defaults",
          folder=DEMO)  # fmt: skip
    manifest = PROJECT / "mlops.yaml"
    text = manifest.read_text(encoding="utf-8")
    begin, end = text.index("# A window is"), text.index("environments:")
    manifest.write_text(text[:begin] + SETTINGS + "\n" + text[end:], encoding="utf-8")
    shell("validate")
    shell("deploy", "--env", "local")
    shell("trigger", "training", "--no-follow")
    approve("the first one; reviewed by hand")


def month_without_drift() -> dict[str, Any]:
    """Thirty windows as they were before, through the same steps: nothing asks for training."""
    say("\n# The same loop without drift: 30 windows")
    release = json.loads(shell("releases", "--json", quiet=True))["releases"][0]["release"]
    settings = next((STATE / "airflow" / "dags").rglob(f"{release}/settings.json"))
    python = json.loads(settings.read_text(encoding="utf-8"))["paths"]["python"]
    script = Path(__file__).with_name("month_without_drift.py")
    done = subprocess.run(
        [python, script, settings.parent, STATE / "quiet"],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    say(f"  {found['windows']} windows, {found['broken']} broke, {found['retrained']} trainings")
    return found


def a_day(number: int, *, retraining: bool = False) -> None:
    """New customers are predicted and watched; the labels of the day before arrive."""
    day = FIRST + timedelta(days=number)
    reformed = number >= CALM
    rows = drifting.customers(day, ROWS, reformed=reformed)
    say(f"\n# {day}: {ROWS} customers{', after the price reform' if reformed else ''}")
    if number:
        before = day - timedelta(days=1)
        late = drifting.customers(before, ROWS, reformed=number - 1 >= CALM)
        columns = (drifting.KEY, drifting.TARGET)
        drifting.write(ARRIVING / "labels" / f"{before}.csv", late, columns)
    batch = drifting.write(ARRIVING / f"{day}.csv", rows, INPUT)
    shell("trigger", "inference", "--input", batch)
    wait(f"the window of {day}", lambda: any(w["partition"] == str(day) for w in kept("windows")))
    if retraining:
        wait("retraining to be asked for", lambda: any(d["retrain"] for d in kept("decisions")))


def approve_challenger() -> None:
    """The new model has won on recent rows and waits; a person says yes, and it serves."""
    say("\n# Retraining was asked for, by an asset and not by a hand")
    approve("wins on the rows since the reform")
    newest = FIRST + timedelta(days=CALM + REFORMED - 1)
    wait(
        "the newest customers to be predicted by the new champion",
        lambda: served(newest).get("version") == "2",
    )


def approve(reason: str) -> None:
    """Wait until a training run asks about its version, and say yes."""
    known = len(champions())
    wait("a version to be registered", lambda: registered() != champions())
    command = ("models", "approve", "churn", registered()[-1], "--reason", reason)
    wait(
        "the run to ask for approval",
        lambda: mlops(*command, "--quiet", folder=PROJECT, talk=False).returncode == 0,
    )
    say(f"\n$ mlops {shlex.join(command)}")
    wait("the version to be champion", lambda: len(champions()) > known)


def timeline(messages: list[str]) -> None:
    """What happened, in order, from what the pipelines wrote down."""
    say("\nday         version  accuracy  drifted  window")
    windows = {(w["partition"], w["version"]): w for w in kept("windows")}
    for (day, version), window in sorted(windows.items()):
        share = window["drift"]["share"]
        mark = f"broke: {window['reasons'][0]}" if window["broke"] else "fine"
        say(f"{day}  {version:7}  {accuracy(day, version):8.3f}  {share:7.0%}  {mark}")
    say("\nwhen      what")
    for entry in kept("passport"):
        if entry["event"] not in ("scored", "drift"):
            by = f" by {entry['by']}" if entry.get("by") else ""
            what = entry["event"].replace("_", " ")
            say(f"{entry['at'][11:19]}  {what}, version {entry['version']}{by}")
    say(f"\n{len(messages)} messages to Slack")
    for message in messages:
        say(f"  {message.splitlines()[0]}")


def proof(quiet_month: dict[str, Any], messages: list[str]) -> None:
    """What the loop is for; an assertion that fails ends the demo with a traceback."""
    asked = [decision for decision in kept("decisions") if decision["retrain"]]
    assert len(asked) == 1, f"{len(asked)} trainings were asked for"
    assert quiet_month["windows"] == 30
    assert quiet_month["retrained"] == 0
    before = accuracy(str(FIRST), "1")
    decayed = accuracy(str(FIRST + timedelta(days=CALM + 1)), "1")
    after = accuracy(str(FIRST + timedelta(days=CALM + REFORMED)), "2")
    assert before - decayed > 0.2, (before, decayed)
    assert after > before - 0.1, (before, after)
    assert any("drift" in message.lower() for message in messages), messages
    say(f"\nAccuracy {before:.3f}, after the reform {decayed:.3f}, with version 2 {after:.3f}")
    shell("report", "churn")


# --- looking ----------------------------------------------------------------------------------


def kept(name: str) -> list[dict[str, Any]]:
    """The entries of one of the project's journals."""
    path = KEPT / f"{name}.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def registered() -> list[str]:
    """Every version that was registered, the oldest first."""
    return [entry["version"] for entry in kept("passport") if entry["event"] == "registered"]


def champions() -> list[str]:
    """Every version that was promoted, the oldest first."""
    return [entry["version"] for entry in kept("passport") if entry["event"] == "promoted"]


def served(day: date) -> dict[str, Any]:
    """What is published for a day."""
    path = KEPT / "predictions" / str(day) / "current.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def accuracy(day: str, version: str) -> float:
    """The share of a day's customers of whom that version said what became of them."""
    import duckdb

    number = (date.fromisoformat(day) - FIRST).days
    rows = drifting.customers(date.fromisoformat(day), ROWS, reformed=number >= CALM)
    truth = {row[drifting.KEY]: row[drifting.TARGET] for row in rows}
    published = [
        entry
        for entry in kept("predictions")
        if entry["partition"] == day and entry["version"] == version
    ]
    place = published[-1]["predictions"].removeprefix("file://")
    query = f"SELECT {drifting.KEY}, prediction FROM read_parquet(?)"
    found = duckdb.execute(query, [place]).fetchall()
    return sum(truth[key] == prediction for key, prediction in found) / len(found)


def wait(what: str, there: Callable[[], bool]) -> None:
    """Look until it is there; the demo fails when it does not come."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not there():
        if time.monotonic() > deadline:
            raise SystemExit(f"Waited {WAIT_SECONDS:.0f} s for {what}, in vain")
        time.sleep(1)


# --- doing ------------------------------------------------------------------------------------


def shell(*arguments: str | Path, folder: Path = PROJECT, quiet: bool = False) -> str:
    """Type a command; the first that fails ends the demo with its code."""
    if not quiet:
        say(f"\n$ mlops {shlex.join(str(argument) for argument in arguments)}")
    done = mlops(*arguments, folder=folder)
    if not quiet:
        say(done.stdout.rstrip())
    if done.returncode:
        raise SystemExit(done.returncode)
    return done.stdout


def mlops(
    *arguments: str | Path, folder: Path, talk: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would, in `folder`; what it talks goes to the screen."""
    environment = os.environ | {"MLOPS_DATA_DIR": str(STATE)}
    return subprocess.run(
        [MLOPS, *arguments],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=None if talk else subprocess.DEVNULL,
        check=False,
    )


def clear() -> None:
    """Take away what an earlier demo left."""
    DEMO.mkdir(exist_ok=True)
    if STATE.exists():
        mlops("airflow", "stop", folder=DEMO)
    for folder in (PROJECT, ARRIVING, STATE):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def slack() -> Iterator[list[str]]:
    """A server that takes webhooks as Slack does; Airflow finds it by its connection."""
    messages: list[str] = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            messages.append(body["text"])
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Webhook) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        os.environ["AIRFLOW_CONN_SLACK_DEFAULT"] = json.dumps(
            {
                "conn_type": "slackwebhook",
                "schema": "http",
                "host": f"127.0.0.1:{server.server_address[1]}/services",
                "password": "T000/B000/demo",
            }
        )
        yield messages
        server.shutdown()


if __name__ == "__main__":
    sys.exit(main())
