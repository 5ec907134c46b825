"""A small Airflow that is not one: a real HTTP server with state, and faults on request.

It speaks the routes of API v2 that `RestApi` uses, in the shapes recorded from Airflow 3.3.2.
"""

from __future__ import annotations

import json
import re
import secrets
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from .serving import up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

VERSION = "3.3.2"
COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
RUN_ID = re.compile(r"^[A-Za-z0-9_.~:+-]+$")
NDJSON = "application/x-ndjson"


class Lines(list[Any]):
    """An answer of one JSON object a line."""


@dataclass
class Fault:
    """Something that goes wrong for the next `times` requests that match."""

    match: str
    """A regular expression on `METHOD /path`."""
    status: int | None = None
    """Answer with this status and do nothing."""
    drop: bool = False
    """Do what was asked, then close the connection without an answer."""
    reset: bool = False
    """Close the connection and do nothing."""
    delay_seconds: float = 0.0
    text: str | None = None
    """Answer with this text, which is not JSON."""
    location: str | None = None
    """Redirect there."""
    times: int = 1


@dataclass
class Frame:
    """What one look at a run shows: its state, its tasks' states and the logs so far."""

    state: str
    tasks: Mapping[str, str | None] = field(default_factory=dict)
    """`task` or `task[3]` to its state, or to `failed#2` in its second try."""
    logs: Mapping[str, list[Any]] = field(default_factory=dict)
    """All of a task's log entries up to here; `task#2` is its second try."""
    xcoms: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Run:
    run_id: str
    conf: Mapping[str, Any]
    note: str | None
    created: datetime
    frames: list[Frame]
    position: int = 0
    run_type: str = "manual"
    logical_date: str | None = None
    log_reads: int = 0

    @property
    def now(self) -> Frame:
        return self.frames[self.position]

    def step(self) -> None:
        self.position = min(self.position + 1, len(self.frames) - 1)


def succeed(conf: Mapping[str, Any]) -> list[Frame]:
    """The plainest run: queued, running, success."""
    return [
        Frame("queued"),
        Frame("running", {"step": "running"}),
        Frame("success", {"step": "success"}),
    ]


@dataclass
class Dag:
    dag_id: str
    tags: set[str] = field(default_factory=set)
    params: dict[str, Any] = field(default_factory=dict)
    is_paused: bool = False
    is_stale: bool = False
    has_import_errors: bool = False
    tasks_from: str | None = None
    """The release its tasks are from, where that is not what its tags say."""
    relative_fileloc: str = "churn/churn.py"
    bundle_version: str | None = None
    """The commit its file was parsed at."""
    plan: Callable[[Mapping[str, Any]], list[Frame]] = succeed
    """The frames of a run with that conf; each `GET` of the run shows the next one."""
    schedule: str | None = None
    refuse: Callable[[Mapping[str, Any]], str | None] = lambda conf: None
    """What is wrong with a conf."""
    runs: dict[str, Run] = field(default_factory=dict)


