"""MLP38x: what ruff says, Airflow's own rules included; ruff's code stands in the summary."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.diagnostics import Severity
from mlops_cli.core.errors import MlopsError
from mlops_cli.core.processes import child_environment

from .base import Finding, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .subject import Subject

_SECONDS: Final = 60
# AIR001 (variable name is not task id) is noise; AIR304 (a value that changes with every parse)
# is a preview we do want; MLP303 says what AIR003 would.
_RULES: Final = (
    "--isolated", "--no-cache", "--preview", "--quiet", "--exit-zero", "--output-format", "json",
    "--config", "lint.explicit-preview-rules = true",
    "--select", "AIR,F,E9,AIR304", "--ignore", "AIR001,AIR002",
)  # fmt: skip
_BROKEN: Final = ("F5", "F6", "F7", "F82", "F83", "E9")


@dataclass(frozen=True, slots=True)
class LintFinding:
    """One finding of ruff."""

    code: str
    message: str
    path: Path
    line: int
    column: int


def run_ruff(subject: Subject) -> tuple[LintFinding, ...]:
    """Run ruff over what would be released.

    Raises:
        MlopsError: ruff itself did not work.
    """
    from ruff import find_ruff_bin  # type: ignore[import-untyped]  # the wheel has no types

    paths = [str(source.path) for source in subject.released_sources]
    if not paths:
        return ()
    # Not the project's own settings: the verdict must not depend on what a project switches off.
    ran = subprocess.run(
        [find_ruff_bin(), "check", *_RULES, "--", *paths],
        cwd=subject.root,
        env=child_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_SECONDS,
        check=False,
    )
    if ran.returncode != 0:
        reason = ran.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise MlopsError(f"Could not run `ruff`: {''.join(reason) or ran.returncode}")
    return tuple(_finding(item, subject.root) for item in json.loads(ran.stdout or b"[]"))


@check("MLP380", requires=("MLP204",))
def airflow_rules(subject: Subject) -> Iterator[Finding]:
    """Airflow's rules hold: nothing removed, moved or deprecated is used.

    Why: what was removed fails at import; what is deprecated fails after the next upgrade.

    Fix: the message names the replacement. `ruff rule AIR301` explains a rule; `ruff check
    --select AIR --fix` does most of the work. Deprecations are warnings.
    """
    for found in subject.lint:
        if found.code.startswith("AIR"):
            serious = found.code.startswith("AIR30") and found.code not in {"AIR304"}
            yield _as_finding(found, None if serious else Severity.WARNING)


@check("MLP381", requires=("MLP204",))
def no_undefined_names(subject: Subject) -> Iterator[Finding]:
    """No name is used that nobody defined.

    Why: it is a failure at run time, hours into a pipeline when it stands in the last step.

    Fix: correct the name or import it. `ruff rule F821` explains a rule.
    """
    for found in subject.lint:
        if found.code.startswith(_BROKEN) or found.code == "invalid-syntax":
            yield _as_finding(found, None)


@check("MLP382", severity=Severity.WARNING, requires=("MLP204",))
def nothing_is_unused(subject: Subject) -> Iterator[Finding]:
    """No import and no variable is left over.

    Why: an import that nobody needs slows every parse and can fail on a worker.

    Fix: `ruff check --fix` removes it.
    """
    for found in subject.lint:
        if found.code.startswith("F") and not found.code.startswith(_BROKEN):
            yield _as_finding(found, None)


def _finding(item: dict[str, object], root: Path) -> LintFinding:
    place = item["location"]
    assert isinstance(place, dict)  # noqa: S101 -- ruff's own format
    path = Path(str(item["filename"]))
    return LintFinding(
        code=str(item["code"] or "invalid-syntax"),
        message=str(item["message"]),
        path=path.relative_to(root.resolve()) if path.is_absolute() else path,
        line=int(place["row"]),
        column=int(place["column"]),
    )


def _as_finding(found: LintFinding, severity: Severity | None) -> Finding:
    summary = f"{found.code}: {found.message.rstrip('.')}"
    return Finding(summary, found.path, found.line, found.column, severity=severity)
