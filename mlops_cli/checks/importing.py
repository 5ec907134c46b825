"""Has the release's DAGs imported in Airflow's own interpreter, or remembers what came of it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.errors import MlopsError, ProjectError
from mlops_cli.core.processes import child_environment

from .airflow_process import AirflowProcess
from .airflow_side import import_dags
from .cache import recall, remember
from .files import tool_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_cli.core.diagnostics import Diagnostic
    from mlops_cli.environments.release.build import Release

    from .subject import Subject

# Airflow's default `dagbag_import_timeout`: a file slower than this never loads there either.
IMPORT_SECONDS: Final = 30
MEMORY_BYTES: Final = 2 * 1024**3
_START_SECONDS: Final = 120
# Never there: only the files are proved here, no step runs.
_NO_INTERPRETER: Final = Path("python")


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """What became of one DAG file."""

    path: Path
    """Relative to the project."""
    outcome: str
    """`ok`, `error`, `timeout` or `died`."""
    seconds: float
    error: str = ""
    trace: str = ""
    at: Path | None = None
    line: int | None = None
    status: int | None = None
    """How the process died: an exit code, or a signal below 0."""
    effects: tuple[Mapping[str, Any], ...] = ()
    dags: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of all of them."""

    files: tuple[ImportedFile, ...] = ()
    refused: tuple[Diagnostic, ...] = field(default=())
    """Why no release could be built at all."""
    airflow: str = ""


def import_release(subject: Subject) -> Imported:
    """Build the release into a temporary folder and import its DAG files there.

    Raises:
        UnavailableError: Airflow's environment could not be built.
        MlopsError: Airflow itself could not be started.
    """
    from mlops_cli.environments.interpreters import airflow_interpreter
    from mlops_cli.environments.release.build import build

    assert subject.project is not None  # noqa: S101 -- MLP101 is required
    scratch = subject.temporary_folder()
    try:
        release = build(
            subject.project,
            subject.environment,
            scratch / "releases",
            python=_NO_INTERPRETER,
            clock=SystemClock(),
        )
    except ProjectError as error:
        return Imported(refused=error.diagnostics)
    python = airflow_interpreter(subject.project.airflow, progress=subject.progress)
    key = f"{release.manifest.digest} {python.parents[1].name} {tool_digest()}"
    known = recall("imports", key)
    if known is None:
        known = _import(subject, release, start_airflow(subject, python), scratch)
        # A slow or dying import may be the machine's fault today: it is tried again.
        if all(item["outcome"] in {"ok", "error"} for item in known["files"]):
            remember("imports", key, known)
    files = tuple(_decode(item) for item in known["files"])
    return Imported(files, airflow=known["airflow"])


def start_airflow(subject: Subject, python: Path) -> AirflowProcess:
    """Start Airflow's interpreter for a subject, or find it started; it ends with the subject."""
    if subject.airflow is None:
        home = subject.temporary_folder()
        process = AirflowProcess(python, home=home, env=airflow_environment(home))
        subject.airflow = subject.closing.enter_context(process)
    return subject.airflow


def _import(
    subject: Subject, release: Release, airflow: AirflowProcess, scratch: Path
) -> dict[str, Any]:
    files = [str(source.path) for source in subject.dag_sources]
    result = scratch / "result.json"
    body = {
        "root": str(release.root),
        "files": files,
        "seconds": IMPORT_SECONDS,
        "memory_bytes": MEMORY_BYTES,
        "scratch": str(airflow.home.resolve()),
        "protected": str(subject.root.resolve()),
        "result": str(result),
    }
    rounds = -(-len(files) // (os.cpu_count() or 1))
    with subject.progress.step(f"Importing {len(files)} DAG file(s) in Airflow"):
        limit = _START_SECONDS + rounds * (IMPORT_SECONDS + import_dags.GRACE_SECONDS)
        problem = airflow.ask(json.dumps(body).encode(), timeout_seconds=limit)
    if problem or not result.is_file():
        said = airflow.said()
        raise MlopsError(
            f"Could not import the DAGs in Airflow's interpreter: {problem or 'no answer'}",
            hint=f"It may be damaged: delete `{airflow.python.parents[1]}` and run it again",
            state=f"Airflow said:\n{said}" if said else None,
        )
    answer: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return answer


def airflow_environment(home: Path) -> dict[str, str]:
    """The environment of an Airflow that knows nothing of this machine: no settings, no secrets."""
    kept = {
        name: value
        for name, value in child_environment().items()
        if not name.startswith(("AIRFLOW", "_AIRFLOW", "AWS_", "OBJC_"))
    }
    return kept | {
        "HOME": str(home),
        "TMPDIR": str(home),
        "AIRFLOW_HOME": str(home),
        # Without it Airflow writes its whole default configuration there, each time.
        "AIRFLOW_CONFIG": os.devnull,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": str(IMPORT_SECONDS),
        "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH": "40",
        "AIRFLOW__CORE__DAGS_FOLDER": str(home / "dags"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'airflow.db'}",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "CRITICAL",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "OBJC_DISABLE_INITIALIZE_FORK_SAFETY": "YES",
        "NO_COLOR": "1",
    }


def _decode(item: dict[str, Any]) -> ImportedFile:
    return ImportedFile(
        path=Path(item["file"]),
        outcome=item["outcome"],
        seconds=item["seconds"],
        error=item.get("error", ""),
        trace=item.get("trace", ""),
        at=Path(item["at"]) if item.get("at") else None,
        line=item.get("line"),
        status=item.get("status"),
        effects=tuple(item.get("effects", ())),
        dags=tuple(item.get("dags", ())),
    )