class FakeAirflow:
    """The server's state; tests change it directly."""

    def __init__(self) -> None:
        self.username = "admin"
        self.password = secrets.token_urlsafe(12)
        self.dags: dict[str, Dag] = {}
        self.import_errors: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, Any]] = []
        """Method, path with query, and body of everything that was asked."""
        self.reparsed: list[str] = []
        self.tokens: set[str] = set()
        self.page_limit = 100
        self.backfills: list[dict[str, Any]] = []
        self.assets: dict[str, tuple[str, ...]] = {}
        """An asset's name to the DAGs it starts."""
        self.asset_events: list[dict[str, Any]] = []
        self.cleared: list[dict[str, Any]] = []
        self.questions: list[dict[str, Any]] = []
        """What tasks have asked people, the oldest first; `ask` adds one."""
        self.log_key = "k"
        """Signs the tokens of logs."""
        self.health = dict.fromkeys(COMPONENTS, "healthy")
        self.providers = {"apache-airflow-providers-standard": "1.17.0"}
        self.connections: set[str] = set()
        self.variables: dict[str, str] = {}
        self.pools = {"default_pool"}
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def add(self, dag: Dag) -> Dag:
        self.dags[dag.dag_id] = dag
        return dag

    def ask(self, dag_id: str, run_id: str, task_id: str, subject: str) -> dict[str, Any]:
        """Have a task of a run ask people whether it may go on."""
        parameters = {"reason": "", "by": ""}
        question = {
            "options": ["Approve", "Reject"],
            "subject": subject,
            "body": None,
            "defaults": ["Reject"],
            "multiple": False,
            "params": {
                name: {"value": value, "description": None, "schema": {"type": "string"}}
                for name, value in parameters.items()
            },
            "assigned_users": [],
            "created_at": _iso(datetime.now(UTC)),
            "responded_by_user": None,
            "responded_at": None,
            "chosen_options": None,
            "params_input": {},
            "response_received": False,
            "task_instance": {
                "dag_id": dag_id,
                "dag_run_id": run_id,
                "task_id": task_id,
                "map_index": -1,
                "state": "awaiting_input",
            },
        }
        self.questions.append(question)
        return question

    def fail(self, match: str, **what: Any) -> None:
        self.faults.append(Fault(match, **what))

    def asked(self, match: str) -> int:
        """How many requests matched."""
        return sum(bool(re.search(match, f"{method} {path}")) for method, path, _ in self.requests)

    def forget_tokens(self) -> None:
        """As a server that was restarted with new keys."""
        self.tokens.clear()
        self.log_key += "k"

    @contextmanager
    def serving(self) -> Iterator[FakeAirflow]:
        with up(self._server):
            yield self


class _HttpError(Exception):
    def __init__(self, status: int, detail: Any) -> None:
        super().__init__(status)
        self.status = status
        self.detail = detail


def _handler(fake: FakeAirflow) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Else each answer waits for 40 ms, because its head and its body are sent apart.
        disable_nagle_algorithm = True

        def log_message(self, *_: object) -> None:
            pass

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            path = self.path
            with fake.lock:
                fake.requests.append((self.command, path, body))
                fault = _take_fault(fake, f"{self.command} {path}")
            if fault and fault.delay_seconds:
                time.sleep(fault.delay_seconds)
            if fault and fault.reset:
                self.close_connection = True
                return
            if fault and (fault.status or fault.text is not None or fault.location):
                self._send_fault(fault)
                return
            with fake.lock:
                status, answer = _route(fake, self.command, path, body, self.headers)
            if fault and fault.drop:
                self.close_connection = True
                return
            if isinstance(answer, Lines):
                text = "".join(json.dumps(entry) + "\n" for entry in answer)
                self._send(status, text.encode(), {"Content-Type": NDJSON})
                return
            self._send(status, json.dumps(answer).encode() if answer is not None else b"")

        def _send_fault(self, fault: Fault) -> None:
            if fault.location:
                self._send(fault.status or 307, b"", {"Location": fault.location})
            elif fault.text is not None:
                self._send(fault.status or 200, fault.text.encode(), {"Content-Type": "text/html"})
            else:
                self._send(fault.status or 500, json.dumps({"detail": "injected"}).encode())

        def _send(self, status: int, data: bytes, headers: Mapping[str, str] | None = None) -> None:
            self.send_response(status)
            sent = {"Content-Type": "application/json"} | dict(headers or {})
            for name, value in sent.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815 -- the library's names

    return Handler


def _take_fault(fake: FakeAirflow, request: str) -> Fault | None:
    for fault in fake.faults:
        if fault.times > 0 and re.search(fault.match, request):
            fault.times -= 1
            return fault
    return None


