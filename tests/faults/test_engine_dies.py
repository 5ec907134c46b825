"""The engine dies, memory or the disk runs out: one clear error, and nothing is half done.

A larger number of damaged files than here: `mutated_files.py`.
"""

from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from xml.etree import ElementTree as ET

import pexpect
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mutated_files import torture
from test_new_faults import mounted

MLOPS = (sys.executable, "-m", "mlops_cli")
needs_proc = pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="only Linux forks")


@pytest.fixture
def folder(tmp_path):
    """Small tables, large ones, and a ruleset."""
    (tmp_path / "small.csv").write_text("id,n\n1,2\n2,3\n")
    (tmp_path / "last.csv").write_text("id,n\n1,2\n2,3\n")
    # The last two take time, in which somebody who looks now and then sees the file read.
    rules = 'IsUnique "id", Sum "n" > 0, Entropy "n" > 0, Uniqueness "id" "n" > 0'
    (tmp_path / "rules.dqdl").write_text(f"Rules = [ {rules} ]")
    numbers = pa.array(range(1_500_000), pa.int64())
    large = pa.table({"id": numbers, "n": numbers})
    for name in ("one", "two", "three"):
        pq.write_table(large, tmp_path / f"{name}.parquet", compression="none")
    return tmp_path


@contextmanager
def started(folder, *arguments, room=("quality",), **options):
    """A command under way, which is not there any more at the end."""
    with subprocess.Popen(
        [*MLOPS, *room, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        **options,
    ) as command:
        try:
            yield command
        finally:
            command.kill()


def reader_of(command, path):
    """The process that has a file open and works for a command, stopped so that it waits."""
    until = time.monotonic() + 60
    children = Path(f"/proc/{command.pid}/task/{command.pid}/children")
    while time.monotonic() < until:
        with suppress(OSError):
            found = children.read_text().split()
        for child in map(int, found):
            try:
                if path in {file.readlink() for file in Path(f"/proc/{child}/fd").iterdir()}:
                    os.kill(child, signal.SIGSTOP)
                    return child
            except OSError:
                continue
    raise AssertionError(f"nobody has read {path}")


def end(child, number):
    os.kill(child, number)
    os.kill(child, signal.SIGCONT)


def only_child(process):
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if found := Path(f"/proc/{process}/task/{process}/children").read_text().split():
            return int(found[0])
        time.sleep(0.02)
    raise AssertionError(f"{process} has no child")


def is_gone(process):
    until = time.monotonic() + 15
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{process}/stat").read_text().rsplit(") ", 1)[1][0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.02)
    return False


def checked(folder, *arguments, **options):
    return subprocess.run(
        [*MLOPS, "quality", "check", "rules.dqdl", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        **options,
    )


def fill(disk):
    """Leave no room on a disk."""
    with suppress(OSError), (disk / "filling").open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)


def litter(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(".")]


@needs_proc
def test_a_crash_is_the_error_of_one_file_and_the_others_are_still_checked(folder, tmp_path):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    data = ("small.csv", "one.parquet", "two.parquet", "three.parquet", "last.csv")
    outputs = ("--json", "--junit", "junit.xml", "--html", "page.html", "--history")
    with started(
        folder, "check", "rules.dqdl", *data, *outputs, env=os.environ | {"TMPDIR": str(scratch)}
    ) as command:
        for name, number in (("one", signal.SIGSEGV), ("two", signal.SIGKILL), ("three", 6)):
            end(reader_of(command, folder / f"{name}.parquet"), number)
        out, err = command.communicate(timeout=60)
    assert command.returncode == 3, err
    results = json.loads(out)["results"]
    assert [result["Score"] for result in results] == [1.0, 0.0, 0.0, 0.0, 1.0]
    errors = [result["Error"] for result in results[1:4]]
    assert [error["Message"] for error in errors] == [
        "Could not read `one.parquet`: the engine died (signal 11, SIGSEGV) on it",
        "Could not read `two.parquet`: the engine died (signal 9, SIGKILL) on it",
        "Could not read `three.parquet`: the engine died (signal 6, SIGABRT) on it",
    ]
    assert "damaged" in errors[0]["Hint"]
    assert "memory" in errors[1]["Hint"]
    assert len(ET.parse(folder / "junit.xml").getroot().findall(".//error")) == 3
    assert "signal 11, SIGSEGV" in (folder / "page.html").read_text()
    kept = (folder / ".mlops/quality/rules.jsonl").read_text().splitlines()
    assert [json.loads(line)["DataSet"] for line in kept] == ["small.csv", "last.csv"]
    assert list(scratch.iterdir()) == []


@needs_proc
def test_a_spinner_on_a_terminal_does_not_make_the_second_crash_the_last(folder):
    arguments = [
        *MLOPS[1:],
        "quality",
        "check",
        "rules.dqdl",
        "one.parquet",
        "two.parquet",
        "last.csv",
    ]
    command = pexpect.spawn(
        MLOPS[0], arguments, cwd=str(folder), encoding="utf-8", timeout=60, dimensions=(40, 200)
    )
    for name in ("one", "two"):
        end(reader_of(command, folder / f"{name}.parquet"), signal.SIGSEGV)
    command.expect(pexpect.EOF)
    command.close()
    assert command.exitstatus == 3, command.before
    assert "Could not read `two.parquet`: the engine died" in command.before
    assert "1 of 3 files passed" in command.before


