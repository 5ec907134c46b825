"""MLP35x and MLP36x: what Airflow itself sees when it imports the release."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.diagnostics import Severity

from .base import Finding, Stage, check
from .importing import IMPORT_SECONDS, MEMORY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .importing import ImportedFile
    from .subject import Subject

_SLOW_SECONDS: Final = 3.0
_BUILT: Final = ("MLP350",)
_MISSING: Final = re.compile(r"No module named '([\w.]+)'")
_VARIABLES: Final = re.compile(r"\bvar\.(?:value|json)\.(\w+)")
_CONNECTIONS: Final = re.compile(r"\bconn\.(\w+)")
_TOLD: Final = {
    "write": (Severity.ERROR, "writes to `{}`"),
    "fork": (Severity.ERROR, "forks a process"),
    "process": (Severity.WARNING, "starts `{}`"),
    "network": (Severity.WARNING, "connects to `{}`"),
}


@check("MLP350", stage=Stage.IMPORT)
def release_can_be_built(subject: Subject) -> Iterator[Finding]:
    """A release can be built of the project.

    Why: what is proved here is the very tree a deploy would upload, not the folder you edit.

    Fix: the message names each file that must not be in a release, and why.
    """
    for problem in subject.imported.refused:
        path = problem.at.path if problem.at else None
        if path is not None and path.is_absolute():
            path = path.relative_to(subject.root) if path.is_relative_to(subject.root) else path
        line = problem.at.line if problem.at else None
        yield Finding(f"{problem.summary} ({problem.code})", path, line, hint=problem.hint)


@check("MLP351", stage=Stage.IMPORT, requires=_BUILT)
def dag_file_imports(subject: Subject) -> Iterator[Finding]:
    """Every DAG file can be imported.

    Why: a file that cannot be imported is a pipeline that is not there.

    Fix: the message names the line. A missing package belongs into the model's own environment
    (then import it in the step that needs it) or onto the Airflow workers (then add it to their
    requirements).
    """
    for item in _with("error", subject):
        if not (_is_timeout(item) or _is_death(item) or _is_cycle(item)):
            yield Finding(
                f"Could not be imported: {_sentence(item.error)}",
                item.at or item.path,
                item.line,
                hint=_missing_hint(item.error),
                detail=item.trace if not _MISSING.search(item.error) else None,
            )


@check("MLP352", stage=Stage.IMPORT, requires=_BUILT)
def import_ends(subject: Subject) -> Iterator[Finding]:
    """Every DAG file is imported within 30 seconds.

    Why: Airflow gives up after that time (`dagbag_import_timeout`), and the pipeline disappears.

    Fix: move what takes long out of the top of the file and into a task.
    """
    late = [item for item in subject.imported.files if _is_timeout(item)]
    for item in late:
        yield Finding(
            f"Top-level code took > {IMPORT_SECONDS} s",
            item.at or item.path,
            item.line,
            hint="Move it into a task",
        )


@check("MLP353", stage=Stage.IMPORT, requires=_BUILT)
def import_survives(subject: Subject) -> Iterator[Finding]:
    """No DAG file ends the process that imports it, or takes all its memory.

    Why: it would take Airflow's DAG processor, and every pipeline beside yours, down with it.

    Fix: take the call out of the top of the file.
    """
    for item in subject.imported.files:
        if _is_death(item):
            yield Finding(_how_it_died(item), item.at or item.path, item.line)


@check("MLP354", stage=Stage.IMPORT, requires=_BUILT)
def dag_is_made(subject: Subject) -> Iterator[Finding]:
    """Every DAG file gives Airflow a DAG.

    Why: a file without one is imported without an error, and nothing appears.

    Fix: call the function that has `@dag`, where the file is parsed.
    """
    for item in _with("ok", subject):
        if not item.dags:
            yield Finding("The file was imported and no DAG was found in it", item.path)


@check("MLP355", stage=Stage.IMPORT, requires=_BUILT)
def dag_ids_are_unique(subject: Subject) -> Iterator[Finding]:
    """No two files make a DAG of the same id.

    Why: Airflow keeps one of them, which one depends on the order of the folder, and says nothing.

    Fix: give one of them another `dag_id`.
    """
    owners: dict[str, list[Path]] = {}
    for item in subject.imported.files:
        for dag in item.dags:
            owners.setdefault(dag["dag_id"], []).append(item.path)
    for dag_id, paths in owners.items():
        if len(paths) > 1:
            both = " and ".join(f"`{path}`" for path in paths)
            yield Finding(f"The DAG id `{dag_id}` is made by {both}", paths[-1])


@check("MLP356", stage=Stage.IMPORT, requires=_BUILT)
def pipelines_have_their_ids(subject: Subject) -> Iterator[Finding]:
    """Each pipeline's DAG has the id that the other commands will ask for.

    Why: `mlops trigger training` and the deploy's own proof look for `<project>_training`.

    Fix: keep `dag_id=SETTINGS.dag_ids["training"]` in the DAG file. A file that is no pipeline of
    the project is not loaded by a release; give its name a leading `_` or delete it.
    """
    assert subject.project is not None  # noqa: S101 -- no release without it
    expected = {
        Path("dags", f"{name}.py"): dag_id for name, dag_id in subject.project.dag_ids.items()
    }
    for item in _with("ok", subject):
        found = [dag["dag_id"] for dag in item.dags]
        wanted = expected.get(item.path)
        if wanted is None:
            yield Finding(
                "The file is not one of the project's pipelines: no release loads it",
                item.path,
                severity=Severity.WARNING,
            )
        elif found and wanted not in found:
            yield Finding(
                f"The DAG is called `{found[0]}`, and its pipeline's id is `{wanted}`",
                item.path,
                hint=f'Use `dag_id=SETTINGS.dag_ids["{item.path.stem}"]`',
            )


@check("MLP357", stage=Stage.IMPORT, requires=_BUILT)
def no_cycle(subject: Subject) -> Iterator[Finding]:
    """No task waits for itself.

    Why: Airflow refuses a DAG with a cycle.

    Fix: the message names a task in the cycle; take one of its dependencies away.
    """
    for item in _with("error", subject):
        if _is_cycle(item):
            yield Finding(item.error.split(": ", 1)[-1].splitlines()[0], item.path)


@check("MLP358", severity=Severity.WARNING, stage=Stage.IMPORT, requires=_BUILT)
def tasks_have_an_owner(subject: Subject) -> Iterator[Finding]:
    """Every task has an owner.

    Why: when it fails at night, `airflow` is nobody to call.

    Fix: `default_args={"owner": SETTINGS.owner}`.
    """
    for item, dag in _dags(subject):
        tasks = [task["task_id"] for task in dag["tasks"] if task["owner"] in {"", "airflow", None}]
        if tasks:
            yield Finding(
                f"`{dag['dag_id']}`: no owner for {_some(tasks)}",
                item.path,
                hint='Add `"owner": SETTINGS.owner` to `default_args`',
            )


@check("MLP359", severity=Severity.WARNING, stage=Stage.IMPORT, requires=_BUILT)
def tasks_are_retried(subject: Subject) -> Iterator[Finding]:
    """Every DAG says how often a task is tried again.

    Why: workers are lost and services time out; without retries each such moment ends the run.

    Fix: `default_args={"retries": 1}`, or `0` where a second try would do harm: then it is said.
    """
    for item, dag in _dags(subject):
        tasks = [task["task_id"] for task in dag["tasks"] if not task["retries"]]
        if tasks and "retries" not in dag["default_args"]:
            yield Finding(
                f"`{dag['dag_id']}`: no retries for {_some(tasks)}",
                item.path,
                hint='Add `"retries": 1` to `default_args`',
            )


@check("MLP360", severity=Severity.WARNING, stage=Stage.IMPORT, requires=_BUILT)
def import_is_quick(subject: Subject) -> Iterator[Finding]:
    """Every DAG file is imported in a few seconds.

    Why: Airflow imports it again and again, and once more in each task before it can start.

    Fix: import what is heavy inside the task.
    """
    for item in _with("ok", subject):
        if item.seconds > _SLOW_SECONDS:
            yield Finding(f"The import took {item.seconds:.1f} s", item.path)


@check("MLP361", stage=Stage.IMPORT, requires=_BUILT)
def connections_are_declared(subject: Subject) -> Iterator[Finding]:
    """Every connection a task uses is named in `mlops.yaml`.

    Why: a connection that is missing on the Airflow this goes to is found when the task runs.

    Fix: add it to `connections:` in `mlops.yaml`, and make it on each Airflow. Connections that
    end in `_default` are the providers' own and need no declaration.
    """
    declared = set(subject.project.connections) if subject.project else set()
    for item, dag, task in _tasks(subject):
        used = set(task["connections"].values())
        for template in task["templates"]:
            used |= set(_CONNECTIONS.findall(template["text"]))
        for name in sorted(used - declared - {"get"}):
            if not name.endswith("_default"):
                yield Finding(
                    f"`{dag['dag_id']}.{task['task_id']}` uses the connection `{name}`, "
                    "which `mlops.yaml` does not declare",
                    item.path,
                    hint=f"Add `connections: [{', '.join(sorted({*declared, name}))}]`",
                )


@check("MLP362", severity=Severity.WARNING, stage=Stage.IMPORT, requires=_BUILT)
def template_variables_are_declared(subject: Subject) -> Iterator[Finding]:
    """Every variable a template reads is named in `mlops.yaml`.

    Why: a template is filled when the task runs; a variable that is missing is found only then.

    Fix: add it to `variables:` in `mlops.yaml`.
    """
    declared = set(subject.project.variables) if subject.project else set()
    for item, dag, task in _tasks(subject):
        for template in task["templates"]:
            for name in sorted(set(_VARIABLES.findall(template["text"])) - declared - {"get"}):
                yield Finding(
                    f"`{dag['dag_id']}.{task['task_id']}` reads the variable `{name}`, "
                    "which `mlops.yaml` does not declare",
                    item.path,
                    hint=f"Add `variables: [{', '.join(sorted({*declared, name}))}]`",
                )


@check("MLP363", stage=Stage.IMPORT, requires=_BUILT)
def templates_can_be_read(subject: Subject) -> Iterator[Finding]:
    """Every template is valid Jinja.

    Why: Airflow reads it when the task runs, and the task fails.

    Fix: correct the template that the message names.
    """
    for item, dag, task in _tasks(subject):
        for template in task["templates"]:
            if template["problem"]:
                yield Finding(
                    f"`{dag['dag_id']}.{task['task_id']}`: `{template['field']}` is not valid "
                    f"Jinja: {template['problem']}",
                    item.path,
                )


@check("MLP364", stage=Stage.IMPORT, requires=_BUILT)
def import_changes_nothing(subject: Subject) -> Iterator[Finding]:
    """Importing a DAG file writes nothing, connects to nothing and starts nothing.

    Why: Airflow imports it every few seconds on several machines: each would do it again.

    Fix: move it into a task. Writes into the project are stopped here; the rest is reported.
    """
    for item in subject.imported.files:
        for effect in item.effects:
            severity, text = _TOLD[effect["kind"]]
            path = Path(effect["at"]) if effect.get("at") else item.path
            yield Finding(
                f"Importing the file {text.format(effect['what'])}",
                path,
                effect.get("line"),
                severity=severity,
            )


def _with(outcome: str, subject: Subject) -> Iterator[ImportedFile]:
    return (item for item in subject.imported.files if item.outcome == outcome)


def _dags(subject: Subject) -> Iterator[tuple[ImportedFile, dict[str, Any]]]:
    return ((item, dict(dag)) for item in subject.imported.files for dag in item.dags)


def _tasks(subject: Subject) -> Iterator[tuple[ImportedFile, dict[str, Any], dict[str, Any]]]:
    return ((item, dag, task) for item, dag in _dags(subject) for task in dag["tasks"])


def _is_timeout(item: ImportedFile) -> bool:
    return item.outcome == "timeout" or "AirflowTaskTimeout" in item.error.split(":", 1)[0]


def _is_death(item: ImportedFile) -> bool:
    return item.outcome == "died" or item.error.split(":", 1)[0] in {"SystemExit", "MemoryError"}


def _is_cycle(item: ImportedFile) -> bool:
    return "CycleException" in item.error.split(":", 1)[0]


def _how_it_died(item: ImportedFile) -> str:
    if item.error.startswith("SystemExit"):
        return "Importing the file calls `sys.exit`"
    if item.error.startswith("MemoryError"):
        return f"Importing the file takes more than {MEMORY_BYTES // 1024**3} GiB of memory"
    status = item.status or 0
    if status < 0:
        return f"Importing the file crashed Python ({signal.Signals(-status).name})"
    return f"Importing the file ended Python with exit code {status}"


def _sentence(error: str) -> str:
    """The error's first line, with the one it announces when it ends in a colon."""
    lines = error.splitlines()
    return " ".join(lines[:2] if lines[0].endswith(":") else lines[:1])


def _missing_hint(error: str) -> str | None:
    missing = _MISSING.search(error)
    if missing is None:
        return None
    name = missing[1].split(".")[0]
    return f"Import `{name}` in a step of the model's package and add `{name}` to requirements"


def _some(names: list[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")
