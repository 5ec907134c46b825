"""MWAA's whole way on one machine: S3, nodes that copy from it, the service, a real Airflow."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import random
import re
import shutil
import threading
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fakes.moto_server import client, credentials, moto_server, new_bucket
from fakes.projects import say, write_project

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.errors import UnavailableError, UnfinishedError
from mlops_cli.core.progress import Silent
from mlops_cli.environments.aws import Aws
from mlops_cli.environments.emulated.behind import Airflow
from mlops_cli.environments.emulated.nodes import Node, syncing
from mlops_cli.environments.emulated.service import MwaaServer
from mlops_cli.environments.emulated.task_logs import sending_logs
from mlops_cli.environments.mwaa import airflow_api, find
from mlops_cli.environments.port import pages
from mlops_cli.environments.release import archive, loader, manifest
from mlops_cli.environments.release.build import Release, lay_out
from mlops_cli.runs.follow import RunUpdate, follow, log_tail
from mlops_cli.runs.trigger import new_run_id, start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_cli.environments.apis.rest import RestApi
    from mlops_cli.environments.local.instance import Instance
    from mlops_cli.project.model import Project

pytestmark = [pytest.mark.real]
CLOCK = SystemClock()
NAME = "mwaatest"
DAG_ID = f"{NAME}_training"
GROUP = "airflow-acme-Task"
DAG = '''\
"""Two candidates, one of which fails when asked to."""

import json
import logging
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
    def numbers():
        return [1, 2]

    @task
    def fit(number, params=None):
        from mwaatest import words

        for line in range(20):
            logging.getLogger("fit").info("candidate %d of %s, line %d", number, words.WORD, line)
        if params["fail"] and number == 2:
            raise ValueError(f"candidate {number} does not converge")
        return f"{words.WORD} {number}"

    fit.expand(number=numbers())


training()
'''

OCCASIONS = '''\
"""One that has dates, and one that waits for news."""

from datetime import datetime, timezone

from airflow.sdk import Asset, dag, task


@dag(
    dag_id="occ_daily",
    schedule="0 5 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    end_date=datetime(2026, 1, 9, tzinfo=timezone.utc),
    catchup=False,
)
def daily():
    @task
    def tell():
        return "told"

    tell()


@dag(dag_id="occ_heard", schedule=[Asset("occ_news")])
def heard():
    @task
    def hear():
        return "heard"

    hear()


daily()
heard()
'''


@dataclass
class Ground:
    """The emulated account: its bucket, its environment, and two nodes besides Airflow's own."""

    s3: Any
    bucket: str
    server: MwaaServer
    aws: Aws
    nodes: list[Node]
    root: Path
    scratch: Path
    lengths: list[int] = field(default_factory=list)

    def api(self, *, private: bool = False) -> RestApi:
        """The environment's Airflow, as `mlops` reaches it."""
        access = "PRIVATE_ONLY" if private else "PUBLIC_ONLY"
        self.server.environments["acme"].facts["WebserverAccessMode"] = access
        return airflow_api(self.aws, find(self.aws, "acme"), clock=CLOCK)

    def put(
        self, project: Project, *, previous: Release | None = None, packed: bool = True
    ) -> Release:
        """Lay a release into the bucket as a deploy does: the archive, then the pointer.

        Not packed, it is as older versions of the tool have laid it.
        """
        folder = self.scratch / project_word(project)
        release = lay_out(
            project, "local", folder / "dags", python=Path("/usr/bin/python3"), clock=CLOCK
        )
        if packed:
            _, entry = archive.pack(release.root, release.manifest, folder)
            described = dataclasses.replace(release.manifest, archive=entry)
            shutil.rmtree(release.root)
            release.root.mkdir()
            (folder / entry.name).rename(release.root / entry.name)
            (release.root / manifest.NAME).write_bytes(described.dumps())
        for path in sorted((folder / "dags").rglob("*")):
            key = str(path.relative_to(folder))
            if path.is_file() and not key.endswith(f"{NAME}/{NAME}.py"):
                self.s3.put_object(Bucket=self.bucket, Key=key, Body=path.read_bytes())
        self.point(release, previous)
        return release

    def point(self, current: Release, previous: Release | None) -> None:
        """Move the pointer."""
        names = current.id, previous.id if previous else None
        body = loader.pointer(NAME, NAME, *names, lengths=self.lengths[-5:])
        self.lengths.append(len(body))
        self.s3.put_object(Bucket=self.bucket, Key=f"dags/{NAME}/{NAME}.py", Body=body)


def project_word(project: Project) -> str:
    return re.findall(r'"(\w+)"', (project.root / NAME / "words.py").read_text())[0]