@needs_proc
def test_a_crash_while_rows_are_written_leaves_the_old_ones_and_nothing_beside_them(folder):
    (folder / "rules.dqdl").write_text('Rules = [ ColumnValues "n" > 2000000 ]')
    (folder / "failed.parquet").write_text("of yesterday")
    with started(folder, "check", "rules.dqdl", "one.parquet", "--rows", "failed.parquet") as run:
        while not (found := litter(folder)):
            assert run.poll() is None, run.communicate()
        children = Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        out, err = run.communicate(timeout=60)
    assert run.returncode == 3, (out, err, found)
    assert "engine died" in out
    assert (folder / "failed.parquet").read_text() == "of yesterday"
    assert litter(folder) == []


@needs_proc
@pytest.mark.parametrize(
    "arguments",
    [("suggest", "one.parquet"), ("diff", "rules.dqdl", "rules.dqdl", "--data", "one.parquet")],
)
def test_proposing_and_comparing_survive_it_too(folder, arguments):
    with started(folder, *arguments) as command:
        end(reader_of(command, folder / "one.parquet"), signal.SIGSEGV)
        out, err = command.communicate(timeout=60)
    assert (command.returncode, out) == (3, "")
    assert "Could not read `one.parquet`: the engine died (signal 11, SIGSEGV) on it" in err


@needs_proc
def test_a_project_for_a_file_that_crashes_the_engine_is_not_begun(folder):
    before = sorted(folder.iterdir())
    data = ("--data", "one.parquet", "--target", "n", "--defaults")
    with started(folder, "new", "tides", *data, room=()) as command:
        end(reader_of(command, folder / "one.parquet"), signal.SIGSEGV)
        out, err = command.communicate(timeout=60)
    assert (command.returncode, out) == (3, "")
    assert "Could not read `one.parquet`: the engine died (signal 11, SIGSEGV) on it" in err
    assert sorted(folder.iterdir()) == before


@needs_proc
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_who_ends_the_command_ends_its_child(folder, number, code):
    with started(folder, "check", "rules.dqdl", "one.parquet") as command:
        child = reader_of(command, folder / "one.parquet")
        # It hears nothing: as deaf as a library that is busy.
        began = time.monotonic()
        command.send_signal(number)
        out, err = command.communicate(timeout=60)
    assert (command.returncode, out) == (code, "")
    assert "interrupted" in err
    assert "Traceback" not in err
    assert time.monotonic() - began < 10
    assert is_gone(child)


@needs_proc
def test_a_statement_does_not_outlive_who_asked_for_it(folder):
    rule = 'CustomSql "SELECT count(*) FROM range(100000000000)" > 0'
    (folder / "rules.dqdl").write_text(f"Rules = [ {rule} ]")
    with started(folder, "check", "rules.dqdl", "small.csv") as command:
        child = only_child(command.pid)
        statement = only_child(child)
        os.kill(child, signal.SIGKILL)
        out, _ = command.communicate(timeout=60)
        assert is_gone(statement)
    assert command.returncode == 3
    assert "the engine died (signal 9, SIGKILL)" in out


@needs_proc
def test_who_kills_the_command_ends_its_child(folder):
    with started(folder, "check", "rules.dqdl", "one.parquet") as command:
        child = reader_of(command, folder / "one.parquet")
        command.kill()
        command.wait()
        os.kill(child, signal.SIGCONT)
        assert is_gone(child)


@pytest.mark.parametrize("megabytes", [300, 420, 600])
def test_too_little_memory_is_an_error_about_the_file(folder, megabytes):
    def limited():
        resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))

    done = checked(folder, "one.parquet", "--json", preexec_fn=limited)
    assert done.returncode == 3, done.stderr
    assert "crashed" not in done.stderr
    (result,) = json.loads(done.stdout)["results"]
    assert "Could not read `one.parquet`" in result["Error"]["Message"]


@pytest.mark.parametrize("option", ["--junit", "--html", "--rows"])
def test_on_a_full_disk_the_old_file_stays_and_it_is_said(folder, option):
    (folder / "rules.dqdl").write_text('Rules = [ ColumnValues "n" > 2000000 ]')
    disk = folder / "disk"
    disk.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)):
        path = disk / ("old.parquet" if option == "--rows" else "old")
        path.write_text("old")
        fill(disk)
        done = checked(folder, "one.parquet", option, str(path))
        assert path.read_text() == "old"
        assert {one.name for one in disk.iterdir()} == {path.name, "filling"}
    assert done.returncode == 3, done.stderr
    assert f"`{path}`" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_history_that_cannot_be_written_keeps_its_whole_lines(folder):
    disk = folder / ".mlops"
    disk.mkdir()
    with mounted("-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)):
        codes = [checked(folder, "small.csv", "--history").returncode]
        kept = disk / "quality/rules.jsonl"
        first = kept.read_text()
        fill(disk)
        for _ in range(8):
            done = checked(folder, "small.csv", "--history")
            codes.append(done.returncode)
            if done.returncode:
                break
        assert codes[0] == 0
        assert codes[-1] == 3, done.stderr
        assert "cannot be written: no space left on device" in done.stderr
        assert kept.read_text().startswith(first)
        (disk / "filling").unlink()
        done = checked(folder, "small.csv", "--history")
        assert done.returncode == 0, done.stderr
        whole = [json.loads(line) for line in kept.read_text().splitlines() if line.endswith("}")]
        assert len(whole) >= 2


def test_a_result_that_stdout_does_not_take_is_no_success(folder):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*MLOPS, "quality", "check", "rules.dqdl", "small.csv", "--json"],
            cwd=folder,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 7
    assert "Could not write the result" in done.stderr


def test_no_check_dies_of_a_damaged_file_or_is_green_on_one(tmp_path):
    seed = random.SystemRandom().randrange(10**6)
    happened = torture(tmp_path, 60, seed)
    assert happened.total() == 60
    assert happened["ERROR"] > 10, f"seed {seed}: {happened}"
