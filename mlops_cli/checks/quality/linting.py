"""Rulesets looked at without data: where somebody would take them differently."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_cli.core.errors import UsageError
from mlops_cli.core.exits import Exit

from .reading import read_ruleset, ruleset_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlops_cli.quality.language.lints import Lint


@dataclass(frozen=True, slots=True)
class RulesetLints:
    """What is taken differently in one ruleset."""

    ruleset: str
    rules: int
    targets: tuple[str, ...]
    lints: tuple[Lint, ...]
    exit_code: Exit

    def of(self, target: str) -> tuple[Lint, ...]:
        """The lints of one target."""
        return tuple(lint for lint in self.lints if lint.target == target)

    def to_dict(self) -> dict[str, Any]:
        """Give the lints ready for JSON."""
        return {
            "ruleset": self.ruleset,
            "rules": self.rules,
            "targets": list(self.targets),
            "lints": [
                {
                    "code": lint.code,
                    "target": lint.target,
                    "message": lint.message,
                    "line": lint.line,
                    "column": lint.column,
                    "hint": lint.hint,
                    "refused": lint.refused,
                }
                for lint in self.lints
            ],
        }


def lint(ruleset: Path, *, targets: Sequence[str] = (), strict: bool = False) -> RulesetLints:
    """Say where a ruleset would be taken differently.

    Args:
        ruleset: A file of DQDL.
        targets: Who is asked. By default everybody is, and nobody's refusal is a failure: a
            ruleset need not run everywhere. Where a target is named, its refusal is one.
        strict: Every lint is a failure.

    Raises:
        ProjectError: The ruleset cannot be read.
        UsageError: There is no such target.
    """
    from mlops_cli.quality.language import lints

    for target in targets:
        if target not in lints.TARGETS:
            raise UsageError(
                f"There is no target `{target}`", hint=f"The targets are {', '.join(lints.TARGETS)}"
            )

    rules = read_ruleset(ruleset, ())
    asked = tuple(dict.fromkeys(targets)) or lints.TARGETS
    found = lints.lint(rules, ruleset_text(ruleset), asked)
    failed = bool(found) if strict else bool(targets) and any(one.refused for one in found)
    code = Exit.NO if failed else Exit.DONE
    return RulesetLints(str(ruleset), len(rules.leaves), asked, found, code)
