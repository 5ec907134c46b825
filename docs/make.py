"""Writes the pages that follow from the code: commands, checks, and the language of rulesets.

python docs/make.py
"""

from __future__ import annotations

import runpy
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import typer

from mlops_cli.checks.base import Check, Stage
from mlops_cli.checks.quality.explaining import form
from mlops_cli.checks.quality.guide import GUIDE
from mlops_cli.checks.registry import checks
from mlops_cli.cli import app as cli
from mlops_cli.quality import RULE_TYPES, RuleOutcome, check
from mlops_cli.quality.engine.profiles import DIFFERENCES, STRICTER, Difference
from mlops_cli.quality.exporters import TARGETS, expressible
from mlops_cli.quality.language.lints import EXPLAINED

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
    "MLP8": "Amazon MWAA",
}
NEEDS = {
    Stage.STATIC: "the files alone",
    Stage.INDEX: "a package index, through `uv`",
    Stage.IMPORT: "Airflow's interpreter",
}
ABOUT_COMMANDS = """\
What `--help` says of each, written by `python docs/make.py`. With `--json` a result is all there is
on stdout; what is said on the way goes to stderr."""
ABOUT_CHECKS = """\
What `mlops validate` looks at; `mlops validate --explain CODE` says the same on the screen.
`--select` and `--ignore` take codes or their beginnings. Written by `python docs/make.py`.

MLP501 to MLP507 (files that must not be in a release), MLP810 (Airflow cannot import one) and
MLP901 (an answer to `mlops new`) are errors of other commands and no checks; their messages say
all there is."""


def pages() -> dict[str, str]:
    """Each generated page's name, and what it has to hold."""
    return {"cli.md": cli_page(), "checks.md": checks_page(), "dqdl.md": dqdl_page()}


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
    for one in every:
        if not one.code.startswith(family) or not family:
            family = one.code[:4]
            parts.append(f"## {FAMILIES[family]}")
        parts.append(_section(one))
    return "\n\n".join(parts) + "\n"


def _row(check: Check) -> str:
    return f"| [{check.code}](#{check.code.lower()}) | {check.title} | {check.severity} |"


def _section(check: Check) -> str:
    after = f", after {' and '.join(check.requires)}" if check.requires else ""
    facts = f"Severity {check.severity}. Needs {NEEDS[check.stage]}{after}."
    return f"### {check.code}\n\n{check.documentation}\n\n{facts}"


def dqdl_page() -> str:
    """The language, then every rule type with its example run on the sample data."""
    prose = (FOLDER / "dqdl.in.md").read_text(encoding="utf-8").rstrip()
    sample = runpy.run_path(str(FOLDER / "sample.py"))
    with tempfile.TemporaryDirectory() as folder:
        orders, others = sample["write"](Path(folder))
        results = {
            name: _outcome(name, orders, datasets=others, now=sample["NOW"]) for name in RULE_TYPES
        }
    parts = [prose, _engines()]
    parts += [_rule_type(name, results[name]) for name in RULE_TYPES]
    parts += ["## Differences between AWS's documents and Deequ", _differences()]
    parts += ["## What `mlops quality lint` finds", _lints()]
    return "\n\n".join(parts) + "\n"


def _outcome(name: str, orders: Path, **options: Any) -> RuleOutcome:  # noqa: ANN401
    listed = "Analyzers" if RULE_TYPES[name].only_analyzer else "Rules"
    report = check(f"{listed} = [ {GUIDE[name].example} ]", orders, **options)
    return (report.outcomes or report.analyzers)[0]


def _engines() -> str:
    head = "| rule type | what it is about | AWS and Deequ | " + " | ".join(TARGETS) + " |"
    rows = [head, "|---|---|---|" + "---|" * len(TARGETS)]
    for name, kind in RULE_TYPES.items():
        link = f"[{name}](#{name.lower()})"
        rows.append(
            f"| {link} | {kind.description} | {'differ' if _differing(name) else 'agree'} | "
            + " | ".join(expressible()[name][target].split(":")[0] for target in TARGETS)
            + " |"
        )
    return "\n".join(rows)


def _rule_type(name: str, outcome: RuleOutcome) -> str:
    kind, entry = RULE_TYPES[name], GUIDE[name]
    facts = [f"* NULL: {entry.nulls}."] if entry.nulls else []
    facts.append(f"* On data without rows the example is {entry.no_rows}.")
    facts += [f"* {note}." for note in entry.notes]
    facts += [f"* AWS: {one.aws}. Deequ: {one.deequ}." for one in _differing(name)]
    facts += [
        f"* {target}: {said.partition(': ')[2]}."
        for target, said in expressible()[name].items()
        if said.partition(": ")[2]
    ]
    metrics = ", ".join(f"`{key}` {value:.6g}" for key, value in outcome.metrics.items())
    ran = f"On the sample data: {outcome.outcome}" + (f", {metrics}" if metrics else "") + "."
    if outcome.outcome == "ERROR":
        ran = "The sample data has no history and no such files to show it on."
    return "\n\n".join(
        [
            f"### {name}",
            f"{kind.description}.",
            f"```\n{form(kind)}\n```",
            f"```dqdl-rule\n{entry.example}\n```",
            ran,
            "\n".join(facts),
        ]
    )


def _differing(name: str) -> list[Difference]:
    return [one for one in DIFFERENCES if name in one.rules]


def _differences() -> str:
    rows = ["| rule types | AWS | Deequ | where |", "|---|---|---|---|"]
    for one in DIFFERENCES:
        names = ", ".join(one.rules) or "all"
        rows.append(f"| {names} | {one.aws} | {one.deequ} | {one.source} |")
    more = [f"* {said}." for said in STRICTER]
    return "\n".join([*rows, "", "Neither profile follows Deequ where", "", *more])


def _lints() -> str:
    rows = ["| code | who takes it differently | what |", "|---|---|---|"]
    rows += [f"| {one.code} | {one.target} | {one.description} |" for one in EXPLAINED]
    return "\n".join(rows)


if __name__ == "__main__":
    for name, text in pages().items():
        (FOLDER / name).write_text(text, encoding="utf-8")
