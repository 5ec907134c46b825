"""Whole environments of `kind: airflow`: a place for releases, a node that reads it, an Airflow.

The Airflow is the small fake; its DAGs are what the node's folder really loads.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import threading
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.progress import Silent
from mlops_cli.deployment.deploy import Options, deploy
from mlops_cli.environments import record
from mlops_cli.environments.emulated.behind import Airflow
from mlops_cli.environments.emulated.nodes import Node, syncing
from mlops_cli.environments.emulated.service import ACCOUNT, REGION, MwaaServer
from mlops_cli.environments.open import open_environment
from mlops_cli.project.loader import load

from . import moto_server as moto
from .airflow_server import FakeAirflow
from .airflow_side import load as load_pointers
from .airflow_side import parsing
from .projects import write_project
from .repositories import bare_repository, git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pytest

    from mlops_cli.core.clock import Clock
    from mlops_cli.deployment.live import Deployment
    from mlops_cli.deployment.plan import Plan
    from mlops_cli.environments.emulated.behind import Environment as BehindMwaa
    from mlops_cli.environments.open import Environment

CLOCK = SystemClock()
PASSWORD = "GROUND_PASSWORD"


class Notes(Silent):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        self.said.append(text)
        yield

    def note(self, text: str) -> None:
        self.said.append(text)


@dataclass
class Ground:
    """A project with an environment, and what is behind it."""

    root: Path
    name: str
    fake: FakeAirflow
    dags: Path
    """The folder the node reads its DAGs from."""
    notes: Notes = field(default_factory=Notes)

    def deploy(
        self,
        *,
        approve: Callable[[Plan], bool] = lambda _: True,
        clock: Clock = CLOCK,
        env: str | None = None,
        **options: object,
    ) -> Plan | Deployment:
        wanted = {"skip_checks": True, "deadline_seconds": 20.0} | options
        return deploy(
            load(self.root),
            env or self.name,
            options=Options(**wanted),
            approve=approve,
            progress=self.notes,
            clock=clock,
        )

    def command(self, *words: str) -> list[str]:
        """`mlops` as a person types it."""
        return [sys.executable, "-m", "mlops_cli", *words, "--env", self.name]

    def start_deploy(self) -> subprocess.Popen[str]:
        """A deploy in a process of its own, which can be told to stop."""
        return subprocess.Popen(
            [*self.command("deploy"), "--skip-checks"],
            cwd=self.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def open(self, env: str | None = None) -> Environment:
        return open_environment(
            load(self.root), env or self.name, start=False, progress=self.notes, clock=CLOCK
        )

    def live(self) -> str | None:
        found = record.live(self.open().store, "churn")
        return found.current if found else None

    def word(self) -> str | None:
        """What the node loads."""
        loaded = load_pointers(self.dags / "churn/churn.py")
        return loaded.dags.get("churn_training", {}).get("word")

    def history(self) -> list[str]:
        return [entry.action for entry in record.history(self.open().store)]

    def say(self, word: str) -> None:
        (self.root / "churn/words.py").write_text(f'WORD = "{word}"\n')


def add_environment(root: Path, name: str, text: str) -> None:
    """Write an environment into the project's `mlops.yaml`."""
    manifest = root / "mlops.yaml"
    kept = re.sub(rf"^  {name}: .*\n", "", manifest.read_text(), flags=re.M)
    manifest.write_text(f"{kept}  {name}: {text}\n")


def airflow_text(fake: FakeAirflow, store: str, *, more: str = "") -> str:
    """An environment of `kind: airflow` in front of the fake."""
    login = f"{{kind: password, username: {fake.username}, password: 'env:{PASSWORD}'}}"
    return (
        f"{{kind: airflow, url: '{fake.url}', auth: {login}, store: {store}, "
        f"paths: {{python: /usr/bin/python3}}{more}}}"
    )


