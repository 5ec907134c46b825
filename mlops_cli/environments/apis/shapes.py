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
_SOURCES = "::group::Log message source details"
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


def log_lines(content: Iterable[object]) -> Iterator[str]:
    """A log's entries as plain lines, without the note on where Airflow read them."""
    inside_sources = False
    for entry in content:
        text = str(entry.get("event", "")) if isinstance(entry, dict) else str(entry)
        if text.startswith(_SOURCES):
            inside_sources = True
        elif inside_sources and text.startswith("::endgroup::"):
            inside_sources = False
        elif not inside_sources:
            yield from _entry_lines(entry, text)


def _entry_lines(entry: object, text: str) -> Iterator[str]:
    if not isinstance(entry, dict):
        yield from _clean(text)
        return
    stamp = str(entry.get("timestamp") or "")[:_SECONDS].replace("T", " ")
    level = str(entry.get("level") or "").upper()
    first, *rest = list(_clean(text)) or [""]
    yield " ".join(part for part in (stamp, level, first) if part)
    yield from rest
    for error in entry.get("error_detail") or ():
        yield from _error_lines(error)


def _error_lines(error: object) -> Iterator[str]:
    """An exception as Python prints it, from Airflow's structured form."""
    if not isinstance(error, dict):
        return
    if frames := error.get("frames"):
        yield "Traceback (most recent call last):"
        for frame in frames:
            name = f"  File {frame.get('filename')}, line {frame.get('lineno')}, "
            yield from _clean(name + f"in {frame.get('name')}")
    yield from _clean(f"{error.get('exc_type')}: {error.get('exc_value')}")


def _clean(text: str) -> Iterator[str]:
    # `\r` alone rewrites a line on a terminal: the last version is what was meant to be seen.
    for line in _COLOUR.sub("", text).replace("\r\n", "\n").split("\n"):
        yield printable(line.rstrip("\r").rpartition("\r")[2])
