"""A project's tests can be missing, hang, or print without end: the answer still comes."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from mlops_cli.checks.project_tests import run_tests
from mlops_cli.core.progress import Silent

PYTHON = Path(sys.executable)


class Lines(Silent):
    """Keeps what is said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def note(self, text: str) -> None:
        self.said.append(text)


@pytest.fixture
def run(tmp_path):
    root, scratch = tmp_path / "p", tmp_path / "scratch"
    for folder in (root / "tests", root / "model", scratch):
        folder.mkdir(parents=True)
    (root / "model/__init__.py").write_text("ANSWER = 42\n")
    (root / "pyproject.toml").write_text('[tool.pytest.ini_options]\naddopts = "-p no:randomly"\n')

    def go(text, *, python=PYTHON, seconds=60, progress=None):
        if text is not None:
            (root / "tests/test_it.py").write_text(text)
        return run_tests(
            root,
            python=python,
            folder=scratch,
            timeout_seconds=seconds,
            progress=progress or Silent(),
        )

    return go


def test_passing_tests_are_counted_and_shown(run):
    lines = Lines()
    result = run(
        "import pytest\nfrom model import ANSWER\n"
        "def test_a(): assert ANSWER == 42\n"
        "@pytest.mark.skip\ndef test_b(): ...\n",
        progress=lines,
    )
    assert (result.outcome, result.passed, result.failed, result.skipped) == ("passed", 1, 0, 1)
    assert result.tail == ""
    assert any("100%" in line for line in lines.said)


def test_a_failing_test_is_named_with_its_output(run):
    result = run("def test_a(): assert 1 == 2\ndef test_b(): ...\n")
    assert (result.outcome, result.passed, result.failed) == ("failed", 1, 1)
    assert result.failures == ("tests.test_it.test_a",)
    assert "assert 1 == 2" in result.tail


def test_no_tests_are_a_failure(run):
    assert run(None).outcome == "none"


def test_only_skipped_tests_are_a_failure(run):
    assert run("import pytest\n@pytest.mark.skip\ndef test_b(): ...\n").outcome == "none"


def test_a_broken_test_file_is_a_failure(run):
    result = run("import nope_nope\ndef test_a(): ...\n")
    assert result.outcome in {"broken", "failed"}
    assert "nope_nope" in result.tail


def test_a_missing_pytest_is_said(run, tmp_path):
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {PYTHON} -S -E "$@"\n')
    python.chmod(0o755)
    result = run("def test_a(): ...\n", python=python)
    assert result.outcome == "broken"
    assert "No module named pytest" in result.tail


def test_hung_tests_are_killed_with_their_children(run):
    began = time.monotonic()
    result = run(
        "import subprocess, time\n"
        "def test_a():\n    subprocess.Popen(['sleep', '986'])\n    time.sleep(300)\n",
        seconds=4,
    )
    assert result.outcome == "timeout"
    assert time.monotonic() - began < 20
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            assert path.read_bytes() != b"sleep\x00986\x00"
        except OSError:
            continue


def test_a_hundred_megabytes_of_output_are_not_kept(run):
    lines = Lines()
    result = run(
        "import sys\ndef test_a(capfd):\n    with capfd.disabled():\n"
        "        for _ in range(100): sys.stdout.write('x' * 1_000_000)\n"
        "        for _ in range(2000): print('y' * 100)\n    assert False\n",
        progress=lines,
    )
    assert result.outcome == "failed"
    assert len(result.tail) < 20_000
    assert sum(map(len, lines.said)) < 50_000
