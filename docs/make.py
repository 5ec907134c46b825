"""Writes `cli.md` and `checks.md` from the commands' own help and the checks' own docstrings.

python docs/make.py
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

import typer

from mlops_cli.checks.base import Check, Stage
from mlops_cli.checks.registry import checks
from mlops_cli.cli import app as cli

if TYPE_CHECKING:
    from typer.core import TyperGroup

FOLDER = Path(__file__).parent
WIDTH = 100
FAMILIES = {
    "MLP1": "Settings and data",
    "MLP2": "Layout",
    "MLP3": "DAGs",
    "MLP4": "Rulesets",
    "MLP6": "Vendored code",
    "MLP7": "Secrets",
}
ABOUT_COMMANDS = """\
What `--help` says of each, written by `python docs/make.py`. With `--json` a result is all there is
on stdout; what is said on the way goes to stderr."""
ABOUT_CHECKS = """\
What `mlops validate` looks at; `mlops validate --explain CODE` says the same on the screen.
`--select` and `--ignore` take codes or their beginnings. Written by `python docs/make.py`."""


def pages() -> dict[str, str]:
    """Each generated page's name, and what it has to hold."""
    return {"cli.md": cli_page(), "checks.md": checks_page()}


def cli_page() -> str:
    """Every command as its `--help` shows it."""
    parts = ["# Commands", ABOUT_COMMANDS]
    for words, text in helps():
        parts += [f"## `{' '.join(words)}`", f"```\n{text}\n```"]
    return "\n\n".join(parts) + "\n"


def helps() -> list[tuple[tuple[str, ...], str]]:
    """The words of every command, groups before what is in them, and its help."""
    if not cli.app.registered_commands:
        cli._register()  # noqa: SLF001 -- the table of commands is filled when the program runs
    found = []

    def walk(words: tuple[str, ...], command: TyperGroup) -> None:
        context = command.context_class(
            command,
            info_name=" ".join(words),
            terminal_width=WIDTH,
            max_content_width=WIDTH,
            help_option_names=["--help", "-h"],
        )
        text = command.get_help(context).strip()
        found.append((words, "\n".join(line.rstrip() for line in text.splitlines())))
        for name, below in getattr(command, "commands", {}).items():
            walk((*words, name), below)

    walk(("mlops",), cast("TyperGroup", typer.main.get_command(cli.app)))
    return found


def checks_page() -> str:
    """Every check with why it is there and how to fix what it finds."""
    every = sorted(checks().values(), key=lambda check: check.code)
    parts = [
        "# Checks",
        ABOUT_CHECKS,
        "\n".join(["| code | what has to hold | severity |", "|---|---|---|", *map(_row, every)]),
    ]
    family = ""
    for check in every:
        if not check.code.startswith(family) or not family:
            family = check.code[:4]
            parts.append(f"## {FAMILIES[family]}")
        parts.append(_section(check))
    return "\n\n".join(parts) + "\n"


def _row(check: Check) -> str:
    return f"| [{check.code}](#{check.code.lower()}) | {check.title} | {check.severity} |"


def _section(check: Check) -> str:
    needs = "Airflow's interpreter" if check.stage is Stage.IMPORT else "the files alone"
    after = f", after {' and '.join(check.requires)}" if check.requires else ""
    facts = f"Severity {check.severity}. Needs {needs}{after}."
    return f"### {check.code}\n\n{check.documentation}\n\n{facts}"


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
