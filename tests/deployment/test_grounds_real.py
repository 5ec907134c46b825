"""The README's story on a real Airflow that reads a bucket, and a branch, by its own bundles."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
import uv
from fakes import moto_server as moto
from fakes.grounds import PASSWORD, add_environment
from fakes.projects import say, write_project
from fakes.repositories import bare_repository, git
from real_airflow import data_dir

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.exits import Exit
from mlops_cli.core.processes import child_environment
from mlops_cli.core.progress import Silent
from mlops_cli.environments.interpreters import DEFAULT_AIRFLOW, airflow_interpreter
from mlops_cli.environments.local import instance
from mlops_cli.environments.local.configuration import Home
from mlops_cli.environments.open import open_environment
from mlops_cli.project.loader import load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_cli.environments.local.instance import Instance

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(300)]
CLOCK = SystemClock()
BUCKET = "grounds"
BRANCH = "deploy/staging"
# What a platform team installs to follow a repository; the managed Airflow has no need of it.
GIT_PROVIDER = (
    "apache-airflow-providers-git==1.0.1",
    "gitpython==3.2.1",
    "gitdb==4.0.12",
    "smmap==5.0.3",
)
BUNDLES = {
    "s3": "airflow.providers.amazon.aws.bundles.s3.S3DagBundle",
    "git": "airflow.providers.git.bundles.git.GitDagBundle",
}
WAIT = "import signal; signal.pause()"
DAG = '''\
"""One task, which fails when it is asked to."""

import json
from pathlib import Path

from airflow.sdk import Param, dag, task

SETTINGS = json.loads((Path(__file__).parents[1] / "settings.json").read_text())


@dag(
    dag_id=SETTINGS["dag_ids"]["training"],
    schedule=None,
    params={"fail": Param(False, type="boolean")},
)
def training():
    @task
    def tell(params=None):
        from NAME import words

        if params["fail"]:
            raise ValueError("it does not converge")
        return words.WORD

    tell()


training()
'''
MORE = """\
    @task
    def tell_more(word):
        return f"{word} and more"

    tell_more(tell())
