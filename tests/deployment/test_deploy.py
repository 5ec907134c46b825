"""Deploys to a real store and a small Airflow: what goes live, and what never does."""

from __future__ import annotations

import threading
import zipfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fakes.airflow_server import Dag, FakeAirflow, Frame, Run
from fakes.airflow_side import load as load_pointers
from fakes.airflow_side import parsing
from fakes.clocks import FakeClock
from fakes.projects import say, write_project

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.errors import (
    ConflictError,
    FailedError,
    NotAllowedError,
    UnfinishedError,
    UsageError,
)
from mlops_cli.core.progress import Silent
from mlops_cli.core.redact import Secret
from mlops_cli.deployment import retention
from mlops_cli.deployment.apply import apply
from mlops_cli.deployment.deploy import require_approval, stage
from mlops_cli.deployment.live import Deployment, make_live
from mlops_cli.deployment.plan import Plan, plan
from mlops_cli.deployment.rollback import Rollback, roll_back, stored_releases
from mlops_cli.environments import record
from mlops_cli.environments.apis.rest import connect
from mlops_cli.environments.open import Environment
from mlops_cli.environments.stores.folder import FolderStore
from mlops_cli.project.loader import load
from mlops_cli.project.model import LocalEnvironment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_cli.environments.release.build import Release
    from mlops_cli.project.model import Project

CLOCK = SystemClock()


class Notes(Silent):
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


@dataclass
class Place:
    """A project, and the environment it is deployed to."""

    root: Path
    dags: Path
    fake: FakeAirflow
    environment: Environment
    notes: Notes = field(default_factory=Notes)
    staged: int = 0

    @property
    def store(self) -> FolderStore:
        assert isinstance(self.environment.store, FolderStore)
        return self.environment.store

    def prepare(self, project: Project) -> tuple[Plan, Release]:
        self.staged += 1
        folder = self.root.parent / f"staged-{self.staged}"
        staged = stage(
            project, self.environment, folder, python=Path("/usr/bin/python3"), clock=CLOCK
        )
        return plan(self.environment, staged), staged

    def deploy(self, project: Project, *, seconds: float = 15.0) -> Deployment:
        made, staged = self.prepare(project)
        return make_live(
            made,
            staged,
            self.environment,
            deadline_seconds=seconds,
            progress=self.notes,
            clock=CLOCK,
        )

    def back(self, to: str | None = None, *, seconds: float = 15.0) -> Rollback:
        return roll_back(
            "churn",
            self.environment,
            to=to,
            deadline_seconds=seconds,
            progress=self.notes,
            clock=CLOCK,
        )

    @contextmanager
    def parsing(self) -> Iterator[None]:
        with parsing(self.fake, self.dags):
            yield

    def live(self) -> str | None:
        found = record.live(self.store, "churn")
        return found.current if found else None

    def word(self) -> str:
        return load_pointers(self.dags / "churn/churn.py").dags["churn_training"]["word"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "state"))
    root, dags = write_project(tmp_path), tmp_path / "dags"
    with FakeAirflow().serving() as fake:
        api = connect(fake.url, username=fake.username, password=Secret(fake.password), clock=CLOCK)
        spec = LocalEnvironment(kind="local")
        environment = Environment("local", "local", spec, FolderStore(dags / "churn"), api)
        yield Place(root, dags, fake, environment)
        api.close()


def test_a_deploy_is_done_when_airflow_shows_the_release(place: Place) -> None:
    with place.parsing():
        done = place.deploy(load(place.root))
    assert done.dags == ("churn_training",)
    assert (place.live(), place.word()) == (done.release, "one")
    assert place.fake.dags["churn_training"].tags == {f"release:{done.release}"}
    assert [entry.action for entry in record.history(place.store)] == ["deploy", "confirmed"]
    assert (place.dags / "churn/.airflowignore").read_text() == "_releases/\n_history/\n"


