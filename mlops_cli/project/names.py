"""The rule for project names: what is a folder, a Python package, a DAG id and a bucket key."""

from __future__ import annotations

import getpass
import keyword
import os
import re
import sys
import unicodedata
from typing import Final

from mlops_cli.core.errors import ProjectError

MAX_LENGTH: Final = 40
_USER_LENGTH: Final = 12
_FORM = re.compile(r"[a-z][a-z0-9_]*")
_PORTS = {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
_WINDOWS = {"con", "prn", "aux", "nul"} | _PORTS

# Packages that stand beside the model's own on a worker; such a name would hide them.
_TAKEN = {
    "airflow", "boto3", "botocore", "copier", "duckdb", "evidently", "fsspec", "httpx", "imblearn",
    "jinja2", "matplotlib", "mlflow", "mlops", "mlops_cli", "mypy", "numpy", "optuna", "pandas",
    "pip", "pyarrow", "pydantic", "pytest", "ragas", "requests", "rich", "ruff", "sagemaker",
    "scipy", "setuptools", "shap", "sklearn", "skops", "sqlalchemy", "test", "tests", "torch",
    "typer", "uv", "wandb", "yaml", "dags", "quality", "data", "plugins", "config",
}  # fmt: skip


def project_name(given: str) -> str:
    """The name a project is known by everywhere: lower case, digits and `_`, at most 40 long.

    `-` becomes `_`; anything else that does not fit is refused, with the accepted form offered.

    Raises:
        ProjectError: The name cannot be a Python package, a folder and a DAG id at once.
    """
    shown = ascii(given)[1:-1] or "(empty)"
    name = given.replace("-", "_")
    if problem := _problem(given, name):
        offer = suggestion(given)
        hint = f"Try `mlops new {offer}`" if offer else None
        raise ProjectError(f"Could not use `{shown}` as a project name: {problem}", hint=hint)
    return name


def _problem(given: str, name: str) -> str | None:
    if not given:
        return "it is empty"
    if "/" in given or "\\" in given:
        return "it must be a name, not a path (choose the folder with `--into`)"
    if len(given) > MAX_LENGTH:
        return f"it has {len(given)} characters, and {MAX_LENGTH} are the most"
    if given.startswith("-") or not given.isascii() or not _FORM.fullmatch(name):
        if given[0] in "0123456789":
            return "it must start with a letter"
        return "only the letters a to z, digits, `_` and `-` are allowed, starting with a letter"
    if len(name) == 1:
        return "it must have at least two characters"
    # `type` is one from Python 3.12 on.
    if keyword.iskeyword(name) or keyword.issoftkeyword(name) or name == "type":
        return "it is a word of the Python language"
    if name in sys.stdlib_module_names or name in _TAKEN:
        return f"it would hide the Python package `{name}`"
    if name in _WINDOWS:
        return "Windows keeps it for a device"
    return None


def suggestion(given: str) -> str | None:
    """The nearest acceptable name, or None when nothing is left of the given one."""
    plain = unicodedata.normalize("NFKD", given).encode("ascii", "ignore").decode().lower()
    name = (
        re.sub(r"[^a-z0-9]+", "_", plain).strip("_").lstrip("0123456789_")[:MAX_LENGTH].rstrip("_")
    )
    if name in _TAKEN | _WINDOWS or name in sys.stdlib_module_names or keyword.iskeyword(name):
        name = f"{name}_model"
    return name if name and name != given and _problem(name, name) is None else None


def user_prefix() -> str:
    """Who is at work here, as the beginning of a name; `MLOPS_USER` says it otherwise.

    Raises:
        ProjectError: There is no name, or nothing of it can be part of one.
    """
    try:
        given = os.environ.get("MLOPS_USER") or getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        given = ""
    plain = unicodedata.normalize("NFKD", given).encode("ascii", "ignore").decode().lower()
    name = re.sub(r"[^a-z0-9]+", "_", plain).strip("_").lstrip("0123456789_")[:_USER_LENGTH]
    if not name:
        raise ProjectError(
            "Could not tell who you are, and in `mode: development` names begin with that",
            hint="Say it: `export MLOPS_USER=ada`",
        )
    return name.rstrip("_")
