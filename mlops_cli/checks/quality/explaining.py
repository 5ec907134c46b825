"""Explains DQDL: the rule types there are, one of them, or what a written rule would check."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import UsageError

from .guide import GUIDE
from .reading import syntax_errors
from .wording import in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_cli.quality import DqdlSyntaxError, Ruleset, RuleType

_NAME: Final = re.compile(r"\s*\w+\s*")
_DOCUMENT: Final = re.compile(r"\b(Rules|Analyzers)\s*=")
_RULE: Final = Path("rule")
_QUOTES: Final = (
    "A rule in single quotes keeps its own double quotes: "
    "`mlops quality explain 'IsComplete \"id\"'`"
)


@dataclass(frozen=True, slots=True)
class RuleTypeRow:
    """One line of the list of rule types."""

    name: str
    arguments: tuple[str, ...]
    description: str
    evaluated: str
    """`yes`, `no`, or `with --dataset`: what `mlops quality check` makes of it."""


@dataclass(frozen=True, slots=True)
class RuleTypeList:
    """Every rule type of DQDL."""

    rule_types: tuple[RuleTypeRow, ...]


@dataclass(frozen=True, slots=True)
class TypeExplanation:
    """One rule type, and how its rules are written."""

    name: str
    description: str
    form: str
    """How it is written, with a word for each part."""
    example: str
    nulls: str
    """What a row with NULL does; empty where the rule is not about values."""
    no_rows: str
    """The outcome of the example on data without rows."""
    notes: tuple[str, ...]
    evaluated: str
    """As in the list."""


@dataclass(frozen=True, slots=True)
class RuleExplanation:
    """A rule type; or a text, in words, with the rule types it uses."""

    rule: str | None
    words: tuple[str, ...]
    """What the rules of the text check, line by line; nothing for a rule type alone."""
    types: tuple[TypeExplanation, ...]


def explain(words: Sequence[str]) -> RuleTypeList | RuleExplanation:
    """Explain a rule type or a rule; without either, list the rule types.

    Args:
        words: The command line's words: a rule type, or a rule in one word or several.

    Raises:
        UsageError: There is no such rule type, or the rule cannot be read.
    """
    from mlops_cli.quality import RULE_TYPES

    text = " ".join(words)
    if not text.strip():
        rows = (
            RuleTypeRow(one.name, one.arguments, one.description, _evaluated(one))
            for one in RULE_TYPES.values()
        )
        return RuleTypeList(tuple(rows))
    if _NAME.fullmatch(text):
        return RuleExplanation(None, (), (_type(_named(text.strip())),))
    ruleset = _parsed(text)
    lines = [line for rule in ruleset.rules for line in in_words(rule)]
    lines += [_recorded(one.type, [p.value for p in one.parameters]) for one in ruleset.analyzers]
    types = dict.fromkeys(leaf.type for leaf in ruleset.leaves)
    return RuleExplanation(text, tuple(lines), tuple(_type(RULE_TYPES[one]) for one in types))


def _named(name: str) -> RuleType:
    """Find a rule type, in whatever case it was typed.

    Raises:
        UsageError: There is none.
    """
    from mlops_cli.quality import RULE_TYPES
    from mlops_cli.quality.language.cursor import did_you_mean

    by_lower = {known.lower(): kind for known, kind in RULE_TYPES.items()}
    found = by_lower.get(name.lower())
    if found is None:
        near = did_you_mean(name, RULE_TYPES)
        raise UsageError(
            f"There is no rule type `{name}`",
            hint=near or "`mlops quality explain` lists them all",
        )
    return found


def _type(kind: RuleType) -> TypeExplanation:
    entry = GUIDE[kind.name]
    return TypeExplanation(
        kind.name,
        kind.description,
        form(kind),
        entry.example,
        entry.nulls,
        entry.no_rows,
        entry.notes,
        _evaluated(kind),
    )


def _evaluated(kind: RuleType) -> str:
    if kind.evaluated_here:
        return "yes"
    if kind.with_history:
        return "with --history"
    return "with --dataset" if kind.with_datasets else "no"


def form(kind: RuleType) -> str:
    """Write how a rule of this type is put together; brackets hold what may be left out."""
    parts = [kind.name]
    for position, argument in enumerate(kind.arguments):
        more = " …" if kind.most is None else ""
        shown = f'"{argument}"{more}'
        parts.append(shown if position < kind.fewest else f"[{shown}]")
    if kind.kinds and not kind.only_analyzer:
        *others, last = [_a(one) for one in kind.kinds]
        nouns = f"{', '.join(others)} or {last}" if others else last
        wanted = f"CONDITION on {nouns}"
        parts.append(wanted if kind.condition == "required" else f"[{wanted}]")
    parts += ['[where "SQL"]'] if kind.where else []
    parts += ["[with threshold CONDITION]"] if kind.threshold else []
    return " ".join(parts)


def _a(word: str) -> str:
    return word if word == "text" else f"a {word}"


def _recorded(name: str, parameters: Sequence[str]) -> str:
    about = ", ".join(f"`{one}`" for one in parameters)
    return f"{name}{' of ' if about else ''}{about} is recorded, and nothing is asked of it"


def _parsed(text: str) -> Ruleset:
    """Parse a rule, or a whole document.

    Raises:
        UsageError: It is neither; every error is at its place in the text as it was typed.
    """
    from mlops_cli.quality import DqdlErrors, parse

    alone = not _DOCUMENT.search(text)
    try:
        return parse(f"Rules = [\n{text}\n]" if alone else text)
    except DqdlErrors as errors:
        found = [_moved(one, text) for one in errors.errors] if alone else errors.errors
        raise UsageError(
            f"Could not read the rule: it has {len(found)} error{'' if len(found) == 1 else 's'}",
            diagnostics=syntax_errors(found, _RULE),
            hint=None if '"' in text else _QUOTES,
        ) from errors


def _moved(error: DqdlSyntaxError, text: str) -> DqdlSyntaxError:
    """Take an error back to where it is without the list that was put around the text."""
    from mlops_cli.quality import DqdlSyntaxError

    lines = text.split("\n")
    line, column, message = error.line - 1, error.column, error.message
    if not 1 <= line <= len(lines):
        line, column = len(lines), len(lines[-1]) + 1
        message = message.replace("found `]`", "found the end")
    return DqdlSyntaxError(
        message, line=line, column=column, source_line=lines[line - 1], hint=error.hint
    )