@pytest.fixture(scope="module")
def ground(local_airflow: Instance, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    base = tmp_path_factory.mktemp("mwaa")
    live = local_airflow.home.dags / NAME
    folders = [live, base / "worker", base / "webserver"]
    with ExitStack() as stack:
        url = stack.enter_context(moto_server())
        s3, logs = client(url), client(url, "logs")
        bucket = new_bucket(url, "acme-dags")
        server = MwaaServer(s3)
        word = local_airflow.password.reveal()
        server.add("acme", Airflow(local_airflow.url, local_airflow.username, word), bucket=bucket)
        stack.enter_context(server.serving())
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        told = credentials(url) | {"AWS_ENDPOINT_URL_MWAA": server.url}
        for name, value in told.items():
            patch.setenv(name, value)
        stack.enter_context(sending_logs(logs, GROUP, local_airflow.home.root / "logs"))
        stack.callback(shutil.rmtree, live, ignore_errors=True)
        nodes = [
            Node(s3, bucket, f"dags/{NAME}/", folder, random.Random(seed), pause_seconds=0.02)
            for seed, folder in enumerate(folders)
        ]
        stack.enter_context(syncing(nodes))
        root = write_project(base, name=NAME)
        (root / "dags/training.py").write_text(DAG)
        yield Ground(s3, bucket, server, Aws(clock=CLOCK), nodes, root, base / "staged")


def live(api: RestApi, release: Release, *, seconds: float = 60) -> float:
    """Wait until Airflow shows the release; how long it took."""
    began = CLOCK.monotonic()
    while CLOCK.monotonic() - began < seconds:
        wrong = [e for e in api.import_errors() if NAME in e.filename]
        # Its files are still being copied, and none is live that could stand in for it.
        assert [e for e in wrong if "is complete here" not in e.trace] == []
        if [dag.dag_id for dag in api.dags(tag=f"release:{release.id}")] == [DAG_ID]:
            return CLOCK.monotonic() - began
        CLOCK.sleep(0.1)
    raise AssertionError(f"{release.id} did not become live")


def ended(api: RestApi, **conf: Any) -> RunUpdate:
    """Start a run and follow it."""
    run = start(api, DAG_ID, new_run_id(CLOCK), conf, progress=Silent())
    seen = list(follow(api, DAG_ID, run.run_id, timeout_seconds=120, clock=CLOCK))
    return seen[-1]


def test_from_the_bucket_to_a_run_s_result(ground: Ground) -> None:
    api = ground.api()
    assert api.version().startswith("3.3")
    first = ground.put(say(ground.root, "one"))
    assert live(api, first) < 30
    done = ended(api)
    assert done.run.state == "success"
    assert {task.state for task in done.tasks} == {"success"}
    assert api.xcom(DAG_ID, done.run.run_id, "numbers") == [1, 2]
    fit = next(task for task in done.tasks if task.map_index == 1)
    lines = [line for page in pages(api, DAG_ID, done.run.run_id, fit) for line in page.lines]
    assert sum("candidate 2 of one" in line for line in lines) == 20

    second = ground.put(say(ground.root, "two"), previous=first)
    live(api, second)
    failed = ended(api, fail=True)
    assert failed.run.state == "failed"

    ground.point(first, second)
    live(api, first)


def test_without_a_public_web_server_logs_come_from_cloudwatch_in_full(ground: Ground) -> None:
    api = ground.api(private=True)
    live(api, ground.put(say(ground.root, "three")))
    before = len(ground.server.web_requests)
    failed = ended(api, fail=True)
    assert failed.run.state == "failed"
    broken = next(task for task in failed.tasks if task.state == "failed")
    assert broken.map_index == 1

    def enough() -> tuple[str, ...]:
        return log_tail(api, DAG_ID, failed.run.run_id, broken, lines=100)

    deadline = CLOCK.monotonic() + 20
    while not any("does not converge" in line for line in enough()):
        assert CLOCK.monotonic() < deadline, enough()
        CLOCK.sleep(0.2)
    said = [line for line in enough() if "candidate 2 of three, line" in line]
    assert [int(line.rpartition(" ")[2]) for line in said] == list(range(20))
    long = f"manual__{CLOCK.now().isoformat()}__{'x' * 20}"  # none of its paths fits
    start(api, DAG_ID, long, {}, progress=Silent())
    assert list(follow(api, DAG_ID, long, timeout_seconds=120, clock=CLOCK))[-1].tasks
    assert api.run(DAG_ID, long).state == "success"
    assert api.run(DAG_ID, long[:-1]) is None
    assert len(ground.server.web_requests) == before


@pytest.fixture
def occasions(ground: Ground, local_airflow: Instance) -> Iterator[RestApi]:
    """A DAG with dates and one that waits for news, asked by InvokeRestApi alone."""
    file = local_airflow.home.dags / "occ.py"
    file.write_text(OCCASIONS)
    try:
        api = ground.api(private=True)
        until(lambda: api.dag("occ_daily") and api.dag("occ_heard"))
        before = len(ground.server.web_requests)
        yield api
        assert len(ground.server.web_requests) == before
    finally:
        file.unlink()


def test_parts_again_dates_and_news_go_through_the_service_too(occasions: RestApi) -> None:
    api = occasions
    run = start(api, "occ_daily", new_run_id(CLOCK), {}, progress=Silent())
    assert [task.try_number for task in finished(api, "occ_daily", run.run_id).tasks] == [1]
    assert [task.task_id for task in api.clear("occ_daily", run.run_id, ["tell"])] == ["tell"]
    assert [task.try_number for task in finished(api, "occ_daily", run.run_id).tasks] == [2]

    begin, end = (datetime(2026, 1, day, tzinfo=UTC) for day in (3, 5))
    assert len(api.backfill_dates("occ_daily", begin, end, {})) == 2
    started = patiently(lambda: api.backfill("occ_daily", begin, end, {}))
    until(lambda: [run.state for run in api.backfill_runs(started)] == ["success"] * 2)
    assert api.backfills("occ_daily", limit=1)[0].number == started.number

    asset = next(asset for asset in api.assets() if asset.name == "occ_news")
    assert asset.starts == ("occ_heard",)
    event = patiently(lambda: api.asset_event(asset, {"mlops_id": "e-1"}))

    def runs_of_it() -> list[tuple[str, str]]:
        (told,) = [one for one in api.asset_events(asset) if one.number == event.number]
        assert told.extra["mlops_id"] == "e-1"
        return list(told.runs)

    assert finished(api, *until(runs_of_it)[0]).run.dag_id == "occ_heard"


def finished(api: RestApi, dag_id: str, run_id: str) -> RunUpdate:
    """Follow a run to its success."""
    last = list(follow(api, dag_id, run_id, timeout_seconds=120, clock=CLOCK))[-1]
    assert last.run.state == "success"
    return last


def patiently(send: Callable[[], Any]) -> Any:
    """Once more where SQLite was too busy, which Airflow says before it does anything."""
    for _ in range(10):
        try:
            return send()
        except UnfinishedError as error:
            if "locked" not in error.message:
                raise
            CLOCK.sleep(1)
    raise AssertionError("SQLite stayed busy")


def until(holds: Callable[[], Any], *, seconds: float = 60) -> Any:
    deadline = CLOCK.monotonic() + seconds
    while CLOCK.monotonic() < deadline:
        with suppress(UnavailableError):  # on a busy machine Airflow may be slow to answer
            if held := holds():
                return held
        CLOCK.sleep(0.3)
    raise AssertionError("in vain")


@pytest.mark.parametrize(
    ("packed", "words", "looks"),
    [(True, ("four", "five", "six"), 20), (False, ("seven", "eight", "nine"), 50)],
    ids=["packed", "plain"],
)
def test_no_node_ever_holds_a_mixed_release(
    ground: Ground, tmp_path: Path, packed: bool, words: tuple[str, ...], looks: int
) -> None:
    """What a node would load between any two files it copies is one release in full."""
    seen: list[Path | None] = []
    mixed: list[Path] = []
    guard = threading.Lock()

    def look(node: Node) -> None:
        with guard:  # Python 3.11 parses in one thread at a time only (python/cpython#106905)
            found = loaded(node.folder, tmp_path / str(ground.nodes.index(node)) / NAME)
        seen.append(found[0] if found else None)
        if found is not None and not is_whole(*found):
            mixed.append(found[0])

    api = ground.api()
    for node in ground.nodes:
        node.after_file = lambda _, node=node: look(node)
    try:
        previous: Release | None = None
        for word in words:
            previous = ground.put(say(ground.root, word), previous=previous, packed=packed)
            live(api, previous)
            CLOCK.sleep(1)
    finally:
        for node in ground.nodes:
            node.after_file = lambda _: None
    assert mixed == []
    assert len(seen) > looks
    assert len({found.name for found in seen if found}) >= 3


def loaded(folder: Path, unpacked: Path) -> tuple[Path, dict[str, Any]] | None:
    """Where the release is that a node's pointer would load now, by its own rule; its manifest."""
    pointer = folder / f"{NAME}.py"
    try:
        tree = ast.parse(pointer.read_text())
    except FileNotFoundError:
        return None
    # All but the loading itself, which needs an Airflow.
    rule = [
        node
        for node in tree.body
        if not isinstance(node, ast.For)
        and not (isinstance(node, ast.ImportFrom) and str(node.module).startswith("airflow"))
    ]
    namespace: dict[str, Any] = {"__file__": str(pointer), "__name__": "pointer"}
    exec(compile(ast.Module(rule, []), str(pointer), "exec"), namespace)
    namespace["UNPACKED"] = unpacked
    names = (namespace["CURRENT"], namespace["PREVIOUS"])
    found = (namespace["complete"](name) for name in names if name)
    return next((one for one in found if one), None)


def is_whole(root: Path, told: dict[str, Any]) -> bool:
    """Every file of the release has the content its manifest tells."""
    return all(
        hashlib.sha256((root / name).read_bytes()).hexdigest() == digest
        for name, (_, digest) in told["files"].items()
    )