def test_the_same_content_writes_nothing(place: Place) -> None:
    with place.parsing():
        first = place.deploy(load(place.root))
        before = {path: path.stat().st_mtime_ns for path in sorted(place.dags.rglob("*.*"))}
        second = place.deploy(load(place.root))
    assert second.unchanged
    assert (second.release, second.uploaded) == (first.release, 0)
    assert {path: path.stat().st_mtime_ns for path in sorted(place.dags.rglob("*.*"))} == before


def test_a_change_replaces_the_release_and_keeps_the_one_before(place: Place) -> None:
    with place.parsing():
        first = place.deploy(load(place.root))
        second = place.deploy(say(place.root, "two"))
        assert place.word() == "two"
        assert second.previous == first.release
        # Going back in the source is going back to the stored release: nothing is uploaded.
        third = place.deploy(say(place.root, "one"))
    assert (third.release, third.uploaded) == (first.release, 0)
    assert third.previous == second.release


def test_the_plan_names_files_and_dags_and_changes_nothing(place: Place) -> None:
    made, _ = place.prepare(load(place.root))
    assert made.live is None
    assert [(dag.change, dag.dag_id) for dag in made.dags] == [("added", "churn_training")]
    assert {file.change for file in made.files} == {"+"}
    assert not place.dags.exists()
    with place.parsing():
        place.deploy(load(place.root))
    (place.root / "quality/raw.dqdl").unlink()
    (place.root / "quality/new.dqdl").write_text("Rules = [ RowCount > 2 ]")
    made, _ = place.prepare(say(place.root, "two"))
    assert [(file.change, file.path) for file in made.files] == [
        ("~", "churn/words.py"),
        ("+", "quality/new.dqdl"),
        ("-", "quality/raw.dqdl"),
    ]
    assert [dag.change for dag in made.dags] == ["changed"]


def test_a_plan_that_somebody_overtook_is_refused(place: Place) -> None:
    with place.parsing():
        place.deploy(load(place.root))
        mine = place.prepare(say(place.root, "mine"))
        theirs = place.deploy(say(place.root, "theirs"))
        with pytest.raises(ConflictError, match="another release went live") as caught:
            make_live(
                *mine, place.environment, deadline_seconds=5, progress=place.notes, clock=CLOCK
            )
    assert place.live() == theirs.release
    assert caught.value.state == f"release `{theirs.release}` is live in `local`"


def test_while_somebody_deploys_the_lock_names_them(place: Place) -> None:
    with (
        place.store.lock("deploy churn by Ada"),
        pytest.raises(ConflictError, match="deploy churn by Ada") as caught,
    ):
        place.deploy(load(place.root))
    assert caught.value.state == "nothing of `churn` is live in `local`"


def test_a_release_airflow_never_shows_is_not_called_done(place: Place) -> None:
    with pytest.raises(UnfinishedError, match="Airflow has not seen it") as caught:
        place.deploy(load(place.root), seconds=0.5)
    assert caught.value.state == f"release `{place.live()}` is live in `local`"
    assert [entry.action for entry in record.history(place.store)] == ["deploy", "unconfirmed"]
    with place.parsing():  # the same command again finishes it
        assert place.deploy(load(place.root)).unchanged
        actions = ["deploy", "unconfirmed", "confirmed"]
        assert [entry.action for entry in record.history(place.store)] == actions
        assert place.deploy(load(place.root)).unchanged
    assert [entry.action for entry in record.history(place.store)] == actions


def test_an_import_error_on_the_target_takes_the_release_back(place: Place) -> None:
    with place.parsing():
        first = place.deploy(load(place.root))
        (place.root / "dags/training.py").write_text("import airflow\nimport nowhere_to_be_found\n")
        with pytest.raises(FailedError, match="No module named 'nowhere_to_be_found'") as caught:
            place.deploy(load(place.root))
    assert caught.value.state == f"rolled back to release `{first.release}`, which is live"
    assert "import nowhere_to_be_found" in str(caught.value.diagnostics[0].detail)
    assert (place.live(), place.word()) == (first.release, "one")


