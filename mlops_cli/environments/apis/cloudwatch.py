"""Task logs of MWAA where its REST API does not give them: from CloudWatch Logs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.environments.aws import RefusedError
from mlops_cli.environments.port import LogPage

from .shapes import log_lines
from .transport import ELSEWHERE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_cli.environments.aws import Aws
    from mlops_cli.environments.port import TaskInfo

_OVER: Final = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
_PAGE: Final = 1000


class CloudWatchLogs:
    """The log group Airflow's workers write their tasks' logs to, a stream for each try.

    Args:
        aws: Calls the service.
        group: The log group's name.
    """

    def __init__(self, aws: Aws, group: str) -> None:
        self._aws = aws
        self._group = group

    def page(self, dag_id: str, run_id: str, task: TaskInfo, *, token: str | None) -> LogPage:
        """Some lines of a try's log; a try that has said nothing yet has none.

        Raises:
            NotAllowedError: We may not read the log group.
            UnavailableError: CloudWatch does not answer.
        """
        request = {
            "logGroupName": self._group,
            "logStreamName": stream_name(dag_id, run_id, task),
            "startFromHead": True,
            "limit": _PAGE,
        }
        here = token.removeprefix(ELSEWHERE) if token else None
        while True:
            answer = self._ask({**request, "nextToken": here} if here else request)
            if answer is None:
                return LogPage((), None)
            events, after = answer["events"], answer["nextForwardToken"]
            if events:
                return LogPage(tuple(log_lines(map(_entry, events))), ELSEWHERE + after)
            # An empty page says nothing; at the end the token stays the same.
            if after == here:
                return LogPage((), None if task.state in _OVER else ELSEWHERE + after)
            here = after

    def _ask(self, request: Mapping[str, Any]) -> Mapping[str, Any] | None:
        # Not FilterLogEvents: only here a token at the end of the log stays good for what comes.
        try:
            return self._aws.call(
                "logs",
                "get_log_events",
                what=f"read the log group `{self._group}`",
                resource=f"arn:aws:logs:*:*:log-group:{self._group}:*",
                expected=("ResourceNotFoundException",),
                **request,
            )
        except RefusedError:
            return None


def stream_name(dag_id: str, run_id: str, task: TaskInfo) -> str:
    """The log stream of a task's try, by Airflow's own rule for the names of log files."""
    mapped = f"map_index={task.map_index}/" if task.map_index >= 0 else ""
    name = f"dag_id={dag_id}/run_id={run_id}/task_id={task.task_id}/{mapped}"
    # CloudWatch allows no colon, and the provider writes `_` for it.
    return f"{name}attempt={task.try_number}.log".replace(":", "_")


def _entry(event: Mapping[str, Any]) -> Mapping[str, Any]:
    when = datetime.fromtimestamp(event["timestamp"] / 1000, UTC).isoformat()
    try:
        entry = json.loads(event["message"])
    except ValueError:
        entry = None
    if not isinstance(entry, dict):
        return {"timestamp": when, "event": event["message"]}
    return {"timestamp": when, **entry}
