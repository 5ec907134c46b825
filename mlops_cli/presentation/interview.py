"""Asks a person one question after another, when there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import output

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_cli.project.adding import Question


def interviewer() -> Callable[[Question], str] | None:
    """Asks on the terminal; None where nobody is there."""
    if not output.is_terminal() or output.as_json():
        return None

    def ask(question: Question) -> str:
        choices = f" ({', '.join(question.choices)})" if question.choices else ""
        usual = f" [{question.default}]" if question.default else ""
        # Rich would take the brackets for markup.
        return output.ask(f"{question.text}{choices}{usual} ".replace("[", r"\["))

    return ask