def test_what_was_paused_for_a_release_that_is_taken_back_runs_again(place: Place) -> None:
    with place.parsing():
        first = place.deploy(load(place.root))
        as_if_it_had_a_dag_more(place, first.release, "churn_old")
        old, asleep = place.fake.add(Dag("churn_old")), place.fake.dags["churn_training"]
        training = place.root / "dags/training.py"
        good = training.read_text()
        training.write_text("import airflow\nimport nowhere_to_be_found\n")
        with pytest.raises(FailedError):
            place.deploy(load(place.root))
        assert not old.is_paused
        # One that a person had paused stays so, and it is said.
        old.is_paused = asleep.is_paused = True
        with pytest.raises(FailedError):
            place.deploy(load(place.root))
        assert old.is_paused
        training.write_text(good)
        assert place.deploy(say(place.root, "three")).paused == ("churn_training",)


def as_if_it_had_a_dag_more(place: Place, release: str, dag_id: str) -> None:
    manifest = place.dags / f"churn/_releases/{release}/MANIFEST.json"
    more = f'"dags": [{{"dag_id": "{dag_id}", "file": "dags/training.py"}},'
    manifest.write_text(manifest.read_text().replace('"dags": [', more))


def test_a_first_release_that_does_not_import_leaves_nothing_live(place: Place) -> None:
    (place.root / "dags/training.py").write_text("import airflow\nraise ValueError('dag')\n")
    with place.parsing(), pytest.raises(FailedError) as caught:
        place.deploy(load(place.root))
    assert place.live() is None
    assert str(caught.value.state).endswith("nothing of `churn` is live")


def test_an_old_import_error_is_not_the_new_release_s(place: Place) -> None:
    place.fake.import_errors.append(
        {"filename": "churn/churn.py", "bundle_name": "dags-folder", "stack_trace": "old trouble"}
    )
    parse = place.parsing()
    timer = threading.Timer(1.0, parse.__enter__)
    timer.start()
    try:
        assert place.deploy(load(place.root)).release == place.live()
    finally:
        timer.join()
        parse.__exit__(None, None, None)


def test_airflow_may_be_away_for_a_moment(place: Place) -> None:
    with place.parsing():
        place.fake.fail(r"GET /api/v2/dags/churn_training/details", status=503, times=4)
        assert place.deploy(load(place.root)).confirmed_seconds < 15


def test_a_dag_id_of_another_file_is_not_taken_over(place: Place) -> None:
    place.fake.add(Dag("churn_training", relative_fileloc="theirs.py"))
    with pytest.raises(ConflictError, match=r"`theirs.py` of .* defines it already"):
        place.deploy(load(place.root))
    assert not place.dags.exists()


def test_a_file_of_another_kind_is_not_overwritten(place: Place) -> None:
    (place.dags / "churn").mkdir(parents=True)
    (place.dags / "churn/churn.py").write_text("from airflow.sdk import DAG\n")
    with pytest.raises(ConflictError, match="was not written by mlops"):
        place.deploy(load(place.root))


def test_a_folder_of_another_project_is_refused(place: Place, tmp_path: Path) -> None:
    with place.parsing():
        place.deploy(load(place.root))
    live = place.live()
    manifest = place.dags / f"churn/_releases/{live}/MANIFEST.json"
    manifest.write_text(manifest.read_text().replace('"project": "churn"', '"project": "fraud"'))
    with pytest.raises(ConflictError, match="it holds the project `fraud`"):
        place.prepare(say(place.root, "two"))


def test_damaged_files_of_the_live_release_are_put_back(place: Place) -> None:
    with place.parsing():
        first = place.deploy(load(place.root))
        (place.dags / f"churn/_releases/{first.release}/churn/words.py").unlink()
        again = place.deploy(load(place.root))
    assert (again.release, again.previous, again.unchanged) == (first.release, None, False)
    assert place.word() == "one"