def _route(fake: FakeAirflow, method: str, path: str, body: Any, headers: Any) -> tuple[int, Any]:
    parts = urlsplit(path)
    query = parse_qs(parts.query)
    try:
        if (method, parts.path) == ("POST", "/auth/token"):
            return 201, {"access_token": _log_in(fake, body)}
        _authorize(fake, parts.path, headers)
        answer, arguments = _find_route(method, parts.path)
        return answer(fake, *arguments, query=query, body=body, accept=headers.get("Accept"))
    except _HttpError as error:
        return error.status, {"detail": error.detail}


def _authorize(fake: FakeAirflow, path: str, headers: Any) -> None:
    token = (headers.get("Authorization") or "").removeprefix("Bearer ")
    if path not in {"/api/v2/version", "/api/v2/monitor/health"} and token not in fake.tokens:
        raise _HttpError(401, "Invalid JWT token")


def _find_route(method: str, path: str) -> tuple[Callable[..., Any], list[str]]:
    for verb, pattern, answer in _ROUTES:
        found = re.fullmatch(pattern, path)
        if verb == method and found:
            return answer, [unquote(part) for part in found.groups()]
    raise _HttpError(404, "Not Found")


def _log_in(fake: FakeAirflow, body: Any) -> str:
    if body != {"username": fake.username, "password": fake.password}:
        raise _HttpError(401, "Invalid credentials")
    token = f"token-{secrets.token_hex(8)}"
    fake.tokens.add(token)
    return token


def _dag(fake: FakeAirflow, dag_id: str) -> Dag:
    if dag_id not in fake.dags:
        raise _HttpError(404, f"The Dag with ID: `{dag_id}` was not found")
    return fake.dags[dag_id]


def _run(fake: FakeAirflow, dag_id: str, run_id: str) -> Run:
    dag = fake.dags.get(dag_id)
    if dag is None or run_id not in dag.runs:
        raise _HttpError(
            404,
            f"The DagRun with dag_id: `{dag_id}` and run_id: `{run_id}` was not found",
        )
    return dag.runs[run_id]


def _page(fake: FakeAirflow, key: str, items: list[Any], query: Mapping[str, list[str]]) -> Any:
    offset = int(query.get("offset", ["0"])[0])
    limit = min(int(query.get("limit", ["50"])[0]), fake.page_limit)
    return 200, {key: items[offset : offset + limit], "total_entries": len(items)}


def _dag_body(dag: Dag) -> dict[str, Any]:
    return {
        "dag_id": dag.dag_id,
        "dag_display_name": dag.dag_id,
        "is_paused": dag.is_paused,
        "is_stale": dag.is_stale,
        "bundle_name": "dags-folder",
        "bundle_version": dag.bundle_version,
        "relative_fileloc": dag.relative_fileloc,
        "tags": [{"name": tag, "dag_id": dag.dag_id} for tag in sorted(dag.tags)],
        "has_import_errors": dag.has_import_errors,
        "owners": ["team"],
        "timetable_summary": dag.schedule,
        "file_token": f"token.{dag.relative_fileloc.replace('/', '_')}",
    }


def _run_body(dag_id: str, run: Run) -> dict[str, Any]:
    state = run.now.state
    begun = state not in {"queued"}
    over = state in {"success", "failed"}
    return {
        "dag_run_id": run.run_id,
        "dag_id": dag_id,
        "logical_date": run.logical_date,
        "run_after": _iso(run.created),
        "start_date": _iso(run.created + timedelta(seconds=1)) if begun else None,
        "end_date": _iso(run.created + timedelta(seconds=3)) if over else None,
        "run_type": run.run_type,
        "state": state,
        "triggered_by": "rest_api",
        "conf": dict(run.conf),
        "note": run.note,
    }


