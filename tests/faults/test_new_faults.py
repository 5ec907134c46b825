"""`mlops new` under kill, Ctrl-C, a full disk and company: everything or nothing."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
from contextlib import contextmanager

import kill_new
import pytest

from mlops_cli.templates.workshop import PREFIX, sweep, workshop


@pytest.fixture
def work(tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.gitconfig").write_text("[user]\nname = Ada\nemail = ada@example.test\n")
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@contextmanager
def mounted(*arguments):
    if subprocess.run(["mount", *arguments], capture_output=True, check=False).returncode:
        pytest.skip("mounting is not possible here")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", arguments[-1]], check=True)


@pytest.mark.parametrize(
    ("number", "count"), [(signal.SIGKILL, 6), (signal.SIGINT, 3), (signal.SIGTERM, 2)]
)
def test_stopped_at_any_point_there_is_a_whole_project_or_none(number, count):
    assert kill_new.kill(count, number).total() == count


@pytest.mark.parametrize("size", ["60k", "250k", "600k"])
def test_a_full_disk_leaves_nothing_and_says_how_much_is_needed(work, size):
    with mounted("-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(work)):
        (work / "mine").write_bytes(b"x" * 4096)
        child = kill_new.start(work)
        output, _ = child.communicate(timeout=60)
        assert [path.name for path in work.iterdir()] == ["mine"], output
        assert child.returncode == 3
        assert "no space left on" in output
        assert "KB" in output


def test_a_folder_that_cannot_be_written_is_refused(work):
    with mounted("--bind", str(work), str(work)):
        done = subprocess.run(["mount", "-o", "remount,ro,bind", str(work)], check=False)
        if done.returncode:
            pytest.skip("mounting read-only is not possible here")
        child = kill_new.start(work)
        output, _ = child.communicate(timeout=60)
        assert child.returncode == 3
        assert "Read-only file system" in output
        assert list(work.iterdir()) == []


def test_another_filesystem_is_no_obstacle(work):
    with mounted("-t", "tmpfs", "-o", "size=20m", "tmpfs", str(work)):
        assert kill_new.start(work).wait(timeout=60) == 0
        assert [path.name for path in work.iterdir()] == ["churn"]


def test_of_eight_at_once_exactly_one_wins(work):
    children = [kill_new.start(work) for _ in range(8)]
    codes = sorted(child.wait(timeout=120) for child in children)
    assert codes == [0, *[5] * 7]
    assert [path.name for path in work.iterdir()] == ["churn"]
    assert kill_new.committed(work / "churn")


def test_the_folder_of_a_living_run_is_left_alone_and_a_dead_ones_is_removed(tmp_path):
    with workshop(tmp_path) as living:
        dead = tmp_path / f"{PREFIX}999999999-x"
        (dead / "project").mkdir(parents=True)
        foreign = tmp_path / f"{PREFIX}file"
        foreign.write_text("not a folder")
        sweep(tmp_path)
        assert living.is_dir()
        assert not dead.exists()
        assert foreign.exists()
    assert not living.exists()


def test_a_folder_between_making_and_locking_is_left_alone(tmp_path):
    starting = tmp_path / f"{PREFIX}{os.getpid()}-x"
    starting.mkdir()
    sweep(tmp_path)
    assert starting.is_dir()
    os.utime(starting, (0, 0))
    sweep(tmp_path)
    assert not starting.exists()


def test_a_locked_folder_stays_even_when_its_number_says_nothing(tmp_path):
    folder = tmp_path / f"{PREFIX}999999999-x"
    folder.mkdir()
    handle = os.open(folder, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX)
    sweep(tmp_path)
    assert folder.is_dir()
    os.close(handle)


def test_a_link_called_like_our_folder_is_not_followed(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("x")
    (tmp_path / f"{PREFIX}1-x").symlink_to("mine")
    sweep(tmp_path)
    assert (tmp_path / "mine/file").exists()
