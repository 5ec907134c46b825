"""Whole statements of the user run in a process of their own, and this is its near end.

The process is started by the first ruleset that has a CustomSql, loads the data, locks itself in
(`child.py`), and answers one rule after the other. When it crashes or is late it is killed, the
rule it was at is an ERROR, and the next rule gets a new one.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Timer
from typing import IO, TYPE_CHECKING, Any

from ..language import model
from ..language.printer import write_rule
from ..report import ERROR, PASS
from .custom_sql import custom_sql, passes
from .measurement import Measure, Single, Verdict, shown
from .values import CannotEvaluateError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..data.source import Source
    from .measurement import Context, Found

# The room may have another name and another parent where it was copied to.
_ROOM = Path(__file__).resolve().parents[1]
_NAME = "quality_apart"
_BOOTSTRAP = """
import importlib, importlib.util, json, sys
start = json.loads(sys.stdin.readline())
sys.path[:] = start["path"]
spec = importlib.util.spec_from_file_location(
    start["name"], start["room"] + "/__init__.py", submodule_search_locations=[start["room"]]
)
sys.modules[start["name"]] = room = importlib.util.module_from_spec(spec)
spec.loader.exec_module(room)
importlib.import_module(start["name"] + ".engine.child").serve()
"""
_GRACE_SECONDS = 10.0
_EXIT_SECONDS = 1.0
_LONGEST_ANSWER = 1 << 20


@dataclass(frozen=True, slots=True)
class Job:
    """What the process needs to know: where the data is, and how to take the rules."""

    data: Source
    beside: Mapping[str, Source]
    """Other sources, by the names of their tables."""
    context: Context
    statements: Sequence[str]
    """All that may be asked: of the data only what they can name is loaded."""


class Apart:
    """Answers rules with statements, in a process that is started when it is needed."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._folder = ""
        self._child: subprocess.Popen[str] | None = None
        self._loaded = False

    def start(self) -> None:
        """Start it now, so that it is ready when it is needed."""
        if self._child is not None:
            return
        self._folder = self._folder or tempfile.mkdtemp(prefix="quality-")
        self._loaded = False
        try:
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-S", "-c", _BOOTSTRAP],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                cwd=self._folder,
                env=_environment(self._folder),
                encoding="utf-8",
                errors="surrogateescape",
                start_new_session=True,
            )
        except OSError as error:
            raise CannotEvaluateError(f"No process could be started: {error}") from error
        path = [str(Path(entry).absolute()) for entry in sys.path if entry]
        with suppress(BrokenPipeError):
            self._send({"name": _NAME, "room": str(_ROOM), "path": path})

    def answer(self, rule: Single) -> Verdict:
        """Evaluate a rule there.

        Raises:
            CannotEvaluateError: It has no answer, or the process came to no good end.
        """
        self.start()
        context = self._job.context
        if not self._loaded:
            self._ask(self._description(), context.rule_seconds, "Loading the data for it")
            self._loaded = True
        question = {"rule": write_rule(_plain(rule)), "analyzer": isinstance(rule, model.Analyzer)}
        found = self._ask(question, context.seconds, "The statement")
        if found["outcome"] == ERROR:
            raise CannotEvaluateError(found["message"])
        return Verdict(found["outcome"] == PASS, found["message"], found["metrics"])

    def close(self) -> None:
        """End the process and remove what it left on the disk."""
        self._kill()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = ""

    def _ask(self, question: dict[str, Any], seconds: float, what: str) -> dict[str, Any]:
        child = self._child
        assert child is not None  # noqa: S101 -- it was started
        assert child.stdout is not None  # noqa: S101 -- PIPE was asked for
        late = Timer(seconds + _GRACE_SECONDS, _kill_group, [child.pid])
        late.start()
        try:
            self._send(question)
            found = json.loads(child.stdout.readline(_LONGEST_ANSWER) or "null")
        except (BrokenPipeError, ValueError):
            found = None
        finally:
            in_time = late.is_alive()
            late.cancel()
        if not isinstance(found, dict):
            with suppress(subprocess.TimeoutExpired):
                child.wait(_EXIT_SECONDS)  # how it ended by itself, if it did
            code = child.returncode
            self._kill()
            if not in_time:
                raise CannotEvaluateError(f"{what} took longer than {shown(seconds)} seconds")
            raise CannotEvaluateError(f"{what} ended its process: {_end(code)}")
        if "error" in found:
            self._kill()
            raise CannotEvaluateError(f"{what} failed: {found['error']}")
        return found

    def _send(self, message: dict[str, Any]) -> None:
        pipe: IO[str] | None = self._child.stdin if self._child is not None else None
        assert pipe is not None  # noqa: S101 -- PIPE was asked for
        pipe.write(json.dumps(message) + "\n")
        pipe.flush()

    def _kill(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        _kill_group(child.pid)
        child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()

    def _description(self) -> dict[str, Any]:
        context, job = self._job.context, self._job
        return {
            "sources": {
                table: self._place(source, table)
                for table, source in {"data": job.data, **job.beside}.items()
            },
            "references": {name: one.table for name, one in context.references.items()},
            "primary": context.primary,
            "profile": context.profile,
            "now": context.now.isoformat(),
            "seconds": context.seconds,
            "statements": list(job.statements),
        }

    def _place(self, source: Source, table: str) -> dict[str, Any]:
        """Say where a source can be read; one that is in memory is written to a file first."""
        typed = source.format != "parquet" and source.place is not None
        types = {column.name: column.type for column in source.columns} if typed else {}
        if source.place is not None:
            path = source.place.path.absolute()
            return {"path": str(path), "delimiter": source.place.delimiter, "types": types}
        path = Path(self._folder) / f"{table}.parquet"
        if not path.exists():
            source.write(path)
        return {"path": str(path), "delimiter": ",", "types": types}


def apart(rule: Single, context: Context, where: str | None) -> Measure:
    """Measure a CustomSql: apart where there is such a process, and here inside of it.

    Raises:
        CannotEvaluateError: Inside of it, and the statement is none that may be run.
    """
    process = context.apart
    if process is None:
        return custom_sql(rule, context, where)

    def finish(_found: Found) -> Verdict:
        return process.answer(rule)

    return Measure({}, finish, needs_rows=False, row=passes(rule, context))


def _plain(rule: Single) -> Single:
    """The rule without the names of constants, which only its document knows."""
    parameters = tuple(replace(one, variable=None, quoted=True) for one in rule.parameters)
    return replace(rule, parameters=parameters)


def _environment(folder: str) -> dict[str, str]:
    """Where to spill, and what the loader of shared libraries may need; no more."""
    kept = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
    found = {name: os.environ[name] for name in kept if name in os.environ}
    # Like Spark on Glue, a statement has the clock of UTC.
    return found | {"TMPDIR": folder, "HOME": folder, "TZ": "UTC", "LC_ALL": "C.UTF-8"}


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _end(code: int | None) -> str:
    if code is None:
        return "it gave no answer that can be read"
    return f"signal {-code}" if code < 0 else f"exit code {code}"
