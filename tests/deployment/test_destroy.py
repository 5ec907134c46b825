"""A project is taken out of an environment, and a lock is broken: only ours, and only on a word."""

from __future__ import annotations

import multiprocessing
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from fakes.grounds import CLOCK, PASSWORD, Ground, folder_ground

from mlops_cli.core.errors import ConflictError, NotAllowedError
from mlops_cli.core.exits import Exit
from mlops_cli.deployment.destroy import Destroyed, break_lock, take_away

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FORK = multiprocessing.get_context("fork")


@pytest.fixture
def ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    monkeypatch.setenv(PASSWORD, "ground")
    with folder_ground(tmp_path) as made:
        yield made


def destroy(ground: Ground, *, history: bool = False, yes: bool = True) -> Destroyed:
    return take_away(
        "churn",
        ground.open(),
        history=history,
        approve=lambda _: yes,
        progress=ground.notes,
    )


def there(ground: Ground) -> set[str]:
    return {
        path.relative_to(ground.dags).as_posix()
        for path in ground.dags.rglob("*")
        if path.is_file() and not path.name.startswith(".mlops.") and path.suffix != ".pyc"
    }


def test_dags_are_paused_and_everything_of_ours_goes_but_the_history(ground: Ground) -> None:
    names = [ground.deploy().release]
    ground.say("two")
    names.append(ground.deploy().release)
    (ground.dags / "churn/notes.txt").write_text("mine")
    (ground.dags / "churn/_releases/readme.md").write_text("mine, too")
    before = len(there(ground))
    done = destroy(ground)
    assert (done.paused, set(done.releases) - {"readme.md"}) == (("churn_training",), set(names))
    assert ground.fake.dags["churn_training"].is_paused
    history = {name for name in there(ground) if "_history/" in name}
    assert len(history) == 4
    assert there(ground) == history | {"churn/notes.txt", "churn/_releases/readme.md"}
    assert set(done.left) == {"notes.txt", "_releases/readme.md"}
    assert done.deleted == before - len(there(ground))
    assert destroy(ground, history=True).deleted == 4
    assert there(ground) == {"churn/notes.txt", "churn/_releases/readme.md"}
    assert ground.deploy().release  # and it can come back


def test_nobody_who_approves_leaves_everything(ground: Ground) -> None:
    ground.deploy()
    before = there(ground)
    with pytest.raises(NotAllowedError, match="nobody approved"):
        destroy(ground, yes=False)
    assert there(ground) == before
    assert not ground.fake.dags["churn_training"].is_paused


def test_while_somebody_deploys_nothing_is_destroyed(ground: Ground) -> None:
    first = ground.deploy()
    with (
        ground.open().store.lock("deploy churn by Ada"),
        pytest.raises(ConflictError, match="deploy churn by Ada"),
    ):
        destroy(ground)
    assert ground.live() == first.release


def test_destroy_and_unlock_ask_on_the_command_line(ground: Ground) -> None:
    ground.deploy()

    def mlops(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mlops_cli", *arguments, "--env", "staging"],
            cwd=ground.root,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            check=False,
        )

    with ground.open().store.lock("deploy churn by Ada"):
        done = mlops("unlock")
        assert done.returncode == Exit.NOT_ALLOWED, done.stderr
        assert "deploy churn by Ada" in done.stderr
        assert "mlops unlock --env staging --yes" in done.stderr
    done = mlops("unlock")
    assert (done.returncode, "nobody held the lock" in done.stdout) == (Exit.DONE, True)
    done = mlops("destroy")
    assert done.returncode == Exit.NOT_ALLOWED, done.stderr
    done = mlops("destroy", "--yes")
    assert done.returncode == Exit.DONE, done.stderr
    assert "churn is no longer in staging" in done.stdout
    assert ground.live() is None


def test_a_broken_lock_is_no_longer_its_holder_s(ground: Ground) -> None:
    opened = ground.open()
    asked: list[ConflictError] = []
    with opened.store.lock("deploy churn by Ada") as lease:
        with pytest.raises(NotAllowedError):
            break_lock("churn", ground.open(), approve=lambda _: False)
        lease.check()
        done = break_lock("churn", ground.open(), approve=lambda held: not asked.append(held))
        assert done.holder is not None
        assert (done.holder.what, done.was_dead) == ("deploy churn by Ada", False)
        assert "deploy churn by Ada" in asked[0].message
        with pytest.raises(ConflictError):
            lease.check()


def test_a_dead_holder_s_lock_needs_nobody_s_word(ground: Ground) -> None:
    def hold() -> None:
        with ground.open().store.lock("deploy churn by Ada"):
            time.sleep(60)

    victim = FORK.Process(target=hold)
    victim.start()
    lock = ground.dags / "churn/.mlops.lock"
    while not (lock.is_file() and lock.read_text()):
        time.sleep(0.02)
    victim.kill()
    victim.join()
    assert victim.exitcode == -signal.SIGKILL
    done = break_lock("churn", ground.open(), approve=lambda _: False)
    assert done.was_dead
    assert done.holder is not None
    assert done.holder.what == "deploy churn by Ada"
    assert CLOCK.now() > done.holder.since
