"""The local Airflow, from nothing to a first finished run, against `airflow standalone`."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from compare import BIN, Comparison, environment, report

ROUNDS = 3
DEADLINE = 240
DAG = """
from airflow.sdk import dag, task


@dag(dag_id="first_run", schedule=None, is_paused_upon_creation=False)
def first_run():
    @task
    def number(value):
        return value + 1

    number(number(number(number(0))))


first_run()
"""


def request(url: str, token: str | None = None, body: object = None) -> dict[str, object]:
    """One JSON request to an Airflow on this machine."""
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=30) as answer:
        return dict(json.load(answer))


def run_once(url: str, user: str, password: str, until: float) -> None:
    """Wait until the DAG is there, run it, wait for its end."""
    token, started = None, False
    run = f"{url}/api/v2/dags/first_run/dagRuns"
    name = f"run-{secrets.token_hex(4)}"
    while time.monotonic() < until:
        try:
            if token is None:
                login = {"username": user, "password": password}
                token = str(request(f"{url}/auth/token", body=login)["access_token"])
            if not started:
                request(f"{url}/api/v2/dags/first_run", token)
                request(run, token, {"dag_run_id": name, "logical_date": None})
                started = True
            if request(f"{run}/{name}", token)["state"] == "success":
                return
        except (urllib.error.URLError, OSError, ConnectionError):
            pass
        time.sleep(0.2)
    sys.exit(f"no finished run on {url} in {DEADLINE} s")


def ours(folder: Path) -> float:
    """`mlops airflow start` on an empty data folder."""
    dags = folder / "airflow" / "dags"
    dags.mkdir(parents=True)
    (dags / "first_run.py").write_text(DAG)
    env = environment(MLOPS_DATA_DIR=str(folder))
    began = time.monotonic()
    subprocess.run(
        [BIN / "mlops", "airflow", "start", "-q"], env=env, check=True, capture_output=True
    )
    try:
        from mlops_cli.environments.local.instance import find_running

        os.environ["MLOPS_DATA_DIR"] = str(folder)
        instance = find_running()
        assert instance is not None
        run_once(instance.url, instance.username, instance.password.reveal(), began + DEADLINE)
        return time.monotonic() - began
    finally:
        subprocess.run([BIN / "mlops", "airflow", "stop"], env=env, check=True, capture_output=True)


def standalone(folder: Path, interpreter: Path) -> float:
    """`airflow standalone` with its own defaults, apart from the port."""
    (folder / "dags").mkdir(parents=True)
    (folder / "dags" / "first_run.py").write_text(DAG)
    port = 18_000 + os.getpid() % 10_000
    url = f"http://127.0.0.1:{port}"
    env = environment(
        AIRFLOW_HOME=str(folder),
        AIRFLOW__CORE__DAGS_FOLDER=str(folder / "dags"),
        AIRFLOW__API__PORT=str(port),
        AIRFLOW__API__HOST="127.0.0.1",
        AIRFLOW__CORE__EXECUTION_API_SERVER_URL=f"{url}/execution/",
        PATH=f"{interpreter.parent}:{os.environ['PATH']}",
    )
    began = time.monotonic()
    child = subprocess.Popen(
        [interpreter.with_name("airflow"), "standalone"],
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        passwords = folder / "simple_auth_manager_passwords.json.generated"
        while not passwords.exists() or not passwords.read_text().strip():
            time.sleep(0.1)
            if time.monotonic() > began + DEADLINE:
                sys.exit("airflow standalone wrote no password")
        password = json.loads(passwords.read_text())["admin"]
        run_once(url, "admin", password, began + DEADLINE)
        return time.monotonic() - began
    finally:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def main() -> int:
    """Measure both in turn, each time in an empty folder; the interpreter is built before."""
    from mlops_cli.core.progress import Silent
    from mlops_cli.environments.interpreters import airflow_interpreter

    interpreter = airflow_interpreter("3.3", progress=Silent())
    mine, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(ROUNDS):
            mine.append(ours(Path(folder) / f"ours-{number}"))
            theirs.append(standalone(Path(folder) / f"theirs-{number}", interpreter))
    name = "airflow standalone"
    return report(Comparison("mlops airflow start + first run", mine, name, theirs, 0.6))


if __name__ == "__main__":
    sys.exit(main())
