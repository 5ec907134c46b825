"""A small AWS Glue Data Quality that is not one: a real HTTP server with state, faults on request.

It speaks the JSON protocol of the service, so that boto3 and Airflow's operators talk to it as they
are. Rulesets are evaluated by our own engine on the Parquet files that the catalog's tables name,
read from an S3 that somebody else serves (moto has one, and has no Glue Data Quality).
"""

from __future__ import annotations

import json
import tempfile
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mlops_cli import quality
from mlops_cli.quality.language.lints import lint

from .serving import up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TARGET = "AWSGlue."
REGION = "eu-central-1"
_STATES = ("STARTING", "RUNNING")
_LONGEST = 65_536
_FEWEST_WORKERS = 2


@dataclass(frozen=True)
class Amazon:
    """Glue, and the S3 it reads from, each a server on this machine."""

    glue: FakeGlue
    s3_url: str

    def client(self, service: str) -> Any:
        """A boto3 client of one of the two."""
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.s3_url if service == "s3" else self.glue.url,
            region_name=REGION,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )

    def connection(self) -> dict[str, Any]:
        """An Airflow connection to both."""
        services = {"s3": self.s3_url, "glue": self.glue.url}
        config = {name: {"endpoint_url": url} for name, url in services.items()}
        return {
            "connection_id": "aws_default",
            "conn_type": "aws",
            "login": "testing",
            "password": "testing",
            "extra": json.dumps({"region_name": REGION, "service_config": config}),
        }


@contextmanager
def amazon(bucket: str) -> Iterator[Amazon]:
    """Both servers, with an empty bucket."""
    from moto.server import ThreadedMotoServer

    s3 = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    s3.start()
    host, port = s3.get_host_and_port()
    glue = FakeGlue(None)
    made = Amazon(glue, f"http://{host}:{port}")
    glue.s3 = made.client("s3")
    glue.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    try:
        with glue.serving():
            yield made
    finally:
        s3.stop()


