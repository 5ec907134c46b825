"""`mlops validate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlops_cli import presentation

from .commands import command
from .options import EnvironmentOption, ProjectOption  # noqa: TC001 -- Typer reads them

_EXAMPLES = """
Examples: `mlops validate --strict --junit report.xml` in CI ·
`mlops validate --select MLP3 --ignore MLP304` · `mlops validate --explain MLP351`

Exit codes: 0 nothing wrong · 1 an error (with `--strict`: or a warning) · 3 `mlops.yaml` invalid.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "validate", panel="Prove", epilog=_EXAMPLES)(validate)


def validate(
    *,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
    select: Annotated[
        list[str] | None,
        typer.Option(help="Only these checks: codes or their beginnings, such as `MLP3`."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option(help="Not these checks: codes or their beginnings.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    sarif: Annotated[
        Path | None,
        typer.Option(help="Write the findings as SARIF 2.1.0 for code hosts.", dir_okay=False),
    ] = None,
    junit: Annotated[
        Path | None, typer.Option(help="Write the checks as JUnit XML for CI.", dir_okay=False)
    ] = None,
    explain: Annotated[
        str | None, typer.Option(metavar="CODE", help="Say what a check is for and how to fix it.")
    ] = None,
) -> object:
    """Check the project: settings, rulesets, DAGs, secrets."""
    if explain is not None:
        from mlops_cli.checks.registry import explain as explanation

        return explanation(explain)
    from mlops_cli.checks import formats
    from mlops_cli.checks import validate as check

    report = check(
        project,
        environment=env,
        select=select or (),
        ignore=ignore or (),
        strict=strict,
        progress=presentation.progress(),
    )
    formats.write(report, sarif=sarif, junit=junit)
    return report
