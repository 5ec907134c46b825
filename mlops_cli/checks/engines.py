"""MLP41x: what runs the gates in an environment, before it meets rulesets it does not take."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.diagnostics import Severity
from mlops_cli.project.paths import MANIFEST

from .base import Finding, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_cli.project.model import EnvironmentSpec

    from .subject import Subject

_MANIFEST: Final = Path(MANIFEST)
_BUCKET: Final = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/.*)?")
# Glue itself, the operator in front of it, and the kind of run that the operator starts.
_GLUE_TARGETS: Final = ("glue", "airflow", "catalog")


@check("MLP411", requires=("MLP101",))
def glue_is_set_up(subject: Subject) -> Iterator[Finding]:
    """Where AWS Glue runs the gates, the project has the tasks for it and the data has a place.

    Why: without them each gate of a run stops it, when the data is already there.

    Fix: name a bucket of yours in the environment's `glue.location`. The tasks are in
    `platforms/glue.py` of a project made with `mlops new NAME --quality glue`.
    """
    spec = _spec(subject)
    if spec is None or spec.quality != "glue" or spec.glue is None:
        return
    at = f"environments.{subject.environment}"
    if not _BUCKET.fullmatch(spec.glue.location):
        yield Finding(
            f"`{spec.glue.location}` names no bucket: that has small letters, digits, `-` and `.`",
            _MANIFEST,
            subject=f"{at}.glue.location",
            hint=f"Set `environments.{subject.environment}.glue.location` to a folder of yours on "
            "S3, such as `s3://my-bucket/churn`",
        )
    tasks = Path(subject.package or "") / "platforms" / "glue.py"
    if tasks not in subject.files:
        yield Finding(
            f"The project has no tasks for Glue: `{tasks}` is missing",
            _MANIFEST,
            subject=f"{at}.quality",
            hint=f"Take `platforms/` and `__main__.py` from `mlops new {subject.package} "
            "--quality glue --into DIR`",
        )


@check("MLP412", severity=Severity.WARNING, requires=("MLP402",))
def glue_takes_the_rulesets(subject: Subject) -> Iterator[Finding]:
    """Where AWS Glue runs the gates, it takes every ruleset as it stands and means the same by it.

    Why: Airflow's operator and Glue's evaluation runs on tables know less than the language.

    Fix: follow the hint. What is refused is an error, what is only taken otherwise a warning.
    """
    from mlops_cli.quality import DqdlErrors, parse
    from mlops_cli.quality.language.lints import lint

    spec = _spec(subject)
    if spec is None or spec.quality != "glue":
        return
    assert subject.project is not None  # noqa: S101 -- MLP101 is required
    for given in dict.fromkeys(subject.project.model.quality.values()):
        text = subject.texts.get(Path(given))
        if text is None:
            continue
        try:
            ruleset = parse(text)
        except DqdlErrors:  # MLP402 says so
            continue
        for one in lint(ruleset, text, _GLUE_TARGETS):
            yield Finding(
                one.message,
                Path(given),
                one.line,
                one.column,
                hint=one.hint,
                severity=Severity.ERROR if one.refused else None,
            )


def _spec(subject: Subject) -> EnvironmentSpec | None:
    """The environment that is checked; None when `mlops.yaml` has no such one."""
    return subject.project.environments.get(subject.environment) if subject.project else None
