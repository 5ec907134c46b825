"""`--input` and `--partition`: which rows a run of inference is about, short for two `--conf`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mlops_cli.core.errors import UsageError
from mlops_cli.core.redact import printable
from mlops_cli.project.paths import expanded

if TYPE_CHECKING:
    from mlops_cli.project.model import Project

_LOCAL: Final = "local"


def rows_conf(
    project: Project, environment: str, *, given: str | None, partition: str | None
) -> tuple[str, ...]:
    """The `--conf` that means the same.

    Args:
        project: Whose pipeline.
        environment: Where it runs.
        given: `--input`: a URI, or a path seen from here.
        partition: `--partition`.

    Raises:
        UsageError: There is no such file.
    """
    conf = {}
    if given is not None:
        conf["input"] = given if "://" in given else _uri(project, environment, given)
    if partition is not None:
        conf["partition"] = partition
    return (json.dumps(conf),) if conf else ()


def _uri(project: Project, environment: str, given: str) -> str:
    """The URI of a path: a run has another folder to start from than the command."""
    path = expanded(given).absolute()
    spec = project.environments.get(environment)
    here = spec is None or spec.kind == _LOCAL
    # Another machine's Airflow may well have a file there, if the whole path was given.
    if not _is_file(path) and (here or not Path(given).is_absolute()):
        raise UsageError(
            f"Could not predict `{printable(given)}`: there is no such file",
            hint="Give the path of a CSV, JSON lines or Parquet file, or a URI",
            state="Nothing was started",
        )
    return path.as_uri()


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long is one of nothing
        return False
