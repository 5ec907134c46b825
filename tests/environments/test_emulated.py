"""The laptop's MWAA: its bucket outlives it, nobody else gets in, and deploys practise on it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from fakes.projects import say, write_project

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.errors import UnavailableError, UsageError
from mlops_cli.core.processes import child_environment
from mlops_cli.core.progress import Silent
from mlops_cli.environments.aws import Aws
from mlops_cli.environments.emulated import instance, places, program, results
from mlops_cli.environments.emulated.bucket import KeptBucket, client, serving_aws
from mlops_cli.environments.local.configuration import prepare
from mlops_cli.environments.local.leftovers import is_locked, take_lock
from mlops_cli.environments.local.results import AirflowStatus
from mlops_cli.environments.mwaa import ObjectVersion, find, update, wait_for_update
from mlops_cli.environments.open import open_environment
from mlops_cli.project.loader import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_cli.environments.local.configuration import Home

CLOCK = SystemClock()
KEY = "EMULATED0123456789"
NAME = "practice"
DAG = """\
import json
from pathlib import Path

from airflow.sdk import dag, task

SETTINGS = json.loads((Path(__file__).parents[1] / "settings.json").read_text())


@dag(dag_id=SETTINGS["dag_ids"]["training"], schedule=None)
def training():
    @task
    def tell():
        from practice import words

        return words.WORD

    tell()


training()
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "data"))
    yield tmp_path / "data"
    instance.stop(clock=CLOCK)


def listener() -> socket.socket:
    made = socket.socket()
    made.bind(("127.0.0.1", 0))
    made.listen(128)
    return made