def test_an_edit_of_the_live_release_that_keeps_the_size_is_undone(place: Place) -> None:
    with place.parsing():
        first = place.deploy(load(place.root))
        edited = place.dags / f"churn/_releases/{first.release}/churn/words.py"
        was = edited.read_text()
        edited.write_text(was.replace("one", "two"))
        again = place.deploy(load(place.root))
    assert (again.release, again.unchanged, edited.read_text()) == (first.release, False, was)


def test_a_removed_dag_is_paused_before_it_goes(place: Place) -> None:
    with place.parsing():
        first = place.deploy(load(place.root))
        as_if_it_had_a_dag_more(place, first.release, "churn_old")
        old = place.fake.add(Dag("churn_old"))
        made, staged = place.prepare(say(place.root, "two"))
        assert [dag.dag_id for dag in made.dags if dag.change == "removed"] == ["churn_old"]
        apply(made, staged, place.environment, progress=place.notes, clock=CLOCK)
    assert old.is_paused


def test_runs_in_flight_are_in_the_plan(place: Place) -> None:
    run = Run("r1", {}, None, CLOCK.now(), [Frame("running")])
    place.fake.add(Dag("churn_training", runs={"r1": run}))
    made, _ = place.prepare(load(place.root))
    assert made.running == ("churn_training: r1",)


def test_releases_nobody_needs_are_removed(place: Place) -> None:
    clock = FakeClock(CLOCK.now())
    with place.parsing():
        names = [place.deploy(say(place.root, "first")).release]
    for number in range(7):
        clock.sleep(1)
        staged = stage(
            say(place.root, f"word {number}"),
            place.environment,
            place.root.parent / f"gc-{number}",
            python=Path("/usr/bin/python3"),
            clock=clock,
        )
        made = plan(place.environment, staged)
        apply(made, staged, place.environment, progress=place.notes, clock=clock)
        names.append(staged.id)
    assert set(record.releases(place.store)) == set(names)
    clock.sleep(timedelta(days=2).total_seconds())
    live = {names[-1], names[-2]}
    gone = retention.collect(place.store, place.store.list("_releases/"), kept=live, clock=clock)
    assert set(gone) == set(names[:3])
    assert set(record.releases(place.store)) == set(names[3:])
    assert not (place.dags / f"churn/_releases/{names[0]}").exists()


def test_of_eight_deploys_at_once_one_whole_release_is_live(place: Place) -> None:
    prepared = [place.prepare(say(place.root, f"word {number}")) for number in range(8)]
    failures: list[ConflictError] = []

    def go(made: Plan, staged: Release) -> None:
        try:
            apply(made, staged, place.environment, progress=Silent(), clock=CLOCK)
        except ConflictError as error:
            failures.append(error)

    threads = [threading.Thread(target=go, args=one) for one in prepared]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 7
    assert [entry.release for entry in record.history(place.store)] == [place.live()]
    assert place.word().startswith("word ")


@pytest.mark.parametrize(
    ("at", "says"),
    [("Uploading", "nothing of `churn` is live"), ("Waiting", "release `{}` is live")],
)
def test_whoever_interrupts_a_deploy_is_told_what_is_live(place: Place, at: str, says: str) -> None:
    class Interrupting(Notes):
        @contextmanager
        def step(self, text: str) -> Iterator[None]:
            if text.startswith(at):
                raise KeyboardInterrupt
            yield

    place.notes = Interrupting()
    with pytest.raises(KeyboardInterrupt):
        place.deploy(load(place.root))
    assert place.notes.said == [f"{says.format(place.live())} in `local`"]
    with place.store.lock("the next one") as lease:
        assert lease.taken_over is None


# --- approval --------------------------------------------------------------------------------


