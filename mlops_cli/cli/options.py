"""Every option more than one command has, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ProjectOption = Annotated[
    Path,
    typer.Option(
        "--project",
        "-C",
        envvar="MLOPS_PROJECT",
        help="A folder in the project; by default the current one.",
        file_okay=False,
        show_default=False,
    ),
]

EnvironmentOption = Annotated[
    str,
    typer.Option("--env", "-e", envvar="MLOPS_ENV", help="Which environment of `mlops.yaml`."),
]

YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
