"""`mlops test`: the project's own tests, then its training DAG once, on a sample, gates on."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.exits import Exit
from mlops_cli.project import loader

from .project_tests import TestsResult, run_tests
from .trial import PipelineResult, run_pipeline

if TYPE_CHECKING:
    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.project.model import Project

TIMEOUT_SECONDS: Final = 1200.0


@dataclass(frozen=True, slots=True)
class TestReport:
    """What both parts of a test came to."""

    __test__ = False

    project: str
    environment: str
    tests: TestsResult
    pipeline: PipelineResult | None
    """None when it was not run."""
    seconds: float
    exit_code: int


def prove(
    project: Project,
    *,
    environment: str = "local",
    pipeline: bool = True,
    all_rows: bool = False,
    keep: bool = False,
    timeout_seconds: float = TIMEOUT_SECONDS,
    progress: Progress,
    clock: Clock | None = None,
) -> TestReport:
    """Run the project's tests, and when they pass its training DAG once.

    Args:
        project: The project.
        environment: The environment of `mlops.yaml` whose settings the DAG runs with.
        pipeline: Run the DAG too.
        all_rows: Run it on all of the training data.
        keep: Leave its files (data, database, models) where they are.
        timeout_seconds: How long each of the two parts may take.
        progress: Told what is being done.
        clock: Measures how long it took.

    Raises:
        UsageError: The project has no such environment.
        ProjectError: No release can be built of the project.
        UnavailableError: An interpreter could not be built.
    """
    from mlops_cli.environments.interpreters import (
        airflow_interpreter,
        project_interpreter,
        quality_interpreter,
    )

    clock = clock or SystemClock()
    began = clock.monotonic()
    engine = loader.environment(project, environment).quality
    project = project.within(environment)
    python = project_interpreter(project.root, progress=progress)
    quality_interpreter(project.root, engine, progress=progress)
    folder = Path(tempfile.mkdtemp(prefix=f"mlops-test-{project.name}-")).resolve()
    result = None
    try:
        with progress.step("Running the project's tests"):
            tests = run_tests(
                project.root,
                python=python,
                folder=folder,
                timeout_seconds=timeout_seconds,
                progress=progress,
            )
        if pipeline and tests.outcome == "passed":
            airflow = airflow_interpreter(project.airflow, progress=progress)
            with progress.step(f"Running `{project.dag_id('training')}` on a sample"):
                result = run_pipeline(
                    project,
                    environment,
                    folder=folder,
                    airflow=airflow,
                    python=python,
                    timeout_seconds=timeout_seconds,
                    all_rows=all_rows,
                    keep=keep,
                    progress=progress,
                )
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    passed = tests.outcome == "passed" and (result is None or result.passed)
    return TestReport(
        project=project.name,
        environment=environment,
        tests=tests,
        pipeline=result,
        seconds=clock.monotonic() - began,
        exit_code=Exit.DONE if passed else Exit.NO,
    )