class Refusal(Exception):  # noqa: N818 -- an answer of the service
    """An error the service answers with."""

    def __init__(self, kind: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.kind = kind
        self.status = status


@dataclass
class Fault:
    """Something that goes wrong for the next `times` calls of an operation."""

    operation: str
    kind: str = "ThrottlingException"
    message: str = "Rate exceeded"
    status: int = 400
    times: int = 1


@dataclass
class Job:
    """An evaluation or recommendation run; each look at it shows the next state."""

    run_id: str
    request: dict[str, Any]
    work: Callable[[Job], dict[str, Any]]
    started: float
    looks: int = 0
    status: str = _STATES[0]
    answer: dict[str, Any] = field(default_factory=dict)

    def look(self) -> dict[str, Any]:
        """What a client is shown now."""
        if self.status in _STATES:
            self.looks += 1
            self.status = _STATES[min(self.looks, len(_STATES)) - 1]
            if self.looks > len(_STATES):
                try:
                    self.answer, self.status = self.work(self), "SUCCEEDED"
                except Refusal as refusal:
                    self.answer, self.status = {"ErrorString": str(refusal)}, "FAILED"
        times = {"StartedOn": self.started, "LastModifiedOn": _now()}
        return {"RunId": self.run_id, "Status": self.status, **times, **self.request, **self.answer}


class FakeGlue:
    """The server's state; tests change it directly."""

    def __init__(self, s3: Any) -> None:
        self.s3 = s3
        """A boto3 client of the S3 that holds the tables' files."""
        self.roles = {"GlueRole"}
        self.databases: dict[str, dict[str, Any]] = {}
        self.tables: dict[tuple[str, str], dict[str, Any]] = {}
        self.rulesets: dict[str, dict[str, Any]] = {}
        self.results: dict[str, dict[str, Any]] = {}
        self.evaluations: dict[str, Job] = {}
        self.recommendations: dict[str, Job] = {}
        self.faults: list[Fault] = []
        self.failing: list[str] = []
        """Why the next runs end as FAILED."""
        self.calls: list[tuple[str, dict[str, Any]]] = []
        """Operation and input of everything that was asked."""
        self.lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    @contextmanager
    def serving(self) -> Iterator[FakeGlue]:
        """Answer requests for as long as the context lasts."""
        with up(self._server):
            yield self

    def operations(self) -> list[str]:
        """What was asked, in order."""
        return [operation for operation, _ in self.calls]

    def answer(self, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        """Do what an operation asks."""
        with self.lock:
            self.calls.append((operation, given))
            for fault in self.faults:
                if fault.operation == operation and fault.times > 0:
                    fault.times -= 1
                    raise Refusal(fault.kind, fault.message, fault.status)
            handle = _OPERATIONS.get(operation)
            if handle is None:
                raise Refusal("UnknownOperationException", f"{operation} is not served here")
            return handle(self, given)

    # --- the catalog -------------------------------------------------------------------------

    def create_database(self, given: dict[str, Any]) -> dict[str, Any]:
        made = given["DatabaseInput"]
        _new(self.databases, made["Name"], "Database")
        self.databases[made["Name"]] = made | {"CreateTime": _now()}
        return {}

    def get_database(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"Database": _there(self.databases, given["Name"], "Database")}

    def create_table(self, given: dict[str, Any]) -> dict[str, Any]:
        key = self._table_key(given, given["TableInput"]["Name"])
        _new(self.tables, key, "Table")
        self.tables[key] = self._table(given)
        return {}

    def update_table(self, given: dict[str, Any]) -> dict[str, Any]:
        key = self._table_key(given, given["TableInput"]["Name"])
        _there(self.tables, key, "Table")
        self.tables[key] = self._table(given)
        return {}

    def get_table(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"Table": _there(self.tables, self._table_key(given, given["Name"]), "Table")}

    def _table_key(self, given: dict[str, Any], name: str) -> tuple[str, str]:
        _there(self.databases, given["DatabaseName"], "Database")
        return given["DatabaseName"], name.lower()

    def _table(self, given: dict[str, Any]) -> dict[str, Any]:
        return given["TableInput"] | {"DatabaseName": given["DatabaseName"], "UpdateTime": _now()}

    # --- rulesets ----------------------------------------------------------------------------

    def create_ruleset(self, given: dict[str, Any]) -> dict[str, Any]:
        _new(self.rulesets, given["Name"], "Data quality ruleset")
        _valid(given["Ruleset"])
        kept = {key: given[key] for key in ("Name", "Ruleset", "Description") if key in given}
        self.rulesets[given["Name"]] = kept | {"CreatedOn": _now(), "LastModifiedOn": _now()}
        return {"Name": given["Name"]}

    def update_ruleset(self, given: dict[str, Any]) -> dict[str, Any]:
        there = _there(self.rulesets, given["Name"], "Data quality ruleset")
        if "Ruleset" in given:
            _valid(given["Ruleset"])
        there |= given | {"LastModifiedOn": _now()}
        return {key: there[key] for key in ("Name", "Ruleset", "Description") if key in there}

    def get_ruleset(self, given: dict[str, Any]) -> dict[str, Any]:
        return dict(_there(self.rulesets, given["Name"], "Data quality ruleset"))

    def delete_ruleset(self, given: dict[str, Any]) -> dict[str, Any]:
        _there(self.rulesets, given["Name"], "Data quality ruleset")
        del self.rulesets[given["Name"]]
        return {}

    def list_rulesets(self, _given: dict[str, Any]) -> dict[str, Any]:
        return {
            "Rulesets": [
                {**{k: v for k, v in kept.items() if k != "Ruleset"}, "RuleCount": 1}
                for kept in self.rulesets.values()
            ]
        }

    # --- runs --------------------------------------------------------------------------------

    def start_evaluation(self, given: dict[str, Any]) -> dict[str, Any]:
        for name in given["RulesetNames"]:
            _there(self.rulesets, name, "Data quality ruleset")
        return self._start(self.evaluations, "dqrun", given, self._evaluate)

    def get_evaluation(self, given: dict[str, Any]) -> dict[str, Any]:
        return _there(self.evaluations, given["RunId"], "Run").look()

    def cancel_evaluation(self, given: dict[str, Any]) -> dict[str, Any]:
        _there(self.evaluations, given["RunId"], "Run").status = "STOPPED"
        return {}

    def start_recommendation(self, given: dict[str, Any]) -> dict[str, Any]:
        return self._start(self.recommendations, "dqrec", given, self._recommend)

    def get_recommendation(self, given: dict[str, Any]) -> dict[str, Any]:
        return _there(self.recommendations, given["RunId"], "Run").look()

    def _start(
        self,
        jobs: dict[str, Job],
        prefix: str,
        given: dict[str, Any],
        work: Callable[[Job], dict[str, Any]],
    ) -> dict[str, Any]:
        if given["Role"].rpartition("/")[2] not in self.roles:
            raise Refusal(
                "InvalidInputException",
                f"Role {given['Role']} should be given assume role permissions for Glue Service.",
            )
        if given.get("NumberOfWorkers", _FEWEST_WORKERS) < _FEWEST_WORKERS:
            raise Refusal("InvalidInputException", "NumberOfWorkers must be 2 or more")
        run_id = f"{prefix}-{len(jobs) + 1:08x}"
        jobs[run_id] = Job(run_id, given, work, _now())
        return {"RunId": run_id}

    def get_result(self, given: dict[str, Any]) -> dict[str, Any]:
        return _there(self.results, given["ResultId"], "Result")

    def batch_get_result(self, given: dict[str, Any]) -> dict[str, Any]:
        wanted = given["ResultIds"]
        return {
            "Results": [self.results[one] for one in wanted if one in self.results],
            "ResultsNotFound": [one for one in wanted if one not in self.results],
        }

    # --- what Spark would do -----------------------------------------------------------------

    def _evaluate(self, job: Job) -> dict[str, Any]:
        made = []
        with self._rows(job) as source:
            for name in job.request["RulesetNames"]:
                text = self.rulesets[name]["Ruleset"]
                for found in lint(quality.parse(text), text, ("catalog",)):
                    if found.refused:
                        raise Refusal("FAILED", found.message)
                result_id = f"dqresult-{len(self.results) + 1:08x}"
                self.results[result_id] = _result(quality.check(text, source)) | {
                    "ResultId": result_id,
                    "RulesetName": name,
                    "RulesetEvaluationRunId": job.run_id,
                    "DataSource": job.request["DataSource"],
                    "StartedOn": job.started,
                    "CompletedOn": _now(),
                }
                made.append(result_id)
        return {"ResultIds": made, "CompletedOn": _now(), "ExecutionTime": 1}

    def _recommend(self, job: Job) -> dict[str, Any]:
        with self._rows(job) as source:
            rules = quality.render(quality.suggest(quality.profile(source)))
        return {"RecommendedRuleset": rules, "CompletedOn": _now(), "ExecutionTime": 1}

    @contextmanager
    def _rows(self, job: Job) -> Iterator[quality.Source]:
        if self.failing:
            raise Refusal("FAILED", self.failing.pop(0))
        named = job.request["DataSource"]["GlueTable"]
        table = self.tables.get((named["DatabaseName"], named["TableName"].lower()))
        if table is None:
            raise Refusal("FAILED", f"Table {named['TableName']} not found.")
        storage = table["StorageDescriptor"]
        place = urlsplit(storage["Location"])
        prefix = place.path.lstrip("/")
        listed = self.s3.list_objects_v2(Bucket=place.netloc, Prefix=prefix).get("Contents", [])
        if len(listed) != 1:
            raise Refusal("FAILED", f"{len(listed)} files in {storage['Location']}; 1 is served")
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "data.parquet"
            self.s3.download_file(place.netloc, listed[0]["Key"], str(path))
            source = quality.open_source(path)
            told = {column["Name"].lower() for column in storage["Columns"]}
            if told != {column.name.lower() for column in source.columns}:
                raise Refusal("FAILED", f"The table says {sorted(told)}, and the file does not")
            yield source


def _result(report: quality.QualityReport) -> dict[str, Any]:
    shape: dict[str, Any] = report.to_dict()
    kept = ("Name", "Description", "Result", "EvaluationMessage", "EvaluatedMetrics")
    rules = [{key: rule[key] for key in kept if rule[key]} for rule in shape["RuleResults"]]
    return {"Score": shape["Score"], "RuleResults": rules}


def _valid(text: str) -> None:
    if not 1 <= len(text) <= _LONGEST:
        raise Refusal("InvalidInputException", "Ruleset has between 1 and 65536 characters")
    try:
        quality.parse(text)
    except quality.DqdlErrors as error:
        raise Refusal("InvalidInputException", f"Ruleset is not valid DQDL: {error}") from error


def _signed(authorization: str) -> None:
    if not authorization.startswith("AWS4-HMAC-SHA256 "):
        raise Refusal("MissingAuthenticationTokenException", "Not signed", 403)


def _new(kept: dict[Any, Any], key: object, what: str) -> None:
    if key in kept:
        raise Refusal("AlreadyExistsException", f"{what} {key} already exists")


def _there(kept: dict[Any, Any], key: object, what: str) -> Any:
    if key not in kept:
        raise Refusal("EntityNotFoundException", f"{what} {key} not found.")
    return kept[key]


def _now() -> float:
    return datetime.now(UTC).timestamp()


_OPERATIONS: dict[str, Callable[[FakeGlue, dict[str, Any]], dict[str, Any]]] = {
    "CreateDatabase": FakeGlue.create_database,
    "GetDatabase": FakeGlue.get_database,
    "CreateTable": FakeGlue.create_table,
    "UpdateTable": FakeGlue.update_table,
    "GetTable": FakeGlue.get_table,
    "CreateDataQualityRuleset": FakeGlue.create_ruleset,
    "UpdateDataQualityRuleset": FakeGlue.update_ruleset,
    "GetDataQualityRuleset": FakeGlue.get_ruleset,
    "DeleteDataQualityRuleset": FakeGlue.delete_ruleset,
    "ListDataQualityRulesets": FakeGlue.list_rulesets,
    "StartDataQualityRulesetEvaluationRun": FakeGlue.start_evaluation,
    "GetDataQualityRulesetEvaluationRun": FakeGlue.get_evaluation,
    "CancelDataQualityRulesetEvaluationRun": FakeGlue.cancel_evaluation,
    "StartDataQualityRuleRecommendationRun": FakeGlue.start_recommendation,
    "GetDataQualityRuleRecommendationRun": FakeGlue.get_recommendation,
    "GetDataQualityResult": FakeGlue.get_result,
    "BatchGetDataQualityResult": FakeGlue.batch_get_result,
}


def _handler(glue: FakeGlue) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            try:
                _signed(self.headers.get("Authorization", ""))
                operation = self.headers.get("X-Amz-Target", "").removeprefix(_TARGET)
                self._say(200, glue.answer(operation, json.loads(body or b"{}")))
            except Refusal as refusal:
                self._say(refusal.status, {"__type": refusal.kind, "Message": str(refusal)})

        def _say(self, status: int, answer: dict[str, Any]) -> None:
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Keep quiet."""

    return Handler
