"""Writes a ruleset in the languages of other tools, and says what of it is lost on the way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from . import to_glue, to_great_expectations, to_pydeequ, to_soda
from .examples import EXAMPLES
from .loss import DIFFERS, LOST, SAME, ExportedRule, translate_rules
from .soda_check import Dataset

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..language.model import Ruleset

__all__ = [
    "DIFFERS",
    "LOST",
    "SAME",
    "TARGETS",
    "Export",
    "ExportedRule",
    "export",
    "expressible",
    "lock_file",
    "runner_files",
]

_FOLDER: Final = Path(__file__).parent
_TOOLS: Final = {"great-expectations": "run_great_expectations.py", "soda": "run_soda.py"}
TARGETS: Final = {
    "glue": ("dqdl",),
    "great-expectations": ("json", "python"),
    "soda": ("yaml",),
    "pydeequ": ("checks", "dqdl"),
}
"""Each target and its forms; the first is the one without a choice."""


@dataclass(frozen=True, slots=True)
class Export:
    """A ruleset in another tool's language."""

    target: str
    form: str
    text: str
    """Empty when nothing could be expressed."""
    language: str
    """`dqdl`, `json`, `python` or `yaml`: what the text is."""
    rules: tuple[ExportedRule, ...]
    """What became of every rule, then of what else stands in the document."""
    notes: tuple[str, ...]
    """What holds for all rules."""

    @property
    def losses(self) -> tuple[ExportedRule, ...]:
        """What differs or is lost."""
        return tuple(one for one in self.rules if one.status != SAME)

    @property
    def mapped(self) -> tuple[ExportedRule, ...]:
        """What stands in the text."""
        return tuple(one for one in self.rules if one.status != LOST)

    def of(self, status: str) -> tuple[ExportedRule, ...]:
        """The rules of one kind: `same`, `differs` or `lost`."""
        return tuple(one for one in self.rules if one.status == status)


def export(
    ruleset: Ruleset,
    target: str,
    *,
    form: str | None = None,
    name: str = "ruleset",
    dataset: str = "mlops/main/data",
) -> Export:
    """Write a ruleset for another tool.

    Args:
        ruleset: The rules.
        target: One of `TARGETS`.
        form: One of the target's forms; by default the first.
        name: What a suite or module is called.
        dataset: Soda's name for the data: `source/schema/table`.

    Raises:
        ValueError: There is no such target or form, or the data set is not named so.
    """
    if target not in TARGETS:
        raise ValueError(f"there is no target `{target}`")
    form = form or TARGETS[target][0]
    if form not in TARGETS[target]:
        raise ValueError(f"`{target}` is written as {' or '.join(TARGETS[target])}, not `{form}`")
    return _WRITERS[target](ruleset, form, name, dataset)


def _glue(ruleset: Ruleset, form: str, _name: str, _dataset: str) -> Export:
    text, rules = to_glue.write(ruleset)
    notes: tuple[str, ...] = to_glue.NOTES
    if len(text) > to_glue.MOST_CHARACTERS:
        notes = (*notes, f"Glue takes {to_glue.MOST_CHARACTERS:,} characters: split the ruleset")
    return Export("glue", form, text, "dqdl", rules, notes)


def _great_expectations(ruleset: Ruleset, form: str, name: str, _dataset: str) -> Export:
    target = to_great_expectations
    written = translate_rules(ruleset, target.translate, keeps_labels=True)
    write = target.write_json if form == "json" else target.write_python
    text = write(name, written) if written.parts else ""
    return Export("great-expectations", form, text, form, written.rules, target.NOTES)


def _soda(ruleset: Ruleset, form: str, _name: str, dataset: str) -> Export:
    parts = dataset.split("/")
    if len(parts) != len(("source", "schema", "table")) or not all(parts):
        raise ValueError(f"`{dataset}` is not of the form `source/schema/table`")
    about = Dataset(*parts)
    written = translate_rules(ruleset, lambda rule: to_soda.translate(rule, about))
    text = to_soda.write(written, about) if written.parts else ""
    return Export("soda", form, text, "yaml", written.rules, to_soda.NOTES)


def _pydeequ(ruleset: Ruleset, form: str, name: str, _dataset: str) -> Export:
    if form == "dqdl":
        text, rules = to_pydeequ.write_dqdl(name, ruleset)
        return Export("pydeequ", form, text, "python", rules, to_pydeequ.NOTES)
    written = translate_rules(ruleset, to_pydeequ.translate)
    text = to_pydeequ.write_checks(name, written) if written.parts else ""
    return Export("pydeequ", form, text, "python", written.rules, to_pydeequ.NOTES)


_WRITERS: Final[dict[str, Callable[[Ruleset, str, str, str], Export]]] = {
    "glue": _glue,
    "great-expectations": _great_expectations,
    "soda": _soda,
    "pydeequ": _pydeequ,
}


@cache
def expressible() -> dict[str, dict[str, str]]:
    """Rule type to target to `same`, `differs: …` or `no: …`, found by exporting examples."""
    from ..language.parser import parse
    from ..language.rules import RULE_TYPES

    found: dict[str, dict[str, str]] = {}
    for name, rules in EXAMPLES.items():
        kind = "Analyzers" if RULE_TYPES[name].only_analyzer else "Rules"
        ruleset = parse(f"{kind} = [ {', '.join(rules)} ]")
        found[name] = {target: _summary(export(ruleset, target).rules) for target in TARGETS}
    return found


def _summary(rules: tuple[ExportedRule, ...]) -> str:
    """What becomes of a rule type; where only some of its forms are lost, it `differs`."""
    lost = [one for one in rules if one.status == LOST]
    if len(lost) == len(rules):
        return f"no: {'; '.join(dict.fromkeys(text for one in lost for text in one.reasons))}"
    reasons = [text for one in rules if one not in lost for text in one.reasons]
    reasons += [f"not `{one.rule}`: {'; '.join(one.reasons)}" for one in lost]
    return f"differs: {'; '.join(dict.fromkeys(reasons))}" if reasons else SAME


def runner_files(tool: str) -> tuple[Path, ...]:
    """The scripts that run an exported ruleset in the tool's own environment; the first is started.

    Raises:
        KeyError: There is none for that tool.
    """
    return (_FOLDER / _TOOLS[tool], _FOLDER / "tool_result.py")


def lock_file(tool: str) -> Path:
    """The packages of the tool's own environment, each with its version.

    Raises:
        KeyError: There is none for that tool.
    """
    return (
        _FOLDER / "locks" / f"{Path(_TOOLS[tool]).stem.removeprefix('run_').replace('_', '-')}.txt"
    )