@contextmanager
def folder_ground(
    folder: Path, name: str = "staging", *, root: Path | None = None, more: str = ""
) -> Iterator[Ground]:
    """Releases go to a folder that Airflow reads directly."""
    root = root or write_project(folder)
    dags = folder / f"{name}-dags"
    with FakeAirflow().serving() as fake:
        fake.password = "ground"
        add_environment(
            root, name, airflow_text(fake, f"{{kind: folder, path: '{dags}'}}", more=more)
        )
        with parsing(fake, dags):
            yield Ground(root, name, fake, dags)


@contextmanager
def s3_ground(
    folder: Path, bucket: str, direct: str, name: str = "staging", *, more: str = ""
) -> Iterator[Ground]:
    """Releases go to a bucket, which a node copies from by itself and in any order."""
    root, dags = write_project(folder), folder / f"{name}-node"
    with ExitStack() as stack:
        fake = stack.enter_context(FakeAirflow().serving())
        fake.password = "ground"
        add_environment(
            root, name, airflow_text(fake, f"{{kind: s3, bucket: {bucket}}}", more=more)
        )
        node = Node(moto.client(direct), bucket, "dags/", dags, random.Random(1))
        stack.enter_context(syncing([node], every_seconds=0.1))
        stack.enter_context(parsing(fake, dags))
        yield Ground(root, name, fake, dags)


@dataclass
class MwaaGround(Ground):
    """An MWAA environment, its bucket and the service that is asked about it."""

    server: MwaaServer = field(default_factory=MwaaServer)
    bucket: str = ""

    @property
    def behind(self) -> BehindMwaa:
        return self.server.environments["acme"]


@contextmanager
def mwaa_ground(
    folder: Path, bucket: str, direct: str, patch: pytest.MonkeyPatch, name: str = "staging"
) -> Iterator[MwaaGround]:
    """The whole of it but Airflow: S3, the service, a node that copies by itself."""
    root, dags = write_project(folder), folder / f"{name}-node"
    with ExitStack() as stack:
        fake = stack.enter_context(FakeAirflow().serving())
        s3 = moto.client(direct)
        server = MwaaServer(s3)
        server.add("acme", Airflow(fake.url, fake.username, fake.password), bucket=bucket)
        stack.enter_context(server.serving())
        patch.setenv("AWS_ENDPOINT_URL_MWAA", server.url)
        add_environment(
            root,
            name,
            f"{{kind: mwaa, environment_name: acme, account: '{ACCOUNT}', region: {REGION}, "
            "paths: {python: /usr/bin/python3}}",
        )
        node = Node(s3, bucket, "dags/", dags, random.Random(1))
        stack.enter_context(syncing([node], every_seconds=0.1))
        stack.enter_context(parsing(fake, dags))
        yield MwaaGround(root, name, fake, dags, server=server, bucket=bucket)


@contextmanager
def git_ground(folder: Path, name: str = "staging") -> Iterator[Ground]:
    """Releases go to a branch, which a node follows as `GitDagBundle` does: whole commits only.

    An Airflow with an attribute `held` goes on saying that it is at that commit.
    """
    root, clone = write_project(folder), folder / f"{name}-clone"
    remote = bare_repository(folder / "remote.git")
    over = threading.Event()

    def follow() -> None:
        git(folder, "clone", "--quiet", "--no-checkout", str(remote), str(clone))
        while not over.wait(0.2):
            git(clone, "fetch", "--quiet")
            if git(clone, "branch", "--remotes", "--list", "origin/deploy/*"):
                git(clone, "checkout", "--quiet", "--force", "--detach", f"origin/deploy/{name}")

    with ExitStack() as stack:
        fake = stack.enter_context(FakeAirflow().serving())
        fake.password = "ground"
        store = f"{{kind: git, repository: '{remote}', branch: deploy/{name}, folder: dags}}"
        add_environment(root, name, airflow_text(fake, store))
        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        stack.callback(thread.join, 10)
        stack.callback(over.set)

        def version() -> str:
            return getattr(fake, "held", None) or (clone / ".git/HEAD").read_text().strip()

        stack.enter_context(parsing(fake, clone / "dags", version))
        yield Ground(root, name, fake, clone / "dags")
