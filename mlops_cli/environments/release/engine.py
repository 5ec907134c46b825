"""What a release needs besides the project where Great Expectations or Soda runs the gates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import ProjectError
from mlops_cli.project.paths import QUALITY_TOOLS
from mlops_cli.runtime.tools import FOLDER

from .source import SourceFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_cli.project.model import Project

_SUFFIX: Final = {"great-expectations": ".json", "soda": ".yml"}


def exported(project: Project, engine: str) -> Iterator[SourceFile]:
    """The ruleset of each gate in the tool's own language, and the script that runs it.

    Args:
        project: What is released.
        engine: `quality` of the environment in `mlops.yaml`; most need nothing.

    Raises:
        ProjectError: A ruleset cannot be read.
    """
    if engine not in QUALITY_TOOLS:
        return
    from mlops_cli.quality.exporters import runner_files

    for gate, ruleset in project.model.quality.items():
        yield SourceFile(
            f"{FOLDER}/{gate}{_SUFFIX[engine]}", _export(project, gate, ruleset, engine)
        )
    for script in runner_files(engine):
        yield SourceFile(f"{FOLDER}/{script.name}", script.read_bytes())


def _export(project: Project, gate: str, ruleset: str, engine: str) -> bytes:
    from mlops_cli.quality import DqdlErrors, parse
    from mlops_cli.quality.exporters import export

    try:
        rules = parse((project.root / ruleset).read_text(encoding="utf-8"))
    except (OSError, DqdlErrors) as error:
        raise ProjectError(
            f"Could not export `{ruleset}` for `{engine}`: {error}",
            hint="See what is wrong with it: `mlops validate --select MLP4`",
        ) from error
    return export(rules, engine, name=gate).text.encode()
