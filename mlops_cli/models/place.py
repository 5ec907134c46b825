"""Where an environment's models are registered, and a child that asks MLflow there."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import ProjectError, UnavailableError, UnfinishedError
from mlops_cli.core.processes import child_environment, run
from mlops_cli.environments.interpreters import project_interpreter
from mlops_cli.environments.release.build import paths_of
from mlops_cli.project.loader import environment as environment_of
from mlops_cli.project.paths import data_dir
from mlops_cli.runtime import passport
from mlops_cli.runtime.steps import local_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_cli.core.progress import Progress
    from mlops_cli.project.model import Project

_SQLITE: Final = "sqlite:///"
_SECONDS: Final = 120.0
_SHOWN_LINES: Final = 8


@dataclass(frozen=True, slots=True)
class Place:
    """What is kept of an environment's models."""

    environment: str
    tracking_uri: str
    kept: str
    """Folder or URI of what outlives a run."""

    @property
    def is_empty(self) -> bool:
        """Nothing was ever registered: asking MLflow would only make an empty database."""
        store = self.tracking_uri.removeprefix(_SQLITE)
        return store != self.tracking_uri and not Path(store).is_file()

    def file(self, name: str) -> Path:
        """A file that outlives the runs.

        Raises:
            ProjectError: It is not on this machine.
        """
        try:
            return local_path(f"{self.kept.rstrip('/')}/{name}")
        except ValueError:
            raise ProjectError(
                f"Could not use `{name}` of `{self.environment}`: it lies at `{self.kept}`, "
                "and only a folder of this machine can be read and written from here",
                hint=f"Mount it here, and name the folder: "
                f"`environments.{self.environment}.paths.data`",
            ) from None

    @property
    def passport(self) -> Path:
        """The passport's file.

        Raises:
            ProjectError: It is not on this machine.
        """
        return self.file(passport.NAME)


def place_of(project: Project, environment: str) -> Place:
    """Where the models of an environment are.

    Raises:
        UsageError: The project has no such environment.
    """
    spec = environment_of(project, environment)
    paths = paths_of(project.within(environment), spec)
    assert paths.data is not None  # noqa: S101 -- set for every environment
    return Place(environment, paths.tracking_uri, paths.data)


def ask_mlflow(
    project: Project,
    script: Path,
    arguments: Sequence[str],
    *,
    what: str,
    changes: bool = False,
    progress: Progress,
) -> dict[str, Any]:
    """Run a script where MLflow is, in the project's own environment; what it wrote down.

    Args:
        project: Whose environment.
        script: It writes one JSON object to the file that is its first argument.
        arguments: What else it is given.
        what: What it does, such as `read the registry`.
        changes: It changes the registry, and does the rest when it is run again.
        progress: Told of it.

    Raises:
        UnavailableError: It failed; the message has the end of its output.
        UnfinishedError: Likewise, and it may have changed something.
    """
    python = project_interpreter(project.root, progress=progress)
    data_dir().mkdir(parents=True, exist_ok=True)
    with (
        progress.step("Asking MLflow"),
        tempfile.TemporaryDirectory(prefix="mlops-answer-") as folder,
    ):
        # Not on stdout, where libraries talk as well.
        answer = Path(folder) / "answer.json"
        child = run(
            # Isolated: a module in the current folder must not stand in for MLflow's own.
            [python, "-I", script, answer, *arguments],
            timeout_seconds=_SECONDS,
            cwd=data_dir(),
            env=child_environment({"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}),
        )
        if child.returncode == 0:
            found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
            return found
    reason = f"MLflow did not answer in {_SECONDS:.0f} s" if child.timed_out else "MLflow failed"
    shown = "".join(f"\n  {line}" for line in child.output.splitlines()[-_SHOWN_LINES:])
    message = f"Could not {what}: {reason}{shown}"
    if changes:
        raise UnfinishedError(
            message,
            hint="Run the same command again: what was done already is not done twice",
            state="A part of it may have been done",
        )
    raise UnavailableError(message)
