"""Runs the training DAG once, as a deploy would have it, in a place that is then gone."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.files import write_atomic
from mlops_cli.core.processes import run

from . import sample
from .airflow_side import run_dag
from .importing import airflow_environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.release.build import Release
    from mlops_cli.project.model import Project

PIPELINE: Final = "training"
_MARK: Final = "@@task "
_TAIL: Final = 30
_NOBODY_ASKED: Final = "approval: nobody is asked in a trial; it went on as with `policy: auto`"
_FINISHED: Final = {"success", "failed", "skipped", "upstream_failed", "removed"}


@dataclass(frozen=True, slots=True)
class TaskResult:
    """How one task ended."""

    task: str
    """With its number, when it is one of several: `fit[2]`."""
    state: str
    seconds: float | None


@dataclass(frozen=True, slots=True)
class PipelineResult:
    """How the run ended."""

    dag_id: str
    state: str
    """`success`, `failed`, `timeout`, or `broken` when Airflow could not run it."""
    rows: int | None
    of_rows: int | None
    tasks: tuple[TaskResult, ...]
    reasons: tuple[str, ...]
    """What gates and steps refused: rule, column and value."""
    seconds: float
    tail: str
    """The end of the log, when it did not succeed."""
    kept: Path | None
    """Where its files still are, when that was asked for."""
    notes: tuple[str, ...] = ()
    """What was done otherwise than in the environment."""

    @property
    def passed(self) -> bool:
        """The run succeeded."""
        return self.state == "success"


def run_pipeline(
    project: Project,
    environment: str,
    *,
    folder: Path,
    airflow: Path,
    python: Path,
    timeout_seconds: float,
    all_rows: bool,
    keep: bool,
    progress: Progress,
) -> PipelineResult:
    """Run the project's training DAG with `dag.test()`, every gate on.

    Args:
        project: The project.
        environment: The environment whose settings are used; data, runs and models go to `folder`.
        folder: Everything it writes is below this folder.
        airflow: Airflow's interpreter.
        python: The interpreter of the project's environment.
        timeout_seconds: After this long all its processes are killed.
        all_rows: Use the training data whole.
        keep: The folder will not be deleted.
        progress: Told of each task.
    """
    clock = SystemClock()
    began = clock.monotonic()
    taken = sample.Sample(None, None, None) if all_rows else sample.take(project, folder)
    if taken.uri is not None:
        model = dataclasses.replace(project.model, source=taken.uri)
        project = project.model_copy(update={"model": model})
    result_file, dag_id = folder / "result.json", project.dag_id(PIPELINE)
    request = _prepare(project, environment, folder, python=python, result=result_file)
    try:
        ended = run(
            [airflow, run_dag.__file__, request],
            timeout_seconds=timeout_seconds,
            cwd=folder / "home",
            env=_environment(folder),
            on_line=_listener(progress),
        )
    finally:
        # Steps run in sessions of their own, and `dag.test` does not stop when it is told to.
        kill_marked(str(folder))
    answer: dict[str, Any] = {"state": "timeout" if ended.timed_out else "broken", "tasks": []}
    if result_file.is_file():
        answer = json.loads(result_file.read_text(encoding="utf-8"))
    lines = [line[:400] for line in ended.output.splitlines() if not line.startswith(_MARK)]
    lines += [str(text) for text in answer.get("errors", {}).values()]
    succeeded = answer["state"] == "success"
    return PipelineResult(
        dag_id=dag_id,
        state=answer["state"],
        rows=taken.rows,
        of_rows=taken.of_rows,
        tasks=tuple(_task(row) for row in answer["tasks"]),
        reasons=_refusals(folder),
        seconds=clock.monotonic() - began,
        tail="" if succeeded else "\n".join(lines[-_TAIL:]),
        kept=folder if keep else None,
        notes=(_NOBODY_ASKED,) if project.model.approval.policy == "person" else (),
    )


def _prepare(
    project: Project, environment: str, folder: Path, *, python: Path, result: Path
) -> Path:
    from mlops_cli.environments.release.build import lay_out

    for name in ("home", "dags"):
        (folder / name).mkdir()
    release = lay_out(project, environment, folder / "dags", python=python, clock=SystemClock())
    _move_into(folder, release)
    request = folder / "request.json"
    body = {
        "dags": str(folder / "dags"),
        "dag_id": project.dag_id(PIPELINE),
        "database": str(folder / "home" / "airflow.db"),
        "mark": _MARK,
        "result": str(result),
    }
    request.write_text(json.dumps(body), encoding="utf-8")
    return request


def _move_into(folder: Path, release: Release) -> None:
    """Send what the run writes to `folder`: the user's own registry must not see a trial.

    Where the policy asks a person, nobody is: the trial would wait for ever.
    """
    from mlops_cli.environments.release import manifest

    settings = release.root / "settings.json"
    body = json.loads(settings.read_text(encoding="utf-8"))
    body["paths"] |= {
        "runs": str(folder / "runs"),
        "data": str(folder / "kept"),
        "tracking_uri": f"sqlite:///{folder / 'mlflow.db'}",
        "artifacts": str(folder / "artifacts"),
    }
    if body["model"]["approval"]["policy"] == "person":
        body["model"]["approval"]["policy"] = "auto"
    body["notifications"] = {}  # a trial is nobody's business
    data = (json.dumps(body, indent=1, ensure_ascii=False) + "\n").encode()
    settings.write_bytes(data)
    entry = manifest.FileEntry(len(data), hashlib.sha256(data).hexdigest())
    files = {**release.manifest.files, settings.name: entry}
    whole = dataclasses.replace(release.manifest, files=files)
    write_atomic(release.root / manifest.NAME, whole.dumps())


def _environment(folder: Path) -> dict[str, str]:
    return airflow_environment(folder / "home") | {
        "AIRFLOW__CORE__DAGS_FOLDER": str(folder / "dags"),
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "INFO",
        "MLOPS_DATA_DIR": str(folder / "data"),
        "MLOPS_TRIAL": str(folder),
    }


def _listener(progress: Progress) -> Callable[[str], None]:
    def hear(line: str) -> None:
        if line.startswith(_MARK):
            result = _task(json.loads(line.removeprefix(_MARK)))
            if result.state in _FINISHED:
                took = f"  {result.seconds:.1f} s" if result.seconds is not None else ""
                progress.note(f"  {result.task:24} {result.state}{took}")

    return hear


def _task(row: list[Any]) -> TaskResult:
    name, index, state, began, ended = row
    task = name if index < 0 else f"{name}[{index}]"
    seconds = None
    if began and ended:
        seconds = (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()
    return TaskResult(task, state or "not started", seconds)


def _refusals(folder: Path) -> tuple[str, ...]:
    """What the gates wrote down about the rules that did not pass."""
    found: list[str] = []
    for path in sorted((folder / "runs").glob("*/quality/*.json")):
        with suppress(OSError, ValueError):
            for rule in json.loads(path.read_bytes()).get("RuleResults", ()):
                if rule.get("Result") != "PASS":
                    message = rule.get("EvaluationMessage") or rule.get("Result")
                    found.append(f"gate `{path.stem}`: {rule.get('Description')}: {message}")
    return tuple(found)


def kill_marked(mark: str) -> None:
    """Kill every process whose environment says it belongs to this trial."""
    wanted = f"MLOPS_TRIAL={mark}".encode()
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