def test_a_protected_environment_needs_an_approval(place: Place) -> None:
    asked: list[str] = []

    def approve(made: Plan) -> bool:
        asked.append(made.release)
        return len(asked) > 1

    made, _ = place.prepare(load(place.root))
    require_approval(made, approve)
    assert asked == []
    protected = replace(made, protected=True)
    with pytest.raises(NotAllowedError, match="it is protected"):
        require_approval(protected, approve)
    require_approval(protected, approve)
    assert asked == [made.release] * 2


# --- rollback --------------------------------------------------------------------------------


def test_a_rollback_is_one_write(place: Place) -> None:
    back = place.back
    with place.parsing():
        with pytest.raises(ConflictError, match="nothing of `churn` is live"):
            back()
        first = place.deploy(load(place.root))
        with pytest.raises(ConflictError, match="there is no release before it"):
            back()
        second = place.deploy(say(place.root, "two"))
        as_if_it_had_a_dag_more(place, second.release, "churn_new")
        new = place.fake.add(Dag("churn_new"))
        done = back()
        assert (done.release, done.replaced) == (first.release, second.release)
        assert new.is_paused
        assert f"Paused churn_new, which `{first.release}` does not have" in place.notes.said
        assert place.word() == "one"
        with pytest.raises(ConflictError, match="`r0` is not there in full"):
            back("r0")
        with pytest.raises(ConflictError, match="is not there in full"):
            back("../../elsewhere")
        with pytest.raises(UsageError, match="it is live"):
            back(first.release)
    listed = stored_releases("churn", place.environment).releases
    assert {release.release: release.state for release in listed} == {
        first.release: "live",
        second.release: "previous",
    }


@pytest.mark.parametrize("to", [None, "it"])
@pytest.mark.parametrize("lost", [0, 1])
def test_a_rollback_that_was_cut_off_is_finished_by_the_same_command(
    place: Place, to: str | None, lost: int
) -> None:
    """Whether Airflow did not say it in time, or the command died right after its one write."""
    with place.parsing():
        first = place.deploy(load(place.root))
        second = place.deploy(say(place.root, "two"))
        to = first.release if to else None
    with pytest.raises(UnfinishedError) as caught:
        place.back(to, seconds=0.5)
    again = f"`mlops rollback --env local --to {first.release}`"
    assert caught.value.hint == f"Run it again: {again}"
    assert place.live() == first.release
    for entry in sorted((place.dags / "churn/_history").iterdir())[-1:] if lost else ():
        entry.unlink()
    with place.parsing():
        done = place.back(to)
        assert (done.release, done.replaced) == (first.release, second.release)
        assert place.live() == first.release
        assert record.history(place.store)[-1].action == "confirmed"
        # Once it is finished, another one goes back again.
        assert place.back().release == second.release


def test_a_rollback_builds_what_the_steps_of_that_release_need_again(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The lock of the release, not of the working tree; and its environment has gone meanwhile.
    monkeypatch.setenv("MLOPS_CACHE_DIR", str(tmp_path / "cache"))
    lock = place.root / "requirements.lock"
    lock.write_text(f"growth @ {wheel(tmp_path / 'wheels').as_uri()}\n")
    with place.parsing():
        first = place.deploy(load(place.root))
        lock.write_text("")
        place.deploy(say(place.root, "two"))
        back = roll_back(
            "churn",
            place.environment,
            to=None,
            deadline_seconds=15,
            progress=place.notes,
            clock=CLOCK,
        )
    assert back.release == first.release
    assert [path.name for path in tmp_path.glob("cache/projects/*/lib/*/site-packages/*.py")] == [
        "growth.py"
    ]


def wheel(folder: Path) -> Path:
    """A package of one module, as a registry would give it."""
    folder.mkdir()
    made, facts = folder / "growth-1.0-py3-none-any.whl", "growth-1.0.dist-info"
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("growth.py", "RATE = 2\n")
        archive.writestr(f"{facts}/METADATA", "Metadata-Version: 2.1\nName: growth\nVersion: 1.0\n")
        archive.writestr(
            f"{facts}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{facts}/RECORD", "")
    return made
