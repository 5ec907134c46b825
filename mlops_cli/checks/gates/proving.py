"""`mlops test --gates`: the project's own gates, in its own interpreter, against made defects."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.checks import sample
from mlops_cli.core.clock import SystemClock
from mlops_cli.core.errors import ProjectError
from mlops_cli.core.exits import Exit
from mlops_cli.core.processes import child_environment, run
from mlops_cli.project import loader

from .report import GateProof, GatesReport, passed

if TYPE_CHECKING:
    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.project.model import Project

TIMEOUT_SECONDS: Final = 1200.0
_SCRIPT: Final = Path(__file__).parent / "project_side" / "start.py"
_SHOWN_LINES: Final = 8


def prove_gates(
    project: Project,
    *,
    environment: str = "local",
    all_rows: bool = False,
    strict: bool = False,
    keep: bool = False,
    timeout_seconds: float = TIMEOUT_SECONDS,
    progress: Progress,
    clock: Clock | None = None,
) -> GatesReport:
    """Give every gate of a project what it must stop.

    Good data has to pass first. Nothing of the project is changed: data, models and registry of
    the proof are in a folder that is then gone.

    Args:
        project: The project.
        environment: An environment of `mlops.yaml`.
        all_rows: Use all of the training data, not a sample.
        strict: A rule from which no defect could be derived counts as one that lets it through.
        keep: Leave the files of the proof where they are.
        timeout_seconds: How long it may take.
        progress: Told what is being done.
        clock: Measures how long it took.

    Raises:
        UsageError: The project has no such environment.
        ProjectError: The proof came to no end.
        UnavailableError: The project's interpreter could not be built.
    """
    from mlops_cli.environments.interpreters import project_interpreter

    clock = clock or SystemClock()
    began = clock.monotonic()
    engine = loader.environment(project, environment).quality
    python = project_interpreter(project.root, progress=progress)
    folder = Path(tempfile.mkdtemp(prefix=f"mlops-gates-{project.name}-")).resolve()
    try:
        source, rows = _source(project, folder, all_rows=all_rows)
        with progress.step(f"Trying the gates of `{project.name}`"):
            proofs = _proofs(project, python, folder, source, timeout_seconds)
    finally:
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    return GatesReport(
        project=project.name,
        environment=environment,
        engine=engine,
        rows=rows,
        proofs=proofs,
        seconds=clock.monotonic() - began,
        strict=strict,
        kept=folder if keep else None,
        exit_code=Exit.DONE if passed(proofs, strict=strict) else Exit.NO,
    )


def _source(project: Project, folder: Path, *, all_rows: bool) -> tuple[str | None, int | None]:
    """Where the proof reads the training data, and how many rows; None when it is not here."""
    path = sample.local_file(project)
    if path is None or not path.is_file():
        return None, None
    taken = sample.Sample(None, None, None) if all_rows else sample.take(project, folder)
    return taken.uri or project.model.source, taken.rows


def _proofs(
    project: Project, python: Path, folder: Path, source: str | None, timeout_seconds: float
) -> tuple[GateProof, ...]:
    request, result = folder / "request.json", folder / "result.json"
    body = {
        "root": str(project.root),
        "package": project.package,
        "folder": str(folder),
        "source": source,
    }
    request.write_text(json.dumps(body), encoding="utf-8")
    ended = run(
        # Isolated: a module in the current folder must not stand in for the project's own.
        [python, "-I", _SCRIPT, request, result],
        timeout_seconds=timeout_seconds,
        cwd=folder,
        env=child_environment({"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}),
    )
    if not result.is_file():
        why = f"it took more than {timeout_seconds:.0f} s" if ended.timed_out else "it broke off"
        lines = ended.output.splitlines()[-_SHOWN_LINES:]
        shown = "".join(f"\n  {line}" for line in lines)
        raise ProjectError(
            f"Could not prove the gates of `{project.name}`: {why}{shown}",
            hint="The project's code has to run: `mlops test` shows what is wrong with it",
        )
    found = json.loads(result.read_text(encoding="utf-8"))["proofs"]
    return tuple(GateProof(**proof) for proof in found)
