"""MLP2xx: the files a project needs, and that each can be read at all."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.diagnostics import Severity

from .base import Finding, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .subject import Subject

# Both ends of a conflict: a row of `=` alone also underlines headings in plain text.
_CONFLICT: Final = re.compile(r"^(?:<{7}|>{7}) ", re.MULTILINE)


@check("MLP201")
def needed_files_are_there(subject: Subject) -> Iterator[Finding]:
    """Every file a release needs is there.

    Why: a release is `dags/`, the model's package, its rulesets and `requirements.lock`; without
    one of them nothing can run.

    Fix: bring the file back (`git checkout -- FILE`), or write `requirements.lock` again with
    `uv pip compile pyproject.toml -o requirements.lock`.
    """
    needed = ["requirements.lock", "pyproject.toml"]
    if subject.package:
        needed += [f"{subject.package}/__init__.py", f"{subject.package}/__main__.py"]
    for name in needed:
        if Path(name) not in subject.files:
            yield Finding(f"The project has no `{name}`", Path(name))
    if subject.package is None:
        yield Finding("The project has no package with a `__main__.py`")


@check("MLP202")
def there_are_dags(subject: Subject) -> Iterator[Finding]:
    """There is at least one DAG file.

    Why: a project without `dags/*.py` deploys nothing, and nothing to check is not a success.

    Fix: bring `dags/` back, or write a DAG into it.
    """
    if not subject.dag_sources:
        yield Finding("The project has no DAG file: `dags/` holds no `*.py`", Path("dags"))


@check("MLP203")
def no_conflict_is_left(subject: Subject) -> Iterator[Finding]:
    """No file holds a merge conflict.

    Why: a half-merged ruleset or setting may still be read, and then means something nobody chose.

    Fix: choose one side, delete the lines with `<<<<<<<`, `=======` and `>>>>>>>`.
    """
    for path, text in subject.texts.items():
        if found := _CONFLICT.search(text):
            line = text.count("\n", 0, found.start()) + 1
            yield Finding("A merge conflict is left in the file", path, line, 1)


@check("MLP204")
def python_can_be_parsed(subject: Subject) -> Iterator[Finding]:
    """Every Python file is valid Python.

    Why: one file that cannot be parsed takes its whole pipeline out of Airflow.

    Fix: follow the line and column.
    """
    for source in subject.sources:
        problem = source.problem
        if problem is not None:
            line = getattr(problem, "lineno", None)
            column = getattr(problem, "offset", None)
            reason = problem.msg if isinstance(problem, SyntaxError) else str(problem)
            yield Finding(f"Not valid Python: {reason}", source.path, line, column or None)


@check("MLP205", requires=("MLP201",))
def pyproject_can_be_read(subject: Subject) -> Iterator[Finding]:
    """`pyproject.toml` is valid TOML.

    Why: pytest, ruff, mypy and uv all read it, and each fails in its own words when it is broken.

    Fix: follow the line in the message.
    """
    path = Path("pyproject.toml")
    try:
        tomllib.loads(subject.texts.get(path, ""))
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+), column (\d+)", str(error))
        line, column = (int(place[1]), int(place[2])) if place else (None, None)
        yield Finding(f"Not valid TOML: {str(error).split(' (at')[0]}", path, line, column)


@check("MLP206", severity=Severity.WARNING)
def there_are_tests(subject: Subject) -> Iterator[Finding]:
    """The project has tests of its own.

    Why: `mlops test` runs them before the pipeline, and without any it fails.

    Fix: add `tests/test_<step>.py` with a test of what the model must never do.
    """
    tests = [path for path in subject.files if path.match("test_*.py") or path.match("*_test.py")]
    if not tests:
        yield Finding("The project has no tests: there is no `test_*.py`", Path("tests"))
