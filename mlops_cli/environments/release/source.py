"""Chooses what a release holds from a project's tree, and refuses what must not leave it."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.diagnostics import Diagnostic, Location, Severity, problem_count
from mlops_cli.core.errors import ProjectError
from mlops_cli.core.redact import mask_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_cli.project.model import Project

LIMIT_BYTES: Final = 50 * 1024 * 1024
LOCK: Final = "requirements.lock"

_TEXT: Final = {".py", ".json", ".yaml", ".yml", ".toml", ".dqdl", ".sql", ".txt", ".md", ".lock"}
_CONFLICT = re.compile(rb"^(?:<{7} |>{7} |\|{7} )", re.M)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file as it goes into a release."""

    key: str
    data: bytes


def collect(project: Project) -> Iterator[SourceFile]:
    """Everything a DAG needs, one file after the other, by path; text has LF line ends.

    Raises:
        ProjectError: Something in the tree must not be released; all of it is named, in the end.
    """
    keys: set[str] = set()
    problems = [
        _problem("MLP501", f"The folder `{folder}` is missing", project.root)
        for folder in ("dags", project.package, "quality")
        if not (project.root / folder).is_dir()
    ]
    for path in sorted(_walk(project)):
        if problem := _refusal(path, project.root):
            problems.append(problem)
            continue
        data = path.read_bytes()
        if path.suffix in _TEXT:
            data = data.replace(b"\r\n", b"\n")
            problems += _in_text(path, data)
        key = path.relative_to(project.root).as_posix()
        keys.add(key)
        yield SourceFile(key, data)
    problems += [
        _problem("MLP502", f"The DAG file `dags/{pipeline}.py` is missing", project.root / "dags")
        for pipeline in project.dag_ids
        if f"dags/{pipeline}.py" not in keys
    ]
    if problems:
        count = problem_count(problems)
        raise ProjectError(
            f"Could not build a release of `{project.name}`: {count}", diagnostics=problems
        )


def _walk(project: Project) -> Iterator[Path]:
    if os.path.lexists(project.root / LOCK):
        yield project.root / LOCK
    for folder in ("dags", project.package, "quality"):
        for place, folders, names in os.walk(project.root / folder, followlinks=False):
            # A link to a folder is listed among the folders but never entered: take it as a file.
            links = [name for name in folders if (Path(place) / name).is_symlink()]
            folders[:] = [name for name in folders if _wanted(name) and name not in links]
            yield from (Path(place) / name for name in [*names, *links] if _wanted(name))


def _wanted(name: str) -> bool:
    return not name.startswith(".") and name != "__pycache__" and not name.endswith((".pyc", "~"))


def _refusal(path: Path, root: Path) -> Diagnostic | None:
    shown = path.relative_to(root)
    if path.is_symlink():
        target = path.resolve()
        if not target.exists():
            return _problem("MLP503", f"`{shown}` is a link to nothing", path)
        if not target.is_relative_to(root.resolve()):
            return _problem("MLP503", f"`{shown}` is a link to outside the project", path)
        if target.is_dir():
            return _problem("MLP503", f"`{shown}` is a link to a folder", path)
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        return _problem("MLP504", f"`{shown}` is not a plain file", path)
    if status.st_size > LIMIT_BYTES:
        size = f"{status.st_size / 2**20:.0f} MB, and {LIMIT_BYTES // 2**20} MB are the most"
        hint = "Keep data out of the package: let `model.source` name a file elsewhere"
        return _problem("MLP505", f"`{shown}` has {size}", path, hint=hint)
    return None


def _in_text(path: Path, data: bytes) -> Iterator[Diagnostic]:
    if match := _CONFLICT.search(data):
        line = data.count(b"\n", 0, match.start()) + 1
        yield _problem("MLP506", "A merge conflict is not resolved", path, line)
    text = data.decode("utf-8", errors="replace")
    if mask_values(text) == text:
        return
    lines = text.splitlines()
    line = next((n for n, row in enumerate(lines, 1) if mask_values(row) != row), 1)
    hint = "Take it out, and read it from an Airflow connection where it is needed"
    yield _problem("MLP507", "This looks like a secret", path, line, hint=hint)


def _problem(
    code: str, summary: str, path: Path, line: int | None = None, *, hint: str | None = None
) -> Diagnostic:
    return Diagnostic(code, Severity.ERROR, summary, Location(path, line), hint=hint)
