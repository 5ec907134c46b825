"""MLP4xx: the rulesets of the gates, before any data is read with them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.diagnostics import Severity
from mlops_cli.project.paths import MANIFEST

from .base import Finding, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_cli.quality.errors import DqdlErrors
    from mlops_cli.quality.language.model import Ruleset

    from .subject import Subject

_MANIFEST: Final = Path(MANIFEST)


@dataclass(frozen=True, slots=True)
class _Gate:
    """A gate of `mlops.yaml` and its ruleset, when that can be read."""

    name: str
    path: Path
    ruleset: Ruleset | None = None
    errors: DqdlErrors | None = None


@check("MLP401", requires=("MLP101",))
def gates_have_rulesets(subject: Subject) -> Iterator[Finding]:
    """Every gate of `model.quality` has its ruleset, inside the project.

    Why: a gate without rules stops the run; a ruleset outside the project is not in the release.

    Fix: write the file, or correct its path in `mlops.yaml`.
    """
    assert subject.project is not None  # noqa: S101 -- MLP101 is required
    for name, given in subject.project.model.quality.items():
        if Path(given) not in subject.files:
            rulesets = [str(path) for path in subject.files if path.suffix == ".dqdl"]
            near = difflib.get_close_matches(given, rulesets, n=3)
            yield Finding(
                f"The gate `{name}` has no ruleset: `{given}` is not a file of the project",
                _MANIFEST,
                subject=f"model.quality.{name}",
                hint=f"Did you mean {', '.join(f'`{path}`' for path in near)}?" if near else None,
            )
        elif Path(given).parts[0] != "quality":
            yield Finding(
                f"The ruleset of the gate `{name}` is not in `quality/`: it is not released",
                Path(given),
                hint=f"Move it to `quality/{Path(given).name}` and change `mlops.yaml`",
            )


@check("MLP402", requires=("MLP401",))
def rulesets_parse(subject: Subject) -> Iterator[Finding]:
    """Every ruleset is valid DQDL.

    Why: a gate that cannot be read stops the run when the data is already there.

    Fix: follow the line and column; the caret stands below the word that is wrong.
    """
    for gate in _gates(subject):
        for error in gate.errors.errors if gate.errors else ():
            yield Finding(
                error.message,
                gate.path,
                error.line,
                error.column,
                hint=error.hint,
                detail=error.excerpt,
            )


@check("MLP403", requires=("MLP401",))
def rulesets_are_not_empty(subject: Subject) -> Iterator[Finding]:
    """Every ruleset has at least one rule.

    Why: a gate without rules lets everything through, and looks as if it did not.

    Fix: write a rule, such as `RowCount > 0`; or take the gate out of `mlops.yaml`.
    """
    for gate in _gates(subject):
        if gate.ruleset is not None and not gate.ruleset.rules:
            yield Finding(f"The ruleset of the gate `{gate.name}` has no rules", gate.path)


@check("MLP404", requires=("MLP401",))
def rules_name_real_columns(subject: Subject) -> Iterator[Finding]:
    """Every column that a rule names is a column of the data.

    Why: a rule about a column that is not there can only fail, on every run.

    Fix: correct the name. The first step of a pipeline keeps the columns that `mlops.yaml` names,
    and no other column gets to a gate.
    """
    from mlops_cli.quality.language.model import rule_columns

    assert subject.project is not None  # noqa: S101 -- MLP101 is required
    for gate in _gates(subject):
        columns = list(subject.project.model.gate_columns(gate.name))
        for rule in gate.ruleset.leaves if gate.ruleset else ():
            for name in rule_columns(rule):
                if name not in columns:
                    near = difflib.get_close_matches(name, columns, n=3)
                    yield Finding(
                        f"`{rule.type}` names the column `{name}`, which the data does not have",
                        gate.path,
                        rule.span.line if rule.span else None,
                        rule.span.column if rule.span else None,
                        hint=f"Did you mean {', '.join(f'`{n}`' for n in near)}?" if near else None,
                    )


@check("MLP405", requires=("MLP401",))
def rules_can_be_evaluated(subject: Subject) -> Iterator[Finding]:
    """Every rule is of a type that the gate can evaluate.

    Why: a rule that cannot be evaluated has no verdict, and a gate without a verdict stays shut.

    Fix: say it with another rule type, or leave it to the service that knows it.
    """
    from mlops_cli.quality.language.model import Rule
    from mlops_cli.quality.language.rules import RULE_TYPES

    assert subject.project is not None  # noqa: S101 -- MLP101 is required
    spec = subject.project.environments.get(subject.environment)
    if spec is not None and spec.quality == "glue":  # its own checks are MLP411 and MLP412
        return
    for gate in _gates(subject):
        for rule in gate.ruleset.leaves if gate.ruleset else ():
            kind = RULE_TYPES.get(rule.type)
            if isinstance(rule, Rule) and kind is not None and not kind.evaluated_here:
                yield Finding(
                    f"`{rule.type}` is not evaluated by the local gate",
                    gate.path,
                    rule.span.line if rule.span else None,
                    rule.span.column if rule.span else None,
                )


@check("MLP406", severity=Severity.WARNING, requires=("MLP101",))
def every_ruleset_is_used(subject: Subject) -> Iterator[Finding]:
    """Every ruleset in `quality/` belongs to a gate.

    Why: rules that no gate reads protect nothing.

    Fix: add it to `model.quality` in `mlops.yaml`, or delete it.
    """
    assert subject.project is not None  # noqa: S101 -- MLP101 is required
    used = {Path(given) for given in subject.project.model.quality.values()}
    for path in subject.files:
        if path.suffix == ".dqdl" and path.parts[0] == "quality" and path not in used:
            yield Finding("No gate uses the ruleset", path)


def _gates(subject: Subject) -> Iterator[_Gate]:
    from mlops_cli.quality import DqdlErrors, parse

    assert subject.project is not None  # noqa: S101 -- MLP101 is required
    for name, given in subject.project.model.quality.items():
        path = Path(given)
        if path not in subject.texts:
            continue
        try:
            yield _Gate(name, path, ruleset=parse(subject.texts[path]))
        except DqdlErrors as errors:
            yield _Gate(name, path, errors=errors)
