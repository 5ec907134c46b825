"""Runs the project's own tests in its own environment: bounded in time and in output."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_cli.core.processes import child_environment, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_cli.core.progress import Progress

_NONE_COLLECTED: Final = 5
_TAIL: Final = 40
_SHOWN: Final = 100
_WIDTH: Final = 300


@dataclass(frozen=True, slots=True)
class TestsResult:
    """How the project's tests ended."""

    __test__ = False

    outcome: str
    """`passed`, `failed`, `none` (nothing was collected), `timeout` or `broken`."""
    passed: int
    failed: int
    skipped: int
    failures: tuple[str, ...]
    """Which tests failed."""
    seconds: float
    tail: str
    """The end of the output, when they did not pass."""


def run_tests(
    root: Path, *, python: Path, folder: Path, timeout_seconds: float, progress: Progress
) -> TestsResult:
    """Run `pytest` in a project.

    Args:
        root: The project.
        python: The interpreter of its environment.
        folder: For what pytest writes.
        timeout_seconds: After this long its processes are killed.
        progress: Told of each line of output, up to a hundred.
    """
    began = time.monotonic()
    report = folder / "tests.xml"
    options = [
        "-q",
        "--color=no",
        "-p",
        "no:cacheprovider",
        "--disable-warnings",
        f"--basetemp={folder / 'pytest'}",
    ]
    ended = run(
        [python, "-m", "pytest", *options, f"--junitxml={report}"],
        timeout_seconds=timeout_seconds,
        cwd=root,
        # The package is imported from the checkout, whatever the project's settings say.
        env=child_environment({"PYTHONPATH": str(root)}),
        on_line=_listener(progress),
        keep_lines=_TAIL,
    )
    counts, failures = _read(report)
    outcome = {0: "passed", 1: "failed", _NONE_COLLECTED: "none"}.get(ended.returncode, "broken")
    if ended.timed_out:
        outcome = "timeout"
    elif outcome == "failed" and not report.is_file():
        outcome = "broken"  # Python's own exit code 1: there is no pytest
    elif outcome == "passed" and not counts["tests"] - counts["skipped"]:
        outcome = "none"
    bad = counts["failures"] + counts["errors"]
    lines = [line[:_WIDTH] for line in ended.output.splitlines()]
    return TestsResult(
        outcome=outcome,
        passed=counts["tests"] - bad - counts["skipped"],
        failed=bad,
        skipped=counts["skipped"],
        failures=failures,
        seconds=time.monotonic() - began,
        tail="" if outcome == "passed" else "\n".join(lines),
    )


def _listener(progress: Progress) -> Callable[[str], None]:
    shown = 0

    def hear(line: str) -> None:
        nonlocal shown
        shown += 1
        if shown <= _SHOWN and line.strip():
            progress.note(f"  {line[:_WIDTH]}")
        elif shown == _SHOWN + 1:
            progress.note("  … (the rest of the output is not shown)")

    return hear


def _read(report: Path) -> tuple[dict[str, int], tuple[str, ...]]:
    from xml.etree import ElementTree as ET

    counts = dict.fromkeys(("tests", "failures", "errors", "skipped"), 0)
    try:
        suites = ET.parse(report).getroot().iter("testsuite")  # noqa: S314 -- pytest wrote it for us
    except (OSError, ET.ParseError):
        return counts, ()
    failures: list[str] = []
    for suite in suites:
        for name in counts:
            counts[name] += int(suite.get(name, 0))
        failures += [
            f"{case.get('classname')}.{case.get('name')}"
            for case in suite.iter("testcase")
            if case.find("failure") is not None or case.find("error") is not None
        ]
    return counts, tuple(failures[:20])
