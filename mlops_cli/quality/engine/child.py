"""The process in which statements of the user run: it loads, locks itself in, and answers.

It has no environment, no network extension, a bounded memory, and a connection that can neither
read nor write a file. What it says is one line of JSON for each line that it is told.
"""

from __future__ import annotations

import json
import os
import select
import sys
import threading
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..data.source import Source, open_source
from ..errors import QualityError
from ..language.parser import parse
from .evaluation import Evaluation
from .measurement import Context, Reference
from .spark_sql import named_columns

if TYPE_CHECKING:
    from typing import IO

_MOST_FILE = 128 << 30  # what it spills
_MOST_OPEN = 256
# The limit of DuckDB is a gibibyte; libraries, threads and what it does not count come on top.
_MOST_MEMORY = 6 << 30
_SPARE_SECONDS = 5


def serve() -> None:
    """Answer on stdin and stdout until there is no question left: first the data, then rules."""
    # What a library prints must not be taken for an answer.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as answers:
        os.dup2(2, 1)
        _limit()
        threading.Thread(target=_end_with_asker, daemon=True).start()
        _serve(sys.stdin, answers)


def _end_with_asker() -> None:
    """End when nobody is left who could ask or be answered, also in the middle of a statement."""
    if hasattr(select, "poll"):
        asker = select.poll()
        asker.register(0, 0)  # only whether it has hung up: what it says is read elsewhere
        asker.poll()
        os._exit(0)


def _serve(questions: IO[str], answers: IO[str]) -> None:
    # While the near end is still busy: this takes most of the time to start.
    import duckdb

    evaluation: Evaluation | None = None
    context: Context | None = None
    while line := questions.readline():
        question = json.loads(line)
        try:
            if context is None:
                context, rows = _load(question)
                found: dict[str, Any] = {"rows": rows}
            else:
                _limit_cpu(context.seconds)
                evaluation = Evaluation(context, rows)
                found = _answer(question, evaluation, context)
        except (QualityError, duckdb.Error, MemoryError) as error:
            found = {"error": str(error) or "out of memory"}
        answers.write(json.dumps(found) + "\n")
        answers.flush()


def _load(job: dict[str, Any]) -> tuple[Context, int]:
    opened = {table: _open(place) for table, place in job["sources"].items()}
    data = opened.pop("data")
    connection = data.connect(_columns(job["statements"], data), beside=opened)
    context = Context(
        connection,
        data.columns,
        datetime.fromisoformat(job["now"]),
        {
            name: Reference(table, opened[table].columns, opened[table].rows)
            for name, table in job["references"].items()
        },
        job["primary"],
        job["seconds"],
        job["profile"],
    )
    return context, data.rows


def _columns(statements: list[str], data: Source) -> list[str]:
    """What the statements can name; loading the rest can take most of the time."""
    names = [column.name for column in data.columns]
    wanted: set[str] = set()
    for statement in statements:
        found = named_columns(statement, names)
        if found is None:
            return names
        wanted |= set(found)
    # A table has at least one column, and one of numbers is small.
    types = {column.name: column.type for column in data.columns}
    smallest = min(names, key=lambda name: types[name] not in ("boolean", "integer", "number"))
    return [name for name in names if name in wanted] or [smallest]


def _open(place: dict[str, Any]) -> Source:
    return open_source(Path(place["path"]), types=place["types"], delimiter=place["delimiter"])


def _answer(question: dict[str, Any], evaluation: Evaluation, context: Context) -> dict[str, Any]:
    kind = "Analyzers" if question["analyzer"] else "Rules"
    (rule,) = parse(f"{kind} = [ {question['rule']} ]", profile=context.profile).leaves
    (answer,) = evaluation.evaluate([rule]).values()
    metrics = {name: float(value) for name, value in answer.metrics.items()}
    return {"outcome": answer.outcome, "message": answer.message, "metrics": metrics}


def _limit() -> None:
    """Take away what no statement needs; what a system does not know stays as it is."""
    with suppress(ImportError):
        import resource

        limits = {
            "RLIMIT_CORE": 0,
            "RLIMIT_FSIZE": _MOST_FILE,
            "RLIMIT_NOFILE": _MOST_OPEN,
            "RLIMIT_AS": _MOST_MEMORY,
        }
        for name, most in limits.items():
            with suppress(AttributeError, ValueError, OSError):
                resource.setrlimit(getattr(resource, name), (most, most))


def _limit_cpu(seconds: float) -> None:
    """Let this process use its processors for as long as the next statement may take."""
    with suppress(ImportError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        spent = used.ru_utime + used.ru_stime
        most = int(spent + (seconds + _SPARE_SECONDS) * (os.cpu_count() or 1)) + 1
        with suppress(AttributeError, ValueError, OSError):
            _, hard = resource.getrlimit(resource.RLIMIT_CPU)
            resource.setrlimit(resource.RLIMIT_CPU, (most, hard))
