"""Airflow's REST API, version 2 (Airflow 3), as the port `AirflowApi`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import (
    ConflictError,
    NotAllowedError,
    UnavailableError,
    UsageError,
)
from mlops_cli.environments.port import LogPage, PlaceLostError

from .asking import PAGE, part, run_path
from .http import HttpTransport
from .inventory import Inventory
from .login import Password
from .occasions import Occasions
from .people import People
from .shapes import LogText, dag_info, import_failure, run_info, task_info
from .transport import ELSEWHERE, LineSource, PathTooLongError, detail

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.redact import Secret
    from mlops_cli.environments.port import DagInfo, ImportFailure, RunInfo, TaskInfo

    from .transport import LogSource, Transport

_LOGIN_SAYS_NOTHING: Final = "unknown"
_BETWEEN: Final = "\n"  # in no token of Airflow's


def connect(
    url: str, *, username: str, password: Secret, clock: Clock, allow_plain_http: bool = False
) -> RestApi:
    """The API of the Airflow at `url`; nothing is sent yet.

    Raises:
        ProjectError: The URL is not one a password may be sent to.
    """
    login = Password(username, lambda: password)
    return RestApi(HttpTransport(url, login=login, clock=clock, allow_plain_http=allow_plain_http))


class RestApi(Occasions, People, Inventory):
    """What the workflows ask, in the words of API v2; the transport carries it.

    Args:
        transport: The way to the Airflow.
        logs: Where tasks' logs are besides, if they are anywhere else.
    """

    def __init__(self, transport: Transport, *, logs: LogSource | None = None) -> None:
        super().__init__(transport)
        self._logs = logs
        # Once is enough: every try would take as long as the first.
        self._logs_are_refused = False

    def close(self) -> None:
        """Give back the connections."""
        self._transport.close()

    def version(self) -> str:
        """Airflow's version; also proves that an Airflow is answering.

        Raises:
            UnavailableError: There is no answer, or it is not an Airflow's.
        """
        body = self._get("/version")
        if not isinstance(body, dict) or not isinstance(body.get("version"), str):
            raise UnavailableError(
                f"Could not use Airflow at `{self.name}`: what answers there is not Airflow 3",
                hint="Check the URL; Airflow 2 is not supported",
            )
        version: str = body["version"]
        return version

    def health(self) -> Mapping[str, str]:
        """Component to `healthy` or another word."""
        body = self._get("/monitor/health") or {}
        return {
            name: str(part.get("status") or _LOGIN_SAYS_NOTHING)
            for name, part in body.items()
            if isinstance(part, dict)
        }

    def dags(self, *, tag: str | None = None) -> tuple[DagInfo, ...]:
        """All DAGs that are not stale, or those with a tag."""
        params = {"order_by": "dag_id"} | ({"tags": tag} if tag else {})
        return tuple(dag_info(item) for item in self._pages("/dags", "dags", params))

    def dag(self, dag_id: str) -> DagInfo | None:
        """One DAG with its params."""
        body = self._get(f"/dags/{part(dag_id)}/details")
        return None if body is None else dag_info(body)

    def import_errors(self) -> tuple[ImportFailure, ...]:
        """The files that could not be imported."""
        found = self._pages("/importErrors", "import_errors", {})
        return tuple(import_failure(item) for item in found)

    def reparse(self, file_token: str) -> None:
        """Ask for a file to be parsed again now; one that is asked for already is fine."""
        try:
            answer = self._send("PUT", f"/parseDagFile/{part(file_token)}")
        except PathTooLongError:
            return  # it is parsed when its turn comes
        self._expect(answer, {200, 201, 204, 409}, "ask Airflow to parse a file again")

    def set_paused(self, dag_id: str, *, paused: bool) -> None:
        """Pause or unpause a DAG.

        Raises:
            ProjectError: Airflow does not know the DAG.
        """
        verb = "pause" if paused else "unpause"
        answer = self._send("PATCH", f"/dags/{part(dag_id)}", body={"is_paused": paused})
        self._known_dag(answer, dag_id, verb)
        self._expect(answer, {200}, f"{verb} `{dag_id}`")

    def trigger(
        self, dag_id: str, run_id: str, conf: Mapping[str, Any], *, note: str | None = None
    ) -> RunInfo:
        """Start a run under our own id; sent once, never repeated.

        Raises:
            ConflictError: A run with that id exists already.
            UsageError: Airflow refused the conf.
            ProjectError: Airflow does not know the DAG.
            UnfinishedError: No answer came; the run may or may not exist.
        """
        # `logical_date` must be named, and null: two runs may start in one moment.
        body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf), "note": note}
        answer = self._send("POST", f"/dags/{part(dag_id)}/dagRuns", body=body, once=True)
        self._known_dag(answer, dag_id, "trigger")
        if answer.status == 409:
            raise ConflictError(
                f"Could not start run `{run_id}` of `{dag_id}`: it exists already",
                hint="Choose another `--run-id`, or follow the run that is there",
            )
        if answer.status in {400, 422}:
            raise UsageError(f"Could not trigger `{dag_id}`{detail(answer, ': ')}")
        self._expect(answer, {200, 201}, f"trigger `{dag_id}`")
        return run_info(answer.body)

    def run(self, dag_id: str, run_id: str) -> RunInfo | None:
        """One run."""
        path = run_path(dag_id, run_id)
        # The ids that Airflow makes itself are long.
        body = self._get(path) if self._carries(path) else self._run_in_list(dag_id, run_id)
        return None if body is None else run_info(body)

    def runs(
        self, dag_id: str, *, limit: int = 10, states: Iterable[str] = ()
    ) -> tuple[RunInfo, ...]:
        """The newest runs first."""
        # Not by start: a queued run has none yet.
        params: dict[str, object] = {"order_by": "-run_after", "state": list(states)}
        path = f"/dags/{part(dag_id)}/dagRuns"
        return tuple(run_info(item) for item in self._pages(path, "dag_runs", params, most=limit))

    def tasks(self, dag_id: str, run_id: str) -> tuple[TaskInfo, ...]:
        """All task instances of a run."""
        path = f"{run_path(dag_id, run_id)}/taskInstances"
        if self._carries(path):
            found = self._pages(path, "task_instances", {})
        else:
            found = self._task_batches({"dag_ids": [dag_id], "dag_run_ids": [run_id]})
        return tuple(task_info(item) for item in found)

    def log(self, dag_id: str, run_id: str, task: TaskInfo, *, token: str | None = None) -> LogPage:
        """A task's log, from `token` on; a task that has not run has none."""
        # A log goes on where it was begun: the tokens of one place mean nothing to the other.
        if self._logs is not None and token and token.startswith(ELSEWHERE):
            return self._logs.page(dag_id, run_id, task, token=token)
        if self._logs is None or token or not self._logs_are_refused:
            try:
                return self._own_log(dag_id, run_id, task, token=token)
            except (NotAllowedError, UnavailableError) as error:
                if self._logs is None or token:
                    raise
                self._logs_are_refused = not isinstance(error, PathTooLongError)
        return self._logs.page(dag_id, run_id, task, token=None)

    def _own_log(self, dag_id: str, run_id: str, task: TaskInfo, *, token: str | None) -> LogPage:
        task_path = f"{run_path(dag_id, run_id)}/taskInstances/{part(task.task_id)}"
        params: dict[str, object] = {"map_index": task.map_index}
        # What is Airflow's own talk depends on what came before, on another page perhaps.
        group, _, place = (token or "").rpartition(_BETWEEN)
        if place:
            params["token"] = place
        path = f"{task_path}/logs/{task.try_number}"
        answer = self._send("GET", path, params=params)
        if place and answer.status == 400:
            raise PlaceLostError(f"Could not read on in `{path}`{detail(answer, ': ')}")
        if answer.status == 404:
            return LogPage((), None)
        self._expect(answer, {200}, f"read `{path}`")
        text = LogText(group)
        lines = tuple(text.lines(answer.body.get("content") or ()))
        following = answer.body.get("continuation_token")
        return LogPage(lines, following and f"{text.group}{_BETWEEN}{following}")

    def log_lines(self, dag_id: str, run_id: str, task: TaskInfo) -> Iterator[str] | None:
        """A try's whole log as a stream, however long; None where the way there streams nothing."""
        if not isinstance(self._transport, LineSource):
            return None
        task_path = f"{run_path(dag_id, run_id)}/taskInstances/{part(task.task_id)}"
        found = self._transport.lines(
            f"/api/v2{task_path}/logs/{task.try_number}", params={"map_index": task.map_index}
        )
        return LogText().lines(_entry(line) for line in found)

    def xcom(self, dag_id: str, run_id: str, task_id: str) -> Any:  # noqa: ANN401 -- any JSON
        """What a task returned, or None."""
        task_path = f"{run_path(dag_id, run_id)}/taskInstances/{part(task_id)}"
        body = self._get(f"{task_path}/xcomEntries/return_value")
        return None if body is None else body.get("value")

    def dag_url(self, dag_id: str | None = None) -> str:
        """Where a person looks at a DAG, or at all of them."""
        return f"{self._transport.url}/dags" + (f"/{part(dag_id)}" if dag_id else "")

    def run_url(self, dag_id: str, run_id: str) -> str:
        """Where a person looks at the run."""
        return f"{self._transport.url}/dags/{part(dag_id)}/runs/{part(run_id)}"

    def _run_in_list(self, dag_id: str, run_id: str) -> Mapping[str, Any] | None:
        # The pattern finds more than the run: `_` and `%` stand for other characters in it.
        path, params = f"/dags/{part(dag_id)}/dagRuns", {"run_id_pattern": run_id}
        found = self._pages(path, "dag_runs", params)
        return next((item for item in found if item["dag_run_id"] == run_id), None)

    def _task_batches(self, wanted: Mapping[str, object]) -> Iterator[Mapping[str, Any]]:
        offset, total = 0, 1
        while offset < total:
            body = {**wanted, "page_offset": offset, "page_limit": PAGE}
            answer = self._send("POST", "/dags/~/dagRuns/~/taskInstances/list", body=body)
            self._expect(answer, {200}, "list the tasks of a run")
            items = answer.body["task_instances"]
            yield from items
            offset += len(items)
            total = int(answer.body["total_entries"]) if items else 0


def _entry(line: str) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return line
