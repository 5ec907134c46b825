"""Which templates there are, where they lie and what they ask; reads files only."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from mlops_cli.core.errors import UsageError

DEFAULT: Final = "tabular"
QUESTIONS: Final = "copier.yml"
FOLDER: Final = "project_templates"


@dataclass(frozen=True, slots=True)
class Template:
    """One template that `mlops new` can write a project from."""

    name: str
    summary: str


@dataclass(frozen=True, slots=True)
class TemplateList:
    """All templates of this installation."""

    templates: tuple[Template, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One thing a template wants to know."""

    name: str
    kind: str
    """`str`, `int`, `float`, `bool` or `yaml`."""
    text: str
    choices: tuple[str, ...] = ()


def locate() -> Path:
    """The folder that holds `copier.yml`: inside the installed package, or the checkout."""
    package = Path(__file__).resolve().parents[1]
    installed = package / "_templates"
    return installed if (installed / QUESTIONS).is_file() else package.parent


def templates(root: Path | None = None) -> TemplateList:
    """Every template below `root`, as the question `template` lists them."""
    asked = _read(root or locate())["template"]["choices"]
    return TemplateList(tuple(Template(name, summary) for summary, name in asked.items()))


def find(name: str, root: Path | None = None) -> Template:
    """The template of that name.

    Raises:
        UsageError: There is none.
    """
    known = {template.name: template for template in templates(root).templates}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean `--template {near[0]}`?" if near else "See `mlops new --list-templates`"
    raise UsageError(f"There is no template `{ascii(name)[1:-1]}`", hint=hint)


def questions(root: Path | None = None) -> dict[str, Question]:
    """Name to question, in the order they are asked."""
    return {
        name: Question(
            name=name,
            kind=details["type"],
            text=details["help"],
            choices=_values(details.get("choices", ())),
        )
        for name, details in _read(root or locate()).items()
        if not name.startswith("_")
    }


def _values(choices: Mapping[str, str] | Sequence[str]) -> tuple[str, ...]:
    return tuple(choices.values() if isinstance(choices, Mapping) else choices)


@cache
def _read(root: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML

    text = (root / QUESTIONS).read_text(encoding="utf-8")
    return dict(YAML(typ="safe", pure=True).load(text))
