"""Airflow's JSON into our values; words that Airflow may add to are never checked."""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlops_cli.core.redact import printable
from mlops_cli.environments.port import DagInfo, ImportFailure, RunInfo, TaskInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_SOURCES = "Log message source details"
_AIRFLOWS_GROUPS = frozenset({_SOURCES, "Pre Execute", "Post Execute"})
_AIRFLOW_CODE = re.compile(r"/site-packages/airflow/")
_SECONDS = 19  # of an ISO timestamp


def moment(value: object) -> datetime | None:
    """A timestamp, or None where there is none (or not one)."""
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def dag_info(body: Mapping[str, Any]) -> DagInfo:
    """A DAG, from the list or from its details."""
    return DagInfo(
        dag_id=body["dag_id"],
        is_paused=bool(body.get("is_paused")),
        is_stale=bool(body.get("is_stale")),
        has_import_errors=bool(body.get("has_import_errors")),
        tags=frozenset(tag["name"] for tag in body.get("tags") or ()),
        relative_fileloc=body.get("relative_fileloc"),
        bundle_name=body.get("bundle_name"),
        bundle_version=body.get("bundle_version"),
        file_token=body.get("file_token"),
        params=body.get("params") or {},
        schedule=body.get("timetable_summary"),
        release=(body.get("default_args") or {}).get("mlops_release"),
    )


def import_failure(body: Mapping[str, Any]) -> ImportFailure:
    """A file that could not be imported."""
    return ImportFailure(
        filename=printable(str(body.get("filename") or "")),
        trace=printable(str(body.get("stack_trace") or "")),
    )


def run_info(body: Mapping[str, Any]) -> RunInfo:
    """A DAG run."""
    return RunInfo(
        dag_id=body["dag_id"],
        run_id=body["dag_run_id"],
        state=str(body.get("state")),
        conf=body.get("conf") or {},
        run_after=moment(body.get("run_after")),
        started=moment(body.get("start_date")),
        ended=moment(body.get("end_date")),
        run_type=body.get("run_type"),
        note=body.get("note"),
    )


def task_info(body: Mapping[str, Any]) -> TaskInfo:
    """A task instance."""
    return TaskInfo(
        task_id=body["task_id"],
        map_index=int(body.get("map_index", -1)),
        state=body.get("state"),
        try_number=int(body.get("try_number") or 0),
        started=moment(body.get("start_date")),
        ended=moment(body.get("end_date")),
        operator=body.get("operator_name") or body.get("operator"),
    )


class LogText:
    """Turns a log's entries into plain lines, without what Airflow says about its own doings.

    Args:
        group: The group the entries before were in, when they are not the first.
    """

    def __init__(self, group: str = "") -> None:
        self.group = group

    def lines(self, content: Iterable[object]) -> Iterator[str]:
        """The lines of some entries."""
        for entry in content:
            text = str(entry.get("event", "")) if isinstance(entry, dict) else str(entry)
            if text.startswith("::group::"):
                self.group = text.removeprefix("::group::")
            if not _is_housekeeping(entry, text, self.group):
                yield from _entry_lines(entry, text)
            if text.startswith("::endgroup::"):
                self.group = ""


def log_lines(content: Iterable[object]) -> Iterator[str]:
    """The lines of a log's first entries, or of all."""
    return LogText().lines(content)


def _is_housekeeping(entry: object, text: str, group: str) -> bool:
    if not isinstance(entry, dict) or group not in _AIRFLOWS_GROUPS:
        return False
    if group == _SOURCES:
        return True
    # What a task prints may be filed under them too (its time is that of its arrival, and entries
    # are in the order of their times), and what goes wrong there must be seen.
    logger = str(entry.get("logger", ""))
    own = logger == "task" or logger.partition(".")[0] == "airflow"
    return own and (text.startswith("::") or entry.get("level") in {"info", "debug"})


def _entry_lines(entry: object, text: str) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield from _clean(text)
        return
    stamp = str(entry.get("timestamp") or "")[:_SECONDS].replace("T", " ")
    level = str(entry.get("level") or "").upper()
    first, *rest = _clean(text)
    yield " ".join(part for part in (stamp, level, first) if part)
    yield from rest
    for error in entry.get("error_detail") or ():
        yield from _error_lines(error)


def _error_lines(error: object) -> Iterator[str]:
    """An exception as Python prints it, from the user's first frame on."""
    if not isinstance(error, dict):
        return
    frames = [frame for frame in error.get("frames") or () if isinstance(frame, dict)]
    own = [frame for frame in frames if not _AIRFLOW_CODE.search(str(frame.get("filename")))]
    if frames:
        yield "Traceback (most recent call last):"
    for frame in own or frames:
        place = f'"{frame.get("filename")}", line {frame.get("lineno")}, in {frame.get("name")}'
        yield from _clean(f"  File {place}")
    yield from _clean(f"{error.get('exc_type')}: {error.get('exc_value')}")


def _clean(text: str) -> Iterator[str]:
    # `\r` alone rewrites a line on a terminal: the last version is what was meant to be seen.
    for line in _COLOUR.sub("", text).replace("\r\n", "\n").split("\n"):
        yield printable(line.rstrip("\r").rpartition("\r")[2])
