"""Runs one step of a pipeline: `python -m PACKAGE STEP --run URI --name value … --result FILE`.

A step is a function of the model's package. It takes the `Run` and named inputs, reads and writes
by URI, and returns a value JSON can hold. Its inputs can also come in a file, `--inputs FILE`: one
argument of a command has at most 128 KiB on Linux. The same entry point serves a worker on this
machine, a training container and a Spark job.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import inspect
import json
import os
import re
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from . import settings as _settings
from .imports import lasting_imports
from .keeping import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .settings import Settings

DONE: Final = 0
REFUSED: Final = 1
"""A gate said no; running the step again changes nothing."""
SKIPPED: Final = 99
"""There is nothing to do, and so nothing for the tasks after it either."""
_QUIET: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "1",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
CRASHED: Final = 70
"""The step broke; running it again may help."""


class Refused(Exception):  # noqa: N818 -- an answer, not an error
    """The answer is no: the data, the model or the person did not pass."""


class Skipped(Exception):  # noqa: N818 -- an answer, not an error
    """There is nothing to do: no data yet, nothing decided."""


@dataclass(frozen=True, slots=True)
class Run:
    """The pipeline run a step belongs to."""

    settings: Settings
    root: Path
    """The release (or checkout) that runs."""
    id: str
    folder: str
    """URI of the folder that holds what this run writes."""

    @property
    def slug(self) -> str:
        """The id as the name of a folder."""
        return slug(self.id)

    def uri(self, name: str) -> str:
        """Where a file of this run lies."""
        return f"{self.folder.rstrip('/')}/{name}"

    def path(self, name: str) -> Path:
        """The same as a path, for what only writes to disk; its folder is made.

        Raises:
            ValueError: The run's folder is not on this machine.
        """
        return local_path(self.uri(name), make_parent=True)

    def kept(self, name: str) -> Path:
        """Where a file lies that outlives the run; its folder is made.

        Raises:
            ValueError: No release says where that is, or it is not on this machine.
        """
        paths = self.settings.paths
        if paths is None:
            raise ValueError("a checkout keeps nothing: deploy it")
        data = paths.data or f"{local_path(paths.runs).parent / 'data'}"
        return local_path(f"{data.rstrip('/')}/{name}", make_parent=True)


def slug(run_id: str) -> str:
    """A run's id as the name of a folder."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", run_id)


def local_path(uri: str, *, make_parent: bool = False) -> Path:
    """A `file://` URI, or a plain path, as a path.

    Raises:
        ValueError: It is a URI of another kind.
    """
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(uri)
    if parts.scheme == "file":
        path = Path(unquote(parts.path))
    elif "://" in uri:
        raise ValueError(f"{uri} is not on this machine")
    else:
        path = Path(uri)
    if make_parent:
        path.parent.mkdir(parents=True, exist_ok=True)
    return path


def main(package: str, steps: Mapping[str, str], argv: Sequence[str] | None = None) -> int:
    """Run the step named on the command line.

    Args:
        package: The model's package, such as `churn`.
        steps: Step to the module of the package that has a function of that name; a step is
            imported only when it runs.
        argv: The arguments; by default the process's own.

    Returns:
        `DONE`, `REFUSED`, `SKIPPED` or `CRASHED`.
    """
    # Abbreviated, `--inputs` would take the `--input` of a step.
    parser = argparse.ArgumentParser(
        prog=f"python -m {package}", description="Run one step.", allow_abbrev=False
    )
    parser.add_argument("step", choices=sorted(steps))
    parser.add_argument("--run", required=True, metavar="URI", help="folder of this run's files")
    parser.add_argument("--run-id", default="by-hand", metavar="ID")
    parser.add_argument(
        "--inputs", type=Path, metavar="FILE", help="its arguments by name, as JSON"
    )
    parser.add_argument(
        "--result", type=Path, metavar="FILE", help="where the result goes, as JSON"
    )
    known, rest = parser.parse_known_args(argv)
    for switch, off in _QUIET.items():
        os.environ.setdefault(switch, off)
    with lasting_imports():
        step = getattr(importlib.import_module(f"{package}.{steps[known.step]}"), known.step)
    inputs = _inputs(step, [*_from_file(known.inputs), *rest], parser)
    root = Path(importlib.import_module(package).__file__ or "").resolve().parents[1]
    run = Run(_settings.load(root), root, known.run_id, known.run)
    try:
        return _carried_out(step, run, inputs, known.result)
    finally:
        # In a process of its own, what is loaded by now stays: to search it for garbage at the
        # end takes Python a second and more. Not where DuckDB is: its bindings, made with
        # nanobind, call what is frozen leaked.
        if argv is None and "_duckdb" not in sys.modules:
            gc.freeze()


def _carried_out(
    step: Callable[..., Any], run: Run, inputs: dict[str, Any], into: Path | None
) -> int:
    began = time.monotonic()
    try:
        result = step(run, **inputs)
    except Refused as refusal:
        print(f"REFUSED {step.__name__}: {refusal}", file=sys.stderr)  # noqa: T201 -- the task's log
        _write(into, {"refused": str(refusal)})
        return REFUSED
    except Skipped as reason:
        print(f"SKIPPED {step.__name__}: {reason}", file=sys.stderr)  # noqa: T201 -- the task's log
        _write(into, {"skipped": str(reason)})
        return SKIPPED
    except Exception:  # noqa: BLE001 -- told apart from a refusal by its exit code
        traceback.print_exc()
        return CRASHED
    _write(into, {"value": result})
    print(f"{step.__name__}: done in {time.monotonic() - began:.1f} s")  # noqa: T201 -- the task's log
    return DONE


def _from_file(path: Path | None) -> list[str]:
    """The arguments in a file, as they would be typed."""
    if path is None:
        return []
    given = json.loads(path.read_text(encoding="utf-8"))
    return [
        f"--{name.replace('_', '-')}={value if isinstance(value, str) else json.dumps(value)}"
        for name, value in given.items()
    ]


def _inputs(
    step: Callable[..., Any], given: Sequence[str], parser: argparse.ArgumentParser
) -> dict[str, Any]:
    """The step's own arguments, from `--name value`; all that is not text is JSON."""
    own = argparse.ArgumentParser(
        prog=f"{parser.prog} {step.__name__}", usage=parser.format_usage()
    )
    for name, parameter in list(inspect.signature(step).parameters.items())[1:]:
        own.add_argument(
            f"--{name.replace('_', '-')}",
            dest=name,
            required=parameter.default is inspect.Parameter.empty,
            default=argparse.SUPPRESS,
            # Annotations are text here: every module postpones their evaluation.
            type=str if parameter.annotation in (str, "str") else json.loads,
        )
    return vars(own.parse_args(list(given)))


def _write(path: Path | None, result: dict[str, Any]) -> None:
    if path is None:
        return
    text = json.dumps(result)
    if path.exists() and not path.is_file():
        path.write_text(text, encoding="utf-8")  # a pipe or a terminal
    else:
        # A step that is killed meanwhile must not leave half an answer.
        write_whole(path, text)
