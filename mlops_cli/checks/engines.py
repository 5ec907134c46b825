"""MLP41x: what runs the gates in an environment, before it meets rulesets it does not take."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.diagnostics import Severity
from mlops_cli.project.paths import MANIFEST, QUALITY_TOOLS, quality_lock

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
    for path, text in _rulesets(subject):
        try:
            ruleset = parse(text)
        except DqdlErrors:  # MLP402 says so
            continue
        for one in lint(ruleset, text, _GLUE_TARGETS):
            yield Finding(
                one.message,
                path,
                one.line,
                one.column,
                hint=one.hint,
                severity=Severity.ERROR if one.refused else None,
            )


@check("MLP413", requires=("MLP101",))
def tools_are_locked(subject: Subject) -> Iterator[Finding]:
    """Where Great Expectations or Soda runs the gates, the project has the lock of its packages.

    Why: a deploy builds the tool an environment of its own, from the lock and from nothing else.

    Fix: copy the lock that comes with `mlops`, which is tested, or make one with `uv pip compile`.
    """
    from mlops_cli.quality.exporters import lock_file

    spec = _spec(subject)
    if spec is None or spec.quality not in QUALITY_TOOLS:
        return
    lock = quality_lock(spec.quality)
    if Path(lock) not in subject.files:
        yield Finding(
            f"The packages of `{spec.quality}` are not locked: `{lock}` is missing",
            _MANIFEST,
            subject=f"environments.{subject.environment}.quality",
            hint=f"`cp {shlex.quote(str(lock_file(spec.quality)))} {lock}`",
        )


@check("MLP414", severity=Severity.NOTE, requires=("MLP402",))
def tools_mean_the_same(subject: Subject) -> Iterator[Finding]:
    """Where Great Expectations or Soda runs the gates, it means the same by every rule.

    Why: the tool may judge a rule otherwise. One it cannot express is judged by the local engine.

    Fix: nothing, where the difference does not matter; or say it with another rule.
    """
    from mlops_cli.quality import DqdlErrors, parse
    from mlops_cli.quality.exporters import LOST, export

    spec = _spec(subject)
    if spec is None or spec.quality not in QUALITY_TOOLS:
        return
    for path, text in _rulesets(subject):
        try:
            losses = export(parse(text), spec.quality).losses
        except DqdlErrors:  # MLP402 says so
            continue
        for rule in losses:
            what = "is evaluated locally" if rule.status == LOST else "means something else"
            yield Finding(
                f"`{rule.rule}` {what} with `{spec.quality}`: {'; '.join(rule.reasons)}",
                path,
                rule.line,
            )


def _rulesets(subject: Subject) -> Iterator[tuple[Path, str]]:
    assert subject.project is not None  # noqa: S101 -- MLP101 is required
    for given in dict.fromkeys(subject.project.model.quality.values()):
        if Path(given) in subject.texts:
            yield Path(given), subject.texts[Path(given)]


def _spec(subject: Subject) -> EnvironmentSpec | None:
    """The environment that is checked; None when `mlops.yaml` has no such one."""
    return subject.project.environments.get(subject.environment) if subject.project else None
