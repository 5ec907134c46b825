"""Sends what tasks write to CloudWatch, as MWAA's workers do."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from .nodes import threads, trying

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


@contextmanager
def sending_logs(
    logs: Any,  # noqa: ANN401 -- boto3 makes its classes at run time
    group: str,
    folder: Path,
    *,
    every_seconds: float = 0.2,
) -> Iterator[None]:
    """Send what tasks write below `folder`, a stream for each file, while the context lasts."""
    over = threading.Event()
    sent: dict[Path, int] = {}

    def send_all() -> None:
        for path in folder.glob("dag_id=*/**/attempt=*.log"):
            with suppress(FileNotFoundError):
                sent[path] = _send(logs, group, folder, path, sent.get(path, 0))

    def send() -> None:
        while True:
            last = over.is_set()
            trying(send_all)
            if last:
                return
            over.wait(every_seconds)

    with threads([send], over):
        yield


def send_lines(
    logs: Any,  # noqa: ANN401 -- boto3 makes its classes at run time
    group: str,
    name: str,
    lines: Sequence[str],
) -> None:
    """Add lines to a stream, as the Amazon provider names it; group and stream are made."""
    stream = name.replace(":", "_")
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_group(logGroupName=group)
    with suppress(logs.exceptions.ResourceAlreadyExistsException):
        logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = int(time.time() * 1000)
    events = [{"timestamp": now, "message": line} for line in lines if line]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def _send(logs: Any, group: str, folder: Path, path: Path, begin: int) -> int:  # noqa: ANN401 -- see above
    with path.open("rb") as file:
        file.seek(begin)
        data = file.read()
    whole = data[: data.rfind(b"\n") + 1]
    lines = whole.decode("utf-8", "replace").splitlines()
    if lines:
        send_lines(logs, group, str(path.relative_to(folder)), lines)
    return begin + len(whole)