def _task_body(run: Run, name: str, state: str | None) -> dict[str, Any]:
    state, _, tries = (state or "").partition("#")
    state = state or None
    task_id, _, index = name.rstrip("]").partition("[")
    begun = state not in {None, "scheduled", "queued", "upstream_failed"}
    over = state in {"success", "failed", "skipped", "upstream_failed"}
    return {
        "task_id": task_id,
        "map_index": int(index or -1),
        "state": state,
        "try_number": int(tries or 1) if begun else 0,
        "start_date": _iso(run.created + timedelta(seconds=1)) if begun else None,
        "end_date": _iso(run.created + timedelta(seconds=2)) if over else None,
        "operator": "_PythonDecoratedOperator",
        "operator_name": "@task",
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


# --- routes ----------------------------------------------------------------------------------


def _version(fake: FakeAirflow, **_: Any) -> Any:
    return 200, {"version": VERSION, "git_version": None}


def _health(fake: FakeAirflow, **_: Any) -> Any:
    return 200, {name: {"status": status} for name, status in fake.health.items()}


def _list_dags(fake: FakeAirflow, *, query: Mapping[str, list[str]], **_: Any) -> Any:
    wanted = set(query.get("tags", ()))
    found = [
        dag
        for dag in sorted(fake.dags.values(), key=lambda dag: dag.dag_id)
        if not dag.is_stale and (not wanted or wanted & dag.tags)
    ]
    return _page(fake, "dags", [_dag_body(dag) for dag in found], query)


def _details(fake: FakeAirflow, dag_id: str, **_: Any) -> Any:
    dag = _dag(fake, dag_id)
    shown = next((tag for tag in dag.tags if tag.startswith("release:")), "")
    release = dag.tasks_from or shown.partition(":")[2]
    args = {"mlops_release": release} if release else {}
    return 200, _dag_body(dag) | {"params": dag.params, "default_args": args}


def _patch_dag(fake: FakeAirflow, dag_id: str, *, body: Any, **_: Any) -> Any:
    dag = _dag(fake, dag_id)
    dag.is_paused = body["is_paused"]
    return 200, _dag_body(dag)


def _trigger(fake: FakeAirflow, dag_id: str, *, body: Any, **_: Any) -> Any:
    dag = _dag(fake, dag_id)
    if "logical_date" not in body:
        missing = {"type": "missing", "loc": ["body", "logical_date"], "msg": "Field required"}
        raise _HttpError(422, [missing])
    run_id = body["dag_run_id"]
    if not RUN_ID.match(run_id):
        raise _HttpError(400, f"The run_id provided '{run_id}' does not match regex pattern")
    if reason := dag.refuse(body["conf"]):
        raise _HttpError(400, reason)
    if run_id in dag.runs:
        raise _HttpError(409, {"reason": "Unique constraint violation", "statement": "hidden"})
    run = Run(run_id, body["conf"], body.get("note"), datetime.now(UTC), dag.plan(body["conf"]))
    dag.runs[run_id] = run
    return 200, _run_body(dag_id, run)


def _get_run(fake: FakeAirflow, dag_id: str, run_id: str, **_: Any) -> Any:
    run = _run(fake, dag_id, run_id)
    if not fake.dags[dag_id].is_paused:
        run.step()
    return 200, _run_body(dag_id, run)


def _list_runs(fake: FakeAirflow, dag_id: str, *, query: Mapping[str, list[str]], **_: Any) -> Any:
    runs = list(fake.dags[dag_id].runs.values()) if dag_id in fake.dags else []
    wanted, kind = set(query.get("state", ())), query.get("run_type", [""])[0]
    newest_first = sorted(runs, key=lambda run: run.created, reverse=True)
    part = query.get("run_id_pattern", [""])[0]
    found = [
        run
        for run in newest_first
        if (not wanted or run.now.state in wanted)
        and part in run.run_id
        and kind in {"", run.run_type}
    ]
    return _page(fake, "dag_runs", [_run_body(dag_id, run) for run in found], query)


def _list_tasks(
    fake: FakeAirflow, dag_id: str, run_id: str, *, query: Mapping[str, list[str]], **_: Any
) -> Any:
    run = _run(fake, dag_id, run_id)
    bodies = [_task_body(run, name, state) for name, state in run.now.tasks.items()]
    return _page(fake, "task_instances", bodies, query)


def _list_task_batches(fake: FakeAirflow, *, body: Any, **_: Any) -> Any:
    known = [(dag_id, run_id) for dag_id in body["dag_ids"] for run_id in body["dag_run_ids"]]
    bodies = [
        _task_body(fake.dags[dag_id].runs[run_id], name, state)
        for dag_id, run_id in known
        if dag_id in fake.dags and run_id in fake.dags[dag_id].runs
        for name, state in fake.dags[dag_id].runs[run_id].now.tasks.items()
    ]
    page = {"offset": [str(body["page_offset"])], "limit": [str(body["page_limit"])]}
    return _page(fake, "task_instances", bodies, page)


def _log(
    fake: FakeAirflow,
    dag_id: str,
    run_id: str,
    task_id: str,
    try_number: str,
    *,
    query: Mapping[str, list[str]],
    accept: str,
    **_: Any,
) -> Any:
    run = _run(fake, dag_id, run_id)
    run.log_reads += 1
    index = int(query.get("map_index", ["-1"])[0])
    name = task_id if index < 0 else f"{task_id}[{index}]"
    if name not in run.now.tasks:
        raise _HttpError(404, "TaskInstance not found")
    state, _, tries = (run.now.tasks[name] or "").partition("#")
    said = name if try_number == "1" else f"{name}#{try_number}"
    entries = list(run.now.logs.get(said, ()))
    if accept == NDJSON:
        return 200, Lines(entries)
    key, _, offset = query.get("token", [f"{fake.log_key}.0"])[0].partition(".")
    if key != fake.log_key:
        raise _HttpError(400, "Bad Signature. Please use only the tokens provided by the API.")
    over = state not in {"running", "deferred"} or int(tries or 1) > int(try_number)
    token = None if over else f"{fake.log_key}.{len(entries)}"
    return 200, {"content": entries[int(offset) :], "continuation_token": token}


def _clear(fake: FakeAirflow, dag_id: str, *, body: Any, **_: Any) -> Any:
    dag = _dag(fake, dag_id)
    run = dag.runs.get(body["dag_run_id"])
    if run is None:
        raise _HttpError(404, f"Dag Run id {body['dag_run_id']} not found in dag {dag_id}")
    names = [one if isinstance(one, str) else f"{one[0]}[{one[1]}]" for one in body["task_ids"]]
    if any(run.now.tasks.get(name) == "running" for name in names):
        raise _HttpError(409, "Task is running")
    fake.cleared.append(body)
    run.frames, run.position = dag.plan(run.conf), 0
    bodies = [_task_body(run, name, None) for name in names]
    return 200, {"task_instances": bodies, "total_entries": len(bodies)}


def _dates(fake: FakeAirflow, body: Any) -> list[datetime]:
    dag = _dag(fake, body["dag_id"])
    if dag.schedule is None:
        raise _HttpError(422, f"{dag.dag_id} has no schedule")
    first, last = (datetime.fromisoformat(body[key]) for key in ("from_date", "to_date"))
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    kept = {"none": {"success", "failed"}, "failed": {"success"}, "completed": set()}
    known = {run.logical_date: run.now.state for run in dag.runs.values()}
    return [day for day in days if known.get(_iso(day)) not in kept[body["reprocess_behavior"]]]


def _rehearse_backfill(fake: FakeAirflow, *, body: Any, **_: Any) -> Any:
    days = [{"logical_date": _iso(day), "partition_key": None} for day in _dates(fake, body)]
    return 200, {"backfills": days, "total_entries": len(days)}


def _backfill(fake: FakeAirflow, *, body: Any, **_: Any) -> Any:
    days, dag = _dates(fake, body), _dag(fake, body["dag_id"])
    if any(_backfill_body(fake, one)["completed_at"] is None for one in fake.backfills):
        raise _HttpError(409, f"There is already a running backfill for dag {dag.dag_id}")
    for day in days:
        name, conf = f"backfill__{day:%Y-%m-%d}", body["dag_run_conf"]
        dag.runs[name] = Run(
            name, conf, None, datetime.now(UTC), dag.plan(conf), 0, "backfill", _iso(day)
        )
    names = [f"backfill__{day:%Y-%m-%d}" for day in days]
    fake.backfills.append({**body, "id": len(fake.backfills) + 1, "runs": names})
    return 200, _backfill_body(fake, fake.backfills[-1])


def _backfill_body(fake: FakeAirflow, one: dict[str, Any]) -> dict[str, Any]:
    runs = [fake.dags[one["dag_id"]].runs[name] for name in one["runs"]]
    over = all(run.now.state in {"success", "failed"} for run in runs)
    shown = {key: value for key, value in one.items() if key != "runs"}
    return {**shown, "completed_at": _iso(datetime.now(UTC)) if over else None}


def _list_backfills(fake: FakeAirflow, *, query: Mapping[str, list[str]], **_: Any) -> Any:
    for one in fake.backfills:
        for name in one["runs"]:
            fake.dags[one["dag_id"]].runs[name].step()
    found = [one for one in fake.backfills[::-1] if one["dag_id"] == query["dag_id"][0]]
    return _page(fake, "backfills", [_backfill_body(fake, one) for one in found], query)


def _list_assets(fake: FakeAirflow, *, query: Mapping[str, list[str]], **_: Any) -> Any:
    found = [
        {
            "id": number,
            "name": name,
            "uri": f"x://{name}",
            "scheduled_dags": [{"dag_id": dag_id} for dag_id in dags],
        }
        for number, (name, dags) in enumerate(fake.assets.items(), 1)
    ]
    return _page(fake, "assets", found, query)


def _asset_event(fake: FakeAirflow, *, body: Any, **_: Any) -> Any:
    starts = list(fake.assets.values())[body["asset_id"] - 1]
    runs = []
    for dag_id in starts:
        dag = _dag(fake, dag_id)
        name = f"asset_triggered__{len(dag.runs)}"
        dag.runs[name] = Run(name, {}, None, datetime.now(UTC), dag.plan({}), 0, "asset_triggered")
        runs.append({"dag_id": dag_id, "run_id": name})
    event = {**body, "id": len(fake.asset_events) + 1, "created_dagruns": runs}
    fake.asset_events.append(event)
    return 200, {**event, "created_dagruns": []}


def _list_asset_events(fake: FakeAirflow, *, query: Mapping[str, list[str]], **_: Any) -> Any:
    number = int(query["asset_id"][0])
    found = [event for event in fake.asset_events[::-1] if event["asset_id"] == number]
    return _page(fake, "asset_events", found, query)


def _list_questions(fake: FakeAirflow, dag_id: str, *, query: Any, **_: Any) -> Any:
    assert query.get("order_by") == ["-created_at"]
    found = [one for one in fake.questions[::-1] if one["task_instance"]["dag_id"] == dag_id]
    return _page(fake, "hitl_details", found, query)


def _answer_question(
    fake: FakeAirflow, dag_id: str, run_id: str, task_id: str, index: str, *, body: Any, **_: Any
) -> Any:
    wanted = {"dag_id": dag_id, "dag_run_id": run_id, "task_id": task_id, "map_index": int(index)}
    found = [one for one in fake.questions if wanted.items() <= one["task_instance"].items()]
    if not found:
        raise _HttpError(404, "The Task Instance was not found")
    (question,) = found
    if question["response_received"]:
        raise _HttpError(409, "Human-in-the-loop detail has already been updated")
    if invalid := set(body["chosen_options"]) - set(question["options"]):
        raise _HttpError(400, f"Invalid options {sorted(invalid)}")
    question |= {
        "chosen_options": body["chosen_options"],
        "params_input": body.get("params_input", {}),
        "responded_by_user": {"id": "1", "name": fake.username},
        "responded_at": _iso(datetime.now(UTC)),
        "response_received": True,
    }
    question["task_instance"]["state"] = "scheduled"
    names = ("responded_at", "chosen_options", "params_input")
    shown = {name: question[name] for name in names}
    return 200, {**shown, "responded_by": question["responded_by_user"]}


def _xcom(fake: FakeAirflow, dag_id: str, run_id: str, task_id: str, **_: Any) -> Any:
    xcoms = _run(fake, dag_id, run_id).now.xcoms
    if task_id not in xcoms:
        raise _HttpError(404, "XCom entry with key: `return_value` not found")
    return 200, {"key": "return_value", "task_id": task_id, "value": xcoms[task_id]}


def _list_import_errors(fake: FakeAirflow, *, query: Mapping[str, list[str]], **_: Any) -> Any:
    return _page(fake, "import_errors", fake.import_errors, query)


def _reparse(fake: FakeAirflow, token: str, **_: Any) -> Any:
    fake.reparsed.append(token)
    return 201, None


def _list_providers(fake: FakeAirflow, *, query: Mapping[str, list[str]], **_: Any) -> Any:
    items = [{"package_name": name, "version": v} for name, v in fake.providers.items()]
    return _page(fake, "providers", items, query)


def _connection(fake: FakeAirflow, name: str, **_: Any) -> Any:
    if name not in fake.connections:
        raise _HttpError(404, f"The Connection with connection_id: `{name}` was not found")
    return 200, {"connection_id": name, "conn_type": "aws"}


def _variable(fake: FakeAirflow, name: str, **_: Any) -> Any:
    if name not in fake.variables:
        raise _HttpError(404, f"The Variable with key: `{name}` was not found")
    return 200, {"key": name, "value": fake.variables[name]}


def _pool(fake: FakeAirflow, name: str, **_: Any) -> Any:
    if name not in fake.pools:
        raise _HttpError(404, f"The Pool with name: `{name}` was not found")
    return 200, {"name": name, "slots": 128}


_RUNS = r"/api/v2/dags/([^/]+)/dagRuns"
_TASK = rf"{_RUNS}/([^/]+)/taskInstances/([^/]+)"
_ROUTES: tuple[tuple[str, str, Callable[..., Any]], ...] = (
    ("GET", "/api/v2/version", _version),
    ("GET", "/api/v2/monitor/health", _health),
    ("GET", "/api/v2/providers", _list_providers),
    ("GET", r"/api/v2/connections/([^/]+)", _connection),
    ("GET", r"/api/v2/variables/([^/]+)", _variable),
    ("GET", r"/api/v2/pools/([^/]+)", _pool),
    ("GET", "/api/v2/dags", _list_dags),
    ("GET", r"/api/v2/dags/([^/]+)/details", _details),
    ("PATCH", r"/api/v2/dags/([^/]+)", _patch_dag),
    ("POST", _RUNS, _trigger),
    ("GET", _RUNS, _list_runs),
    ("GET", rf"{_RUNS}/([^/]+)", _get_run),
    ("GET", rf"{_RUNS}/([^/]+)/taskInstances", _list_tasks),
    ("POST", "/api/v2/dags/~/dagRuns/~/taskInstances/list", _list_task_batches),
    ("GET", rf"{_TASK}/logs/(\d+)", _log),
    ("GET", rf"{_TASK}/xcomEntries/return_value", _xcom),
    ("GET", r"/api/v2/dags/([^/]+)/dagRuns/~/hitlDetails", _list_questions),
    ("PATCH", rf"{_TASK}/(-?\d+)/hitlDetails", _answer_question),
    ("GET", "/api/v2/importErrors", _list_import_errors),
    ("POST", r"/api/v2/dags/([^/]+)/clearTaskInstances", _clear),
    ("POST", "/api/v2/backfills/dry_run", _rehearse_backfill),
    ("POST", "/api/v2/backfills", _backfill),
    ("GET", "/api/v2/backfills", _list_backfills),
    ("GET", "/api/v2/assets", _list_assets),
    ("POST", "/api/v2/assets/events", _asset_event),
    ("GET", "/api/v2/assets/events", _list_asset_events),
    ("PUT", r"/api/v2/parseDagFile/([^/]+)", _reparse),
)
