"""Earlier results: what dynamic rules and anomaly detection compare with, one JSON line each.

A line is the result as Glue gives it, the ruleset and the data set it is about, and its metrics
by the keys that `history_key` writes. Results of other rulesets or data sets may stand in the same
file; they never mix. Of a run that was tried again only the last result counts, and never for the
run itself: data that fails would else become its own history, and pass after some retries.
"""

from __future__ import annotations

import json
import math
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from .errors import HistoryError
from .language import model
from .language.printer import write_condition

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from .report import QualityReport

# Their metrics are named after the table alone, or after columns that two rules can share.
_NAMED_AFTER_LESS = frozenset(
    {"AggregateMatch", "CustomSql", "DatasetMatch", "ReferentialIntegrity"}
    | {"FileFreshness", "FileMatch", "FileSize", "FileUniqueness"}
)
_ABOUT_A_CONDITION = (".Compliance", ".LengthCompliance", ".PatternMatch")


class History(Protocol):
    """Earlier results of one ruleset on one data set."""

    def values(self, metric: str) -> Sequence[float]:
        """List the values of a metric, the newest first, by what `history_key` calls it."""
        ...

    def add(self, report: QualityReport) -> None:
        """Keep a result."""
        ...


def history_key(rule: model.Rule | model.Analyzer, metric: str) -> str:
    """Name a metric so that no two rules of a ruleset mean different things by one name.

    Glue's name is enough for most. A `where` is added to it, the condition where the metric is
    the share of rows that meet one, and the parameters where Glue leaves them out.
    """
    parts = [metric]
    if rule.type in _NAMED_AFTER_LESS:
        parts += [f'"{parameter.raw}"' for parameter in rule.parameters]
    if isinstance(rule, model.Rule):
        if rule.condition is not None and metric.endswith(_ABOUT_A_CONDITION):
            parts.append(write_condition(rule.condition))
        if rule.where is not None:
            parts.append(f'where "{rule.where.raw}"')
    return " ".join(parts)


class FileHistory:
    """A history in a file of JSON lines, safe for several writers at once."""

    def __init__(self, path: Path, *, ruleset: str, data_set: str, run: str = "") -> None:
        """Name the file and whose results are meant.

        Args:
            path: The file; it is made with the first result.
            ruleset: What the ruleset is called.
            data_set: What the data set is called. Files that hold the same data on different
                days are one data set, and need one name.
            run: The run whose result this will be, where runs may be tried again.
        """
        self._path, self._ruleset, self._data_set = path, ruleset, data_set
        self._run = run
        self._results: list[dict[str, Any]] | None = None
        self._broken: list[int] = []

    @property
    def notes(self) -> tuple[str, ...]:
        """What is odd about the file although it could be read."""
        self.results()
        return tuple(
            f"Line {number} of the history `{self._path}` is broken and is left out"
            for number in self._broken[:3]
        )

    def values(self, metric: str) -> Sequence[float]:
        """List the values of a metric, the newest first.

        Raises:
            HistoryError: The file cannot be read.
        """
        found = (result["Metrics"].get(metric) for result in reversed(self.results()))
        return [float(value) for value in found if isinstance(value, int | float)]

    def results(self) -> Sequence[dict[str, Any]]:
        """List the results, the oldest first, each as Glue gives it with its `Metrics`.

        Raises:
            HistoryError: The file cannot be read.
        """
        if self._results is None:
            self._broken = []
            read = (self._read(number, line) for number, line in enumerate(self._lines(), start=1))
            self._results = self._of_earlier_runs(result for result in read if result is not None)
        return self._results

    def _of_earlier_runs(self, results: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """Keep the last result of each run, where it stands, and none of this one."""
        found: dict[object, dict[str, Any]] = {}
        for number, result in enumerate(results):
            run = result.get("RunId") or number
            found.pop(run, None)
            found[run] = result
        if self._run:
            found.pop(self._run, None)
        return list(found.values())

    def add(self, report: QualityReport) -> None:
        """Append a result, in one write under a lock.

        Raises:
            HistoryError: The file cannot be written.
        """
        metrics = {key: value for key, value in report.measured.items() if math.isfinite(value)}
        result = {
            "RulesetName": self._ruleset,
            "DataSet": self._data_set,
            **({"RunId": self._run} if self._run else {}),
            **report.to_dict(),
            "Metrics": metrics,
        }
        line = json.dumps(result, ensure_ascii=False, allow_nan=False).encode(
            "utf-8", "backslashreplace"
        )
        with self._trouble("written"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._append(line + b"\n")
        self._results = None

    def _append(self, line: bytes) -> None:
        import fcntl

        with self._path.open("ab+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                # What a crash cut off stays a line of its own, and ours is whole.
                line = line if file.read(1) == b"\n" else b"\n" + line
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def _lines(self) -> Iterator[bytes]:
        import fcntl

        with self._trouble("read"):
            if not self._path.exists():
                return
            with self._path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                yield from file

    def _read(self, number: int, line: bytes) -> dict[str, Any] | None:
        """Read a line; None when it is broken, or about something else."""
        try:
            result = json.loads(line)
        except (ValueError, RecursionError):
            result = None
        if not isinstance(result, dict) or not isinstance(result.get("Metrics"), dict):
            self._broken.append(number)
            return None
        whose = (result.get("RulesetName"), result.get("DataSet"))
        return result if whose == (self._ruleset, self._data_set) else None

    @contextmanager
    def _trouble(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise HistoryError(
                f"Could not use the history `{self._path}`: it cannot be {what}: {reason}"
            ) from error
