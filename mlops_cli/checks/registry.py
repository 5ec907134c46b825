"""All checks there are, by code, and which of them a command line asks for."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from mlops_cli.core.errors import UsageError

from . import (
    dag_import,
    dags,
    engines,
    layout,
    lint,
    manifest,
    mwaa,
    rulesets,
    secrets,
    vendored,
)
from .base import Check, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_FAMILIES = (
    *(manifest, layout, dags, dag_import, lint),
    *(rulesets, engines, vendored, secrets, mwaa),
)

_FOUNDATIONS = {"MLP101", "MLP350"}


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a check is for: its documentation."""

    code: str
    title: str
    text: str
    severity: str
    stage: str
    requires: tuple[str, ...]


@cache
def checks() -> dict[str, Check]:
    """Every check, by code; the static ones come first."""
    found = [
        value for family in _FAMILIES for value in vars(family).values() if isinstance(value, Check)
    ]
    found.sort(key=lambda check: (check.stage is Stage.IMPORT, check.code))
    return {check.code: check for check in found}


def explain(code: str) -> Explanation:
    """The documentation of one check.

    Raises:
        UsageError: There is none of that code.
    """
    check = checks().get(code.upper())
    if check is None:
        raise _unknown(code)
    return Explanation(
        check.code, check.title, check.documentation, check.severity, check.stage, check.requires
    )


def chosen(select: Sequence[str], ignore: Sequence[str]) -> tuple[Check, ...]:
    """The checks to run: those selected, all without a selection, less those ignored.

    Args:
        select: Codes or the beginnings of codes, such as `MLP3`.
        ignore: The same; what is both selected and ignored is ignored.

    Raises:
        UsageError: A code is unknown, or nothing is left to check.
    """
    wanted = codes(select) if select else set(checks())
    ignored = codes(ignore)
    wanted -= ignored
    if not wanted:
        raise UsageError(
            "Nothing is left to check: everything that was selected is ignored",
            hint="Give `--select` and `--ignore` codes that leave something",
        )
    needed = set(wanted)
    for code in wanted:
        needed |= _requirements(checks()[code])
    if fixed := sorted(ignored & needed & _FOUNDATIONS):
        raise UsageError(f"`{fixed[0]}` cannot be ignored: the other checks stand on it")
    return tuple(check for code, check in checks().items() if code in needed)


def _requirements(check: Check) -> set[str]:
    direct = set(check.requires)
    return direct.union(*(_requirements(checks()[code]) for code in direct))


def codes(given: Iterable[str]) -> set[str]:
    """The checks that some codes, or beginnings of codes, mean.

    Raises:
        UsageError: One of them means none.
    """
    meant: set[str] = set()
    for text in given:
        for part in filter(None, text.replace(",", " ").split()):
            prefix = part.upper().rstrip("X")
            found = {code for code in checks() if code.startswith(prefix)}
            if not found or not prefix.startswith("MLP"):
                raise _unknown(part)
            meant |= found
    return meant


def _unknown(code: str) -> UsageError:
    near = difflib.get_close_matches(code.upper(), checks(), n=3)
    hint = f"Did you mean {', '.join(f'`{name}`' for name in near)}?" if near else None
    return UsageError(f"There is no check `{code}`", hint=hint)
