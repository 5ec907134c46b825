"""What is checked, and the facts about it that several checks share; each is found out once."""

from __future__ import annotations

import ast
import tempfile
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from .files import project_files, read_text

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from mlops_cli.core.diagnostics import Diagnostic
    from mlops_cli.core.progress import Progress
    from mlops_cli.project.model import Project

    from .airflow_process import AirflowProcess
    from .importing import Imported
    from .lint import LintFinding


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file: its text and, when it can be parsed, its syntax tree."""

    path: Path
    """Relative to the project."""
    text: str
    tree: ast.Module | None
    problem: SyntaxError | ValueError | None


class Subject:
    """A project in one environment, as the checks see it."""

    def __init__(
        self,
        root: Path,
        *,
        environment: str,
        project: Project | None,
        problems: tuple[Diagnostic, ...],
        progress: Progress,
    ) -> None:
        self.root = root
        self.environment = environment
        self.project = project
        self.problems = problems
        """What is wrong with `mlops.yaml`."""
        self.progress = progress
        self.closing = ExitStack()
        """Ends what was started for the checks."""
        self.airflow: AirflowProcess | None = None
        self.is_final = True
        """False as soon as a check has asked somebody who may answer otherwise another day."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.closing.close()

    @property
    def package(self) -> str | None:
        """The model's package; without a readable `mlops.yaml`, the folder that looks like one."""
        if self.project is not None:
            return self.project.package
        found = [path.parent.name for path in self.root.glob("*/__main__.py")]
        return found[0] if len(found) == 1 else None

    @cached_property
    def files(self) -> tuple[Path, ...]:
        """Every file, relative to the project."""
        return tuple(path.relative_to(self.root) for path in project_files(self.root))

    @cached_property
    def texts(self) -> dict[Path, str]:
        """Every text file outside `data/`."""
        texts = {
            path: read_text(self.root / path) for path in self.files if path.parts[0] != "data"
        }
        return {path: text for path, text in texts.items() if text is not None}

    @cached_property
    def sources(self) -> tuple[Source, ...]:
        """Every Python file, parsed."""
        return tuple(
            _parse(path, text) for path, text in self.texts.items() if path.suffix == ".py"
        )

    @property
    def dag_sources(self) -> tuple[Source, ...]:
        """The files the release's entry file loads: `dags/*.py`."""
        return tuple(source for source in self.sources if is_dag_file(source.path))

    @cached_property
    def released_sources(self) -> tuple[Source, ...]:
        """The Python files of a release that are the project's own."""
        folders = {"dags", self.package}
        return tuple(
            source
            for source in self.sources
            if source.path.parts[0] in folders and "_mlops" not in source.path.parts
        )

    @cached_property
    def lint(self) -> tuple[LintFinding, ...]:
        """What ruff says."""
        from .lint import run_ruff

        return run_ruff(self)

    @cached_property
    def imported(self) -> Imported:
        """What Airflow sees when it imports the release."""
        from .importing import import_release

        return import_release(self)

    def warm_up(self) -> None:
        """Have Airflow imported beside the static checks, when its interpreter is there."""
        from mlops_cli.environments.interpreters import built_airflow

        from .importing import start_airflow

        python = built_airflow(self.project.airflow) if self.project is not None else None
        if python is not None:
            start_airflow(self, python)

    def temporary_folder(self) -> Path:
        """A folder that is gone when the checks are done."""
        made = tempfile.TemporaryDirectory(prefix="mlops-check-", ignore_cleanup_errors=True)
        return Path(self.closing.enter_context(made))


def is_dag_file(path: Path) -> bool:
    """A release's entry file loads it; names that begin with `_` are for the others to import."""
    return len(path.parts) == 2 and path.parts[0] == "dags" and not path.name.startswith("_")


def _parse(path: Path, text: str) -> Source:
    try:
        with warnings.catch_warnings(action="ignore"):
            return Source(path, text, ast.parse(text, filename=str(path)), None)
    except (SyntaxError, ValueError) as error:
        return Source(path, text, None, error)