def until(true: Any, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not become true in time"
        time.sleep(0.05)


@contextmanager
def account(home: Home) -> Iterator[subprocess.Popen[bytes]]:
    """The program, as the supervisor runs it beside an Airflow; here there is none."""
    prepare(home, api_port=1, execution_port=2)
    home.state.write_text(json.dumps({"port": 1}))
    (home.root / "database-version").write_text("3.3.2")
    lock = take_lock(home)
    assert lock is not None
    with listener() as aws, listener() as mwaa:
        handles = [aws.fileno(), mwaa.fileno()]
        child = subprocess.Popen(
            [sys.executable, "-m", program.__name__, str(home.root), *map(str, handles)],
            env=child_environment(places.shell_variables(home)),
            pass_fds=handles,
        )
    try:
        until(lambda: places.aws_config(home).is_file() or child.poll() is not None)
        yield child
    finally:
        child.terminate()
        assert child.wait(20) == 0
        os.close(lock)


def s3_of(aws: Aws) -> Any:
    return aws.client("s3")


def test_what_is_in_the_bucket_outlives_a_restart(tmp_path: Path) -> None:
    with serving_aws(listener(), KEY) as url:
        bucket = KeptBucket(client(url, KEY, "s3"), "kept", tmp_path)
        bucket.restore()
        with bucket.keeping():
            for key in ("dags/a/_releases/r1/x.py", "dags/a/a.py", "gone", "../outside"):
                bucket.s3.put_object(Bucket="kept", Key=key, Body=key.encode())
            until((tmp_path / "gone").is_file)
            bucket.s3.delete_object(Bucket="kept", Key="gone")
        first = bucket.s3.head_object(Bucket="kept", Key="dags/a/a.py")["ETag"]
        reset(bucket)
        again = KeptBucket(bucket.s3, "kept", tmp_path)
        again.restore()
        found = bucket.s3.list_objects_v2(Bucket="kept")["Contents"]
        assert [item["Key"] for item in found] == ["dags/a/_releases/r1/x.py", "dags/a/a.py"]
        assert bucket.s3.head_object(Bucket="kept", Key="dags/a/a.py")["ETag"] == first
        assert bucket.s3.get_bucket_versioning(Bucket="kept")["Status"] == "Enabled"
    assert not (tmp_path.parent / "outside").exists()


def reset(bucket: KeptBucket) -> None:
    """As if the process had ended: moto keeps its state in memory."""
    from moto.s3.models import s3_backends

    s3_backends.reset()


def test_a_release_is_kept_before_its_pointer(tmp_path: Path) -> None:
    with serving_aws(listener(), KEY) as url:
        bucket = KeptBucket(client(url, KEY, "s3"), "ordered", tmp_path)
        bucket.restore()
        keys = ["z/release", "a/pointer", "m/history"]
        for key in keys:
            bucket.s3.put_object(Bucket="ordered", Key=key, Body=b"1")
            time.sleep(1.1)  # S3 tells whole seconds
        bucket.keep()
    written = sorted(keys, key=lambda key: (tmp_path / key).stat().st_mtime_ns)
    assert written == keys


@pytest.mark.parametrize("service", ["s3", "sts", "iam"])
def test_only_who_has_the_key_gets_in(service: str) -> None:
    ask = {"s3": "list_buckets", "sts": "get_caller_identity", "iam": "list_roles"}[service]
    with serving_aws(listener(), KEY) as url:
        for key in ("testing", KEY[:-1], *([KEY] if service == "iam" else [])):
            with pytest.raises(ClientError):
                getattr(client(url, key, service), ask)()
        if service != "iam":
            assert getattr(client(url, KEY, service), ask)()


def test_the_account_is_found_by_its_profile_with_nothing_exported(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = places.emulated_home()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of-a-real-account")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of-a-real-account")
    aws = Aws(clock=CLOCK, profile=places.PROFILE, region=places.REGION, account=places.ACCOUNT)
    with account(home):
        assert places.aws_config(home).stat().st_mode & 0o077 == 0
        assert aws.require_account().account == places.ACCOUNT
        found = find(aws, places.NAME)
        assert (found.bucket, found.dag_path, found.airflow_version) == (
            places.BUCKET, "dags", "3.3.2",
        )  # fmt: skip
        s3_of(aws).put_object(Bucket=found.bucket, Key="dags/x/x.py", Body=b"1 + 1")
        until((home.dags / "x/x.py").is_file)
        put = s3_of(aws).put_object(Bucket=found.bucket, Key="requirements.txt", Body=b"a==1")
        files = {"requirements": ObjectVersion("requirements.txt", put["VersionId"])}
        update(aws, places.NAME, files)
        wait_for_update(aws, places.NAME, files, progress=Silent(), clock=CLOCK)
    assert not places.aws_config(home).exists()

    with account(home):
        aws = Aws(clock=CLOCK, profile=places.PROFILE, region=places.REGION)
        told = find(aws, places.NAME).files["requirements"]
        s3_of(aws).head_object(Bucket=places.BUCKET, Key=told.path, VersionId=told.version)
        assert s3_of(aws).head_object(Bucket=places.BUCKET, Key="dags/x/x.py")
    with pytest.raises(UnavailableError) as raised:
        Aws(clock=CLOCK, profile=places.PROFILE, region=places.REGION).identity()
    assert "mlops airflow start --emulate mwaa" in (raised.value.hint or "")


def test_without_moto_it_says_what_to_install(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moto", None)
    with pytest.raises(UsageError) as raised:
        instance.start(progress=Silent(), clock=CLOCK)
    assert "moto[s3,server]" in (raised.value.hint or "")
    assert not data.exists()


def test_the_environment_it_shows_can_be_pasted(tmp_path: Path) -> None:
    root = write_project(tmp_path)
    path = root / "mlops.yaml"
    text = path.read_text().partition("environments:")[0]
    path.write_text(text + results.SECTION)
    assert load(root).environments["staging"].kind == "mwaa"


@pytest.mark.parametrize(
    ("local", "emulated", "code"),
    [
        ("running", None, 0),
        ("stopped", None, 1),
        ("stopped", "running", 0),
        ("running", "running", 0),
        ("running", "starting", 1),
        ("unhealthy", "running", 1),
    ],
)
def test_status_is_done_when_all_that_was_started_runs(
    tmp_path: Path, local: str, emulated: str | None, code: int
) -> None:
    other = AirflowStatus(emulated, tmp_path) if emulated else None
    assert AirflowStatus(local, tmp_path, emulated=other).exit_code == code


# --- as a whole, on a real Airflow -----------------------------------------------------------


def mlops(root: Path, *arguments: str, code: int = 0) -> str:
    """Run a command in the project; what it prints."""
    done = subprocess.run(
        [sys.executable, "-m", "mlops_cli", *arguments],
        cwd=root,
        env=child_environment(),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == code, (arguments, done.stdout, done.stderr)
    return done.stdout


def said_by(root: Path) -> object:
    """What the DAG that is live now says."""
    told = json.loads(mlops(root, "trigger", "training", "--env", "staging", "--follow", "--json"))
    opened = open_environment(load(root), "staging", start=False, progress=Silent(), clock=CLOCK)
    return opened.airflow.xcom(f"{NAME}_training", told["run_id"], "tell")


def mentioning(home: Home) -> list[str]:
    """Processes that belong to it, by their command line."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 -- names are enough
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:  # noqa: PTH123
                if str(home.root).encode() in file.read():
                    found.append(pid)
        except OSError:
            continue
    return found


@pytest.mark.long
@pytest.mark.real
@pytest.mark.timeout(600)
def test_deploy_trigger_change_deploy_rollback_on_a_laptop(data: Path, tmp_path: Path) -> None:
    home = places.emulated_home()
    root = write_project(tmp_path, name=NAME)
    (root / "dags/training.py").write_text(DAG)
    manifest = root / "mlops.yaml"
    manifest.write_text(manifest.read_text().partition("environments:")[0] + results.SECTION)
    mlops(root, "airflow", "start", "--emulate", "mwaa")
    assert "is running" in mlops(root, "airflow", "status")

    say(root, "one")
    mlops(root, "deploy", "--env", "staging", "--skip-checks")
    assert said_by(root) == "one"
    say(root, "another")
    assert "words.py" in mlops(root, "deploy", "--env", "staging", "--skip-checks", "--dry-run")
    mlops(root, "deploy", "--env", "staging", "--skip-checks")
    assert said_by(root) == "another"
    mlops(root, "rollback", "--env", "staging")
    assert said_by(root) == "one"

    running = instance.find_running()
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)  # the guardian: what it watched over ends too
    until(lambda: not is_locked(home), 60)
    until(lambda: mentioning(home) == [], 10)
    assert (places.kept_bucket(home) / f"dags/{NAME}/{NAME}.py").is_file()
    assert "Airflow is stopped" in mlops(root, "airflow", "status", code=1)