"""


@dataclass(frozen=True)
class Grounds:
    """An Airflow that has never heard of `mlops`, and where it reads its DAGs from."""

    airflow: Instance
    remote: Path
    s3_url: str


@pytest.fixture(scope="module")
def grounds(s3_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grounds]:
    """One Airflow for both stories."""
    folder = tmp_path_factory.mktemp("grounds")
    bucket = moto.new_bucket(s3_url, BUCKET)
    # The bundle does not start without its prefix.
    moto.client(s3_url).put_object(Bucket=bucket, Key="dags/", Body=b"")
    remote = bare_repository(folder / "remote.git")
    # Nor without its branch: what it cloned without it, it never fetches again.
    seed(remote, folder / "seed")
    bundles = {
        "s3": {"bucket_name": BUCKET, "prefix": "dags/"},
        "git": {"repo_url": str(remote), "tracking_ref": BRANCH, "subdir": "dags"},
    }
    listed = [
        {"name": name, "classpath": BUNDLES[name], "kwargs": kwargs | {"refresh_interval": 1}}
        for name, kwargs in bundles.items()
    ]
    settings = moto.credentials(s3_url) | {
        # 30 by default: a confirmed deploy has waited it out.
        "AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL": "8",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "2",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(listed),
        "PYTHONPATH": str(with_git(folder / "provider")),
    }
    beside = instance.Companion("grounds", (sys.executable, "-c", WAIT), {}, settings)
    home = Home(folder / "airflow")
    try:
        with data_dir(folder / "data"):
            running = instance.start(home=home, companion=beside, progress=Silent(), clock=CLOCK)
        yield Grounds(running, remote, s3_url)
    finally:
        instance.stop(home=home, clock=CLOCK)


def seed(remote: Path, clone: Path) -> None:
    """Give the repository a branch with nothing of ours in it."""
    git(remote, "clone", "--quiet", str(remote), str(clone))
    (clone / "README").write_text("deployed by a tool\n")
    git(clone, "add", "README")
    who = ("-c", "user.name=platform", "-c", "user.email=platform@localhost")
    git(clone, *who, "commit", "--quiet", "-m", "Begin")
    git(clone, "push", "--quiet", "origin", f"HEAD:refs/heads/{BRANCH}")


def with_git(folder: Path) -> Path:
    """A folder that has the provider Airflow needs for a repository."""
    python = airflow_interpreter(DEFAULT_AIRFLOW, progress=Silent())
    where = ("--python", str(python), "--target", str(folder))
    install = [uv.find_uv_bin(), "pip", "install", "--quiet", "--no-deps", *where, *GIT_PROVIDER]
    subprocess.run(install, check=True, timeout=200)
    return folder


@dataclass(frozen=True)
class Story:
    """A project, and its commands as somebody types them."""

    root: Path

    @property
    def dag_id(self) -> str:
        return f"{self.root.name}_training"

    def mlops(self, *arguments: str, code: Exit = Exit.DONE) -> str:
        """Run a command; what it prints."""
        done = subprocess.run(
            [sys.executable, "-m", "mlops_cli", *arguments, "--env", "staging"],
            cwd=self.root,
            env=child_environment(),
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, (arguments, done.stdout, done.stderr)
        return done.stdout

    def ask(self, *arguments: str, code: Exit = Exit.DONE) -> Any:
        return json.loads(self.mlops(*arguments, "--json", code=code))

    def run(self, task: str = "tell") -> object:
        """What a run of the DAG that is live now says."""
        told = self.ask("trigger", "training", "--follow")
        opened = open_environment(
            load(self.root), "staging", start=False, progress=Silent(), clock=CLOCK
        )
        return opened.airflow.xcom(self.dag_id, told["run_id"], task)

    def change_dag(self) -> None:
        path = self.root / "dags/training.py"
        path.write_text(path.read_text().replace("    tell()\n", MORE))


def write_story(
    folder: Path, name: str, store: str, airflow: Instance, patch: pytest.MonkeyPatch
) -> Story:
    """A project whose `staging` is that Airflow and this store."""
    patch.setenv(PASSWORD, airflow.password.reveal())
    root = write_project(folder, name=name)
    (root / "dags/training.py").write_text(DAG.replace("NAME", name))
    login = f"{{kind: password, username: {airflow.username}, password: 'env:{PASSWORD}'}}"
    text = f"{{kind: airflow, url: '{airflow.url}', auth: {login}, store: {store}}}"
    add_environment(root, "staging", text)
    return Story(root)


def tell(story: Story) -> None:
    """The README's story, with the exit code of each step."""
    first = story.ask("deploy", "--skip-checks")["release"]
    assert story.run() == "one"
    failed = story.mlops("trigger", "training", "--conf", "fail=true", "--follow", code=Exit.NO)
    assert "it does not converge" in failed

    say(story.root, "two")
    story.change_dag()
    planned = story.mlops("deploy", "--skip-checks", "--dry-run")
    assert "~ dags/training.py" in planned
    assert f"changed  {story.dag_id}" in planned
    assert story.ask("status")["pipelines"][0]["release"] == first

    second = story.ask("deploy", "--skip-checks")
    assert second["previous"] == first
    assert story.run("tell_more") == "two and more"
    assert story.ask("deploy", "--skip-checks")["unchanged"]
    assert story.ask("rollback")["release"] == first
    assert story.run() == "one"
    told = story.ask("status")["pipelines"][0]
    assert told["release"] == first
    assert [run["state"] for run in told["runs"]][:4] == ["success", "success", "failed", "success"]
    assert first in story.mlops("status")


def test_the_story_on_a_bucket(
    grounds: Grounds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in moto.credentials(grounds.s3_url).items():
        monkeypatch.setenv(name, value)
    store = f"{{kind: s3, bucket: {BUCKET}}}"
    tell(write_story(tmp_path, "onbucket", store, grounds.airflow, monkeypatch))


def test_the_story_on_a_branch(
    grounds: Grounds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "data"))
    store = f"{{kind: git, repository: '{grounds.remote}', branch: {BRANCH}, folder: dags}}"
    story = write_story(tmp_path, "onbranch", store, grounds.airflow, monkeypatch)
    tell(story)
    opened = open_environment(
        load(story.root), "staging", start=False, progress=Silent(), clock=CLOCK
    )
    shown = opened.airflow.dag(story.dag_id)
    assert shown is not None
    assert shown.bundle_version == git(grounds.remote, "rev-parse", BRANCH)
