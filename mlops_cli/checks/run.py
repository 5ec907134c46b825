"""Runs the checks: static ones first, the import only when those found no error."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.clock import SystemClock
from mlops_cli.core.diagnostics import Diagnostic, Severity
from mlops_cli.project.paths import find_project

from .cache import recall, remember
from .files import digest, project_files, tool_digest
from .report import CheckReport, Skipped, exit_code, from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.project.model import Project

    from .base import Check
    from .subject import Subject

FIRST_IMPORT: Final = "MLP350"
"""The check every other one that needs an import requires."""


@dataclass(frozen=True, slots=True)
class _Answers:
    """What the checks said, whichever of it is asked for."""

    project: str
    diagnostics: tuple[Diagnostic, ...]
    checks_run: tuple[str, ...]
    skipped: tuple[Skipped, ...]
    is_final: bool = True
    """False when the next run may find something else in the same files."""


def validate(
    project: Path | Project,
    *,
    environment: str = "local",
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    strict: bool = False,
    progress: Progress,
    clock: Clock | None = None,
) -> CheckReport:
    """Check a project for an environment; nothing in it is changed.

    Args:
        project: A project, or a folder in one.
        environment: The environment of `mlops.yaml` it is to run in.
        select: Codes, or beginnings of codes, of the checks to run; all by default.
        ignore: The same, of checks to leave out.
        strict: Let a warning fail the validation.
        progress: Told what is being done.
        clock: Measures how long it took.

    Returns:
        The report; its `exit_code` is 3 when `mlops.yaml` cannot be read, else 1 or 0.

    Raises:
        ProjectError: There is no project.
        UsageError: A code or the environment is unknown, or nothing is left to check.
        UnavailableError: Airflow's environment could not be built.
    """
    clock = clock or SystemClock()
    began = clock.monotonic()
    root = find_project(project) if isinstance(project, Path) else project.root
    files = project_files(root)
    key = digest(root, files, extra=(str(root), environment, tool_digest()))
    kept = recall("reports", key) if not (select or ignore) else None
    if kept is not None:
        answers = _from_json(kept)
    else:
        answers = _check(root, environment, select, ignore, progress)
        if not (select or ignore) and answers.is_final:
            remember("reports", key, _to_json(answers))
    return CheckReport(
        project=answers.project,
        root=root,
        environment=environment,
        diagnostics=answers.diagnostics,
        checks_run=answers.checks_run,
        skipped=answers.skipped,
        cached=kept is not None,
        seconds=clock.monotonic() - began,
        strict=strict,
        exit_code=exit_code(answers.diagnostics, strict=strict),
    )


def _check(
    root: Path,
    environment: str,
    select: Sequence[str],
    ignore: Sequence[str],
    progress: Progress,
) -> _Answers:
    from mlops_cli.project import loader

    from .registry import chosen, codes
    from .subject import Subject

    checks = chosen(select, ignore)
    project, problems = loader.examine(root)
    if project is not None:
        loader.environment(project, environment)
        project = project.within(environment)
    with Subject(
        root, environment=environment, project=project, problems=problems, progress=progress
    ) as subject:
        if any(check.code == FIRST_IMPORT for check in checks):
            subject.warm_up()
        found, run, skipped = _run(checks, subject, codes(ignore))
        imported = subject.__dict__.get("imported")
    final = subject.is_final and (
        imported is None or all(item.outcome in {"ok", "error"} for item in imported.files)
    )
    name = project.name if project else root.name
    return _Answers(name, found, run, skipped, is_final=final)


def _run(
    checks: Sequence[Check], subject: Subject, ignored: AbstractSet[str]
) -> tuple[tuple[Diagnostic, ...], tuple[str, ...], tuple[Skipped, ...]]:
    found: list[Diagnostic] = []
    skipped: list[Skipped] = []
    blocked: set[str] = set()
    for check in checks:
        if reason := _reason_to_skip(check, blocked, found):
            skipped.append(Skipped(check.code, reason))
            blocked.add(check.code)
            continue
        said = check.run(subject)
        if check.code not in ignored:
            found += said
        if any(item.severity is Severity.ERROR for item in said):
            blocked.add(check.code)
    left_out = {item.code for item in skipped}
    return tuple(found), tuple(c.code for c in checks if c.code not in left_out), tuple(skipped)


def _reason_to_skip(
    check: Check, blocked: AbstractSet[str], found: Sequence[Diagnostic]
) -> str | None:
    # The import checks come last, and each needs this one: when it is blocked, none has run.
    if check.stage == "import" and (check.code == FIRST_IMPORT or FIRST_IMPORT in blocked):
        errors = [item for item in found if item.severity is Severity.ERROR]
        if errors and errors[0].code != FIRST_IMPORT:
            return "the static checks found errors, so the DAGs were not imported"
    missing = [code for code in check.requires if code in blocked]
    return f"{missing[0]} has to pass first" if missing else None


def _to_json(answers: _Answers) -> dict[str, Any]:
    return {
        "project": answers.project,
        "diagnostics": [to_json(item) for item in answers.diagnostics],
        "checks_run": answers.checks_run,
        "skipped": [[item.code, item.reason] for item in answers.skipped],
    }


def _from_json(kept: dict[str, Any]) -> _Answers:
    return _Answers(
        kept["project"],
        tuple(from_json(item) for item in kept["diagnostics"]),
        tuple(kept["checks_run"]),
        tuple(Skipped(*item) for item in kept["skipped"]),
    )
