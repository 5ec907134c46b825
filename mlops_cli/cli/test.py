"""`mlops test`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlops_cli import presentation

from .commands import command
from .options import EnvironmentOption, ProjectOption  # noqa: TC001 -- Typer reads them

_EXAMPLES = """
Examples: `mlops test` · `mlops test --no-pipeline` for the quick part · `mlops test --keep` to look
at what the run wrote · `mlops test --gates` to see that each gate stops what it must stop

Exit codes: 0 all passed · 1 a test, a gate or a task failed, or a gate let a defect through · 3
`mlops.yaml` invalid.
"""


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "test", panel="Prove", epilog=_EXAMPLES)(prove)


def prove(
    *,
    project: ProjectOption = Path(),
    env: EnvironmentOption = "local",
    pipeline: Annotated[
        bool, typer.Option("--pipeline/--no-pipeline", help="Run the training DAG too.")
    ] = True,
    all_rows: Annotated[
        bool, typer.Option("--all-rows", help="Run it on all of the training data.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep what the run wrote, and say where.")
    ] = False,
    gates: Annotated[
        bool,
        typer.Option("--gates", help="Instead, give each gate the defects that it must stop."),
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="With `--gates`: a rule that nothing could break fails too."),
    ] = False,
    timeout: Annotated[
        float, typer.Option(min=1, help="Seconds each of the two parts may take.")
    ] = 1200.0,
) -> object:
    """Run the tests and the pipeline once, or prove the gates."""
    from mlops_cli.checks.gates.proving import prove_gates
    from mlops_cli.checks.prove import prove as run
    from mlops_cli.project.loader import load

    if gates:
        return prove_gates(
            load(project),
            environment=env,
            all_rows=all_rows,
            strict=strict,
            keep=keep,
            timeout_seconds=timeout,
            progress=presentation.progress(),
        )
    return run(
        load(project),
        environment=env,
        pipeline=pipeline,
        all_rows=all_rows,
        keep=keep,
        timeout_seconds=timeout,
        progress=presentation.progress(),
    )
