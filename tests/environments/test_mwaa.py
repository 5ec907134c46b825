"""An Airflow in MWAA: what the service cannot carry, what can go wrong, and updating it."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from fakes.airflow_server import Dag, FakeAirflow, Frame
from fakes.moto_server import client, credentials, moto_server, new_bucket
from test_http import QuickClock

from mlops_cli.core.errors import (
    ConflictError,
    FailedError,
    NotAllowedError,
    ProjectError,
    UnavailableError,
    UnfinishedError,
)
from mlops_cli.core.progress import Silent
from mlops_cli.environments.apis.transport import PathTooLongError
from mlops_cli.environments.aws import Aws
from mlops_cli.environments.emulated import operations
from mlops_cli.environments.emulated.behind import Airflow, Environment
from mlops_cli.environments.emulated.service import MwaaServer
from mlops_cli.environments.emulated.task_logs import send_lines
from mlops_cli.environments.mwaa import (
    ObjectVersion,
    airflow_api,
    find,
    update,
    wait_for_update,
)
from mlops_cli.environments.port import PlaceLostError, pages
from mlops_cli.runs.trigger import start

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_cli.environments.apis.rest import RestApi

DAG = "churn_training"
RUN = "m-261122T214813-4f5a6b"
GROUP = "airflow-acme-Task"
REQUIREMENTS = ObjectVersion("requirements.txt", "v2")


@pytest.fixture
def fake() -> Iterator[FakeAirflow]:
    fake = FakeAirflow()
    fake.add(Dag(DAG, tags={"release:r1"}))
    with fake.serving():
        yield fake


@pytest.fixture
def server(fake: FakeAirflow, monkeypatch: pytest.MonkeyPatch) -> Iterator[MwaaServer]:
    server = MwaaServer()
    server.add("acme", Airflow(fake.url, "admin", fake.password), bucket="acme-dags")
    for name, value in credentials(server.url).items():
        monkeypatch.setenv(name, value)
    with server.serving():
        yield server


@pytest.fixture
def environment(server: MwaaServer) -> Environment:
    return server.environments["acme"]


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()


@pytest.fixture
def aws(clock: QuickClock) -> Aws:
    return Aws(clock=clock)


@pytest.fixture
def api(server: MwaaServer, aws: Aws, clock: QuickClock) -> Iterator[RestApi]:
    api = airflow_api(aws, find(aws, "acme"), clock=clock)
    yield api
    api.close()


@pytest.fixture
def private_api(environment: Environment, aws: Aws, clock: QuickClock) -> RestApi:
    """A web server that only answers inside its network."""
    environment.facts["WebserverAccessMode"] = "PRIVATE_ONLY"
    return airflow_api(aws, find(aws, "acme"), clock=clock)


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    with moto_server() as url:
        yield url


@pytest.fixture
def cloudwatch(moto: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", moto)
    logs = client(moto, "logs")
    yield logs
    for group in logs.describe_log_groups()["logGroups"]:
        logs.delete_log_group(logGroupName=group["logGroupName"])


# --- the way --------------------------------------------------------------------------------


def test_what_fits_goes_through_the_service_and_nothing_else(
    fake: FakeAirflow, server: MwaaServer, private_api: RestApi
) -> None:
    fake.dags[DAG].plan = lambda conf: [Frame("success", {"fit[1]": "success"})]
    private_api.trigger(DAG, RUN, {"rows": None})
    assert private_api.run(DAG, RUN).conf == {"rows": None}
    assert [task.map_index for task in private_api.tasks(DAG, RUN)] == [1]
    assert [run.run_id for run in private_api.runs(DAG, states=["success", "failed"])] == [RUN]
    assert max(len(call["Path"]) for name, call in server.calls if name == "InvokeRestApi") <= 64
    assert server.web_requests == []


def test_a_run_with_a_long_id_is_found_among_the_runs(
    fake: FakeAirflow, server: MwaaServer, private_api: RestApi
) -> None:
    long = "scheduled__2026-11-22T00:00:00.000000+00:00"
    private_api.trigger(DAG, long, {})
    private_api.trigger(DAG, long + "_1", {})
    assert private_api.run(DAG, long).run_id == long
    assert private_api.run(DAG, long + "_2") is None
    assert [task.task_id for task in private_api.tasks(DAG, long)] == []


def test_more_tasks_than_a_page_holds_are_all_listed(
    fake: FakeAirflow, private_api: RestApi
) -> None:
    fake.page_limit = 7
    states = {f"fit[{number}]": "success" for number in range(30)}
    fake.dags[DAG].plan = lambda conf: [Frame("success", states)]
    private_api.trigger(DAG, RUN, {})
    assert len(private_api.tasks(DAG, RUN)) == 30


def test_what_is_asked_is_seen_and_answered_only_through_the_web_server(
    fake: FakeAirflow, api: RestApi, private_api: RestApi
) -> None:
    private_api.trigger(DAG, RUN, {})
    asked = fake.ask(DAG, RUN, "approval", "churn version 3 waits for approval")
    (question,) = private_api.questions(DAG)
    assert (question.run_id, question.answered) == (RUN, None)
    with pytest.raises(PathTooLongError, match="at most 64 characters"):
        private_api.answer(question, "Approve", {})
    assert asked["response_received"] is False
    assert private_api.question_url(question).endswith(
        f"/dags/{DAG}/runs/{RUN}/tasks/approval/required_actions"
    )
    api.answer(question, "Approve", {})
    assert asked["chosen_options"] == ["Approve"]


def test_a_path_that_is_too_long_is_not_sent(server: MwaaServer, private_api: RestApi) -> None:
    before = len(server.calls)
    with pytest.raises(PathTooLongError, match="at most 64 characters, and this has 98") as caught:
        private_api.xcom(DAG, RUN, "prepare")
    assert caught.value.state == "Nothing was sent"
    assert len(server.calls) == before
    private_api.reparse("x" * 100)  # only makes it quicker


def test_the_service_itself_refuses_such_a_path(server: MwaaServer, aws: Aws) -> None:
    with pytest.raises(ProjectError, match="less than or equal to 64"):
        aws.call(
            "mwaa",
            "invoke_rest_api",
            what="ask",
            resource="*",
            Name="acme",
            Method="GET",
            Path="/" + "x" * 64,
        )


def test_what_is_too_long_goes_to_a_public_web_server(
    fake: FakeAirflow, server: MwaaServer, api: RestApi
) -> None:
    frame = Frame("success", {"fit": "success"}, {"fit": [{"event": "hello"}]}, {"fit": [1, 2]})
    fake.dags[DAG].plan = lambda conf: [frame]
    api.trigger(DAG, RUN, {})
    assert api.xcom(DAG, RUN, "fit") == [1, 2]
    task = api.tasks(DAG, RUN)[0]
    assert api.log(DAG, RUN, task).lines == ("hello",)
    assert server.asked("CreateWebLoginToken") == 1
    fake.forget_tokens()
    assert api.xcom(DAG, RUN, "fit") == [1, 2]
    assert server.asked("CreateWebLoginToken") == 2


def test_who_may_not_log_in_is_told_which_right_is_missing(
    server: MwaaServer, api: RestApi
) -> None:
    server.fail("CreateWebLoginToken", "AccessDeniedException")
    with pytest.raises(NotAllowedError, match="airflow:CreateWebLoginToken"):
        api.xcom(DAG, RUN, "fit")


# --- logs -----------------------------------------------------------------------------------


def said(cloudwatch: Any, *lines: str | dict[str, Any], task: str = "task_id=fit") -> None:
    name = f"dag_id={DAG}/run_id={RUN}/{task}/attempt=1.log"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    send_lines(cloudwatch, GROUP, name, texts)


def running(fake: FakeAirflow, api: RestApi, *, states: dict[str, str]) -> Any:
    fake.dags[DAG].plan = lambda conf: [Frame("running", states)]
    api.trigger(DAG, RUN, {})
    return api.tasks(DAG, RUN)[0]


def test_logs_come_from_cloudwatch_when_the_service_cannot_carry_them(
    fake: FakeAirflow, private_api: RestApi, cloudwatch: Any
) -> None:
    said(cloudwatch, {"event": "hello", "level": "info"}, "no \x07 JSON")
    task = running(fake, private_api, states={"fit": "success"})
    lines = [line for page in pages(private_api, DAG, RUN, task) for line in page.lines]
    assert [line.partition(" INFO ")[2] or line[20:] for line in lines] == [
        "hello",
        "no \\x07 JSON",
    ]


def test_a_log_in_cloudwatch_goes_on_where_it_stopped(
    fake: FakeAirflow, private_api: RestApi, cloudwatch: Any
) -> None:
    task = running(fake, private_api, states={"fit": "running"})
    assert private_api.log(DAG, RUN, task).lines == ()
    seen: list[str] = []
    token = None
    for count in (2, 0, 1, 3):
        if count:
            begin = len(seen)
            said(cloudwatch, *(f"line {begin + number}" for number in range(count)))
        while True:
            page = private_api.log(DAG, RUN, task, token=token)
            token = page.token
            assert token is not None
            if not page.lines:
                break
            seen += [line.partition(" line ")[2] for line in page.lines]
    assert seen == [str(number) for number in range(6)]


def test_mapped_tasks_and_ids_with_colons_have_streams_of_their_own(
    fake: FakeAirflow, private_api: RestApi, cloudwatch: Any
) -> None:
    said(cloudwatch, "the second", task="task_id=fit/map_index=1")
    task = running(fake, private_api, states={"fit[1]": "success"})
    assert private_api.log(DAG, RUN, task).lines[0].endswith("the second")


def test_after_a_web_server_that_is_not_there_logs_come_from_cloudwatch_at_once(
    fake: FakeAirflow,
    server: MwaaServer,
    environment: Environment,
    aws: Aws,
    clock: QuickClock,
    cloudwatch: Any,
) -> None:
    environment.facts["WebserverUrl"] = "127.0.0.1:9"  # nobody listens there
    api = airflow_api(aws, find(aws, "acme"), clock=clock)
    said(cloudwatch, "hello")
    task = running(fake, api, states={"fit": "success"})
    assert api.log(DAG, RUN, task).lines[0].endswith("hello")
    slept = clock.slept
    assert api.log(DAG, RUN, task).lines[0].endswith("hello")
    assert clock.slept == slept


def test_a_log_group_that_cannot_be_read_is_named(
    fake: FakeAirflow, private_api: RestApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", "http://127.0.0.1:9")
    task = running(fake, private_api, states={"fit": "success"})
    with pytest.raises(UnavailableError, match=r"read the log group `airflow-acme-Task`"):
        private_api.log(DAG, RUN, task)


# --- what goes wrong ------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_question_is_repeated_until_airflow_answers(
    fake: FakeAirflow, api: RestApi, clock: QuickClock, status: int
) -> None:
    fake.fail("GET /api/v2/dags", status=status, times=3)
    assert [dag.dag_id for dag in api.dags()] == [DAG]
    assert clock.slept > 0


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "ThrottlingException"},
        {"kind": "InternalServerException"},
        {"reset": True},
        {"drop": True},
    ],
    ids=str,
)
def test_a_question_is_repeated_until_the_service_answers(
    server: MwaaServer, api: RestApi, fault: dict[str, Any]
) -> None:
    server.fail("InvokeRestApi", times=2, **fault)
    assert [dag.dag_id for dag in api.dags()] == [DAG]


def test_patience_ends(fake: FakeAirflow, api: RestApi, clock: QuickClock) -> None:
    fake.fail("GET /api/v2/dags", status=503, times=1000)
    with pytest.raises(UnavailableError, match="status 503: injected"):
        api.dags()
    assert 20 < clock.slept <= 30


@pytest.mark.parametrize(
    "fault",
    [
        {"drop": True},
        {"kind": "InternalServerException"},
        {"kind": "ServiceUnavailableException"},
        {
            "kind": "RestApiServerException",
            "members": {"RestApiStatusCode": 504, "RestApiResponse": {"detail": "slow"}},
        },
    ],
    ids=str,
)
def test_a_trigger_without_an_answer_is_unfinished_and_not_repeated(
    fake: FakeAirflow, server: MwaaServer, api: RestApi, fault: dict[str, Any]
) -> None:
    server.fail("InvokeRestApi POST .*/dagRuns$", **fault)
    with pytest.raises(UnfinishedError, match="Could not finish `POST /dags/churn_training"):
        api.trigger(DAG, RUN, {})
    assert server.asked("InvokeRestApi POST .*/dagRuns$") == 1


def test_a_run_whose_answer_is_lost_is_found_and_not_started_twice(
    fake: FakeAirflow, server: MwaaServer, api: RestApi
) -> None:
    server.fail("InvokeRestApi POST .*/dagRuns$", drop=True)
    run = start(api, DAG, RUN, {"rows": 3}, progress=Silent())
    assert (run.run_id, list(fake.dags[DAG].runs)) == (RUN, [RUN])
    with pytest.raises(ConflictError):
        api.trigger(DAG, RUN, {})


def test_a_run_that_starts_slower_than_the_service_waits_is_found(
    fake: FakeAirflow, environment: Environment, api: RestApi
) -> None:
    assert api.dag(DAG) is not None
    environment.airflow.client.timeout = 0.3  # ten seconds, there
    fake.fail("POST .*/dagRuns$", delay_seconds=0.6)
    with pytest.raises(UnfinishedError, match="status 504: ReadTimeout"):
        api.trigger(DAG, RUN, {})
    time.sleep(0.6)
    assert start(api, DAG, RUN, {}, progress=Silent()).run_id == RUN
    assert list(fake.dags[DAG].runs) == [RUN]


@pytest.mark.parametrize("kind", ["ThrottlingException", "AccessDeniedException"])
def test_a_trigger_that_is_turned_away_changed_nothing(
    fake: FakeAirflow, server: MwaaServer, api: RestApi, kind: str
) -> None:
    server.fail("InvokeRestApi", kind)
    with pytest.raises((UnavailableError, NotAllowedError)):
        api.trigger(DAG, RUN, {})
    assert fake.dags[DAG].runs == {}


def test_nobody_at_the_endpoint_is_unavailable_and_nothing_was_sent(
    server: MwaaServer, clock: QuickClock, api: RestApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    other = airflow_api(
        Aws(clock=clock), find(Aws(clock=clock, endpoint=server.url), "acme"), clock=clock
    )
    with pytest.raises(UnavailableError, match="cannot be reached") as caught:
        other.trigger(DAG, RUN, {})
    assert caught.value.state == "Nothing was sent"


def test_a_missing_permission_is_named(server: MwaaServer, api: RestApi) -> None:
    server.fail("InvokeRestApi", "AccessDeniedException", times=5)
    with pytest.raises(NotAllowedError, match=r"airflow:InvokeRestApi.*role/acme"):
        api.dags()


def test_a_role_in_airflow_that_does_not_suffice_is_told_apart(
    fake: FakeAirflow, api: RestApi
) -> None:
    fake.fail("PATCH", status=403)
    with pytest.raises(NotAllowedError, match="refused `PATCH /dags/churn_training`") as caught:
        api.set_paused(DAG, paused=True)
    assert "role/acme/Op" in str(caught.value.hint)


def test_a_session_that_ran_out_says_how_to_log_in(server: MwaaServer, api: RestApi) -> None:
    server.fail("InvokeRestApi", "ExpiredTokenException", times=5)
    with pytest.raises(NotAllowedError, match="expired") as caught:
        api.dags()
    assert "aws sso login" in str(caught.value.hint)


def test_credentials_nobody_knows_are_not_allowed(server: MwaaServer, api: RestApi) -> None:
    server.credentials = {"another"}
    with pytest.raises(NotAllowedError, match="does not know these credentials"):
        api.dags()


@pytest.mark.parametrize("status", ["CREATING", "DELETING", "UNAVAILABLE", "PENDING"])
def test_an_environment_that_cannot_answer_says_what_it_is(
    environment: Environment, api: RestApi, status: str
) -> None:
    environment.status = status
    with pytest.raises(UnavailableError, match=f"the MWAA environment is {status}"):
        api.dags()


def test_another_name_than_the_environments_is_not_found(
    server: MwaaServer, aws: Aws, clock: QuickClock, api: RestApi
) -> None:
    with pytest.raises(ProjectError, match="Could not find the MWAA environment `acne`") as caught:
        find(aws, "acne")
    assert caught.value.hint == "There are `acme`"
    server.environments.clear()
    with pytest.raises(ProjectError, match="Could not find the MWAA environment `acme`"):
        api.dags()


def test_an_answer_too_large_for_the_service_is_none(
    fake: FakeAirflow, api: RestApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(operations, "ANSWER_BYTES", 100)
    with pytest.raises(UnavailableError, match="gave status 502"):
        api.dag(DAG)


FAULTS = (
    {"reset": True},
    {"drop": True},
    {"kind": "ThrottlingException"},
    {"kind": "InternalServerException"},
    {
        "kind": "RestApiServerException",
        "members": {"RestApiStatusCode": 502, "RestApiResponse": {}},
    },
)


@pytest.mark.parametrize("access", ["PUBLIC_ONLY", "PRIVATE_ONLY"])
def test_no_line_of_a_log_is_lost_or_doubled_whatever_happens_on_the_way(
    fake: FakeAirflow,
    server: MwaaServer,
    environment: Environment,
    aws: Aws,
    clock: QuickClock,
    cloudwatch: Any,
    access: str,
) -> None:
    lines = [f"line {number}" for number in range(60)]
    fake.dags[DAG].plan = lambda conf: [
        *(
            Frame("running", {"fit": "running"}, {"fit": [{"event": text} for text in lines[:n]]})
            for n in range(3, 60, 3)
        ),
        Frame("success", {"fit": "success"}, {"fit": [{"event": text} for text in lines]}),
    ]
    environment.facts["WebserverAccessMode"] = access
    api = airflow_api(aws, find(aws, "acme"), clock=clock)
    api.trigger(DAG, RUN, {})
    seen: list[str] = []
    token, sent = None, 0
    for look in range(40):
        server.fail("InvokeRestApi GET", **FAULTS[look % 5])
        state = api.run(DAG, RUN).state
        task = api.tasks(DAG, RUN)[0]
        said(cloudwatch, *lines[sent : sent + 3])
        sent += 3
        if access == "PUBLIC_ONLY":
            fake.fail(r"GET .*/logs/", **({"reset": True} if look % 2 else {"status": 502}))
        if look % 7 == 3:
            fake.forget_tokens()
        while True:
            try:
                page = api.log(DAG, RUN, task, token=token)
            except PlaceLostError:
                # The server that gave the token has forgotten it: from the start, once more.
                token, seen = None, []
                continue
            seen += [text[text.index("line") :] for text in page.lines]
            token = page.token or token
            if page.token is None or not page.lines:
                break
        if state == "success" and (access == "PUBLIC_ONLY" or sent >= 60):
            break
    assert seen == lines


def test_as_many_lost_replies_start_as_many_runs(
    fake: FakeAirflow, server: MwaaServer, api: RestApi
) -> None:
    server.fail("InvokeRestApi POST .*/dagRuns$", drop=True, times=20)
    for number in range(20):
        run = start(api, DAG, f"m-{number}", {"number": number}, progress=Silent())
        assert run.conf == {"number": number}
    assert len(fake.dags[DAG].runs) == 20


# --- the environment ------------------------------------------------------------------------


def test_an_environment_is_told_as_the_service_tells_it(aws: Aws, server: MwaaServer) -> None:
    found = find(aws, "acme")
    assert (found.status, found.is_ready, found.airflow_version) == ("AVAILABLE", True, "3.3.1")
    assert (found.bucket, found.dag_path, found.task_logs) == ("acme-dags", "dags", GROUP)
    assert (found.url, found.is_private, found.files) == (server.url, False, {})


def test_an_update_is_seen_to_its_end(aws: Aws, environment: Environment) -> None:
    environment.update_seconds = 0.2
    update(aws, "acme", {"requirements": REQUIREMENTS})
    assert find(aws, "acme").status == "UPDATING"
    done = _waited(aws)
    assert done.files == {"requirements": REQUIREMENTS}
    assert done.last_update.status == "SUCCESS"
    assert environment.facts["LastUpdate"]["WorkerReplacementStrategy"] == "GRACEFUL"


def test_an_update_that_fails_gives_the_reason(aws: Aws, environment: Environment) -> None:
    environment.failing = [("INCORRECT_CONFIGURATION", "Unable to install the requirements")]
    environment.update_seconds = 0
    update(aws, "acme", {"requirements": REQUIREMENTS})
    with pytest.raises(FailedError, match="INCORRECT_CONFIGURATION: Unable to install") as caught:
        _waited(aws)
    assert caught.value.state == "The environment is as it was before"
    assert find(aws, "acme").is_ready
    assert find(aws, "acme").files == {}


def test_an_environment_that_is_being_updated_takes_no_second_update(
    aws: Aws, environment: Environment
) -> None:
    environment.update_seconds = 60
    update(aws, "acme", {"requirements": REQUIREMENTS})
    with pytest.raises(UnavailableError, match="it is UPDATING"):
        update(aws, "acme", {"requirements": REQUIREMENTS})


def test_an_update_that_does_not_end_in_time_is_unfinished(
    aws: Aws, environment: Environment
) -> None:
    environment.update_seconds = 60
    update(aws, "acme", {"requirements": REQUIREMENTS})
    with pytest.raises(UnfinishedError, match="within 1 min") as caught:
        wait_for_update(
            aws,
            "acme",
            {"requirements": REQUIREMENTS},
            progress=Silent(),
            clock=QuickClock(),
            timeout_seconds=60,
        )
    assert caught.value.state == "It is UPDATING"


def test_a_lost_answer_to_an_update_is_unfinished_and_waiting_finds_it(
    aws: Aws, server: MwaaServer, environment: Environment
) -> None:
    environment.update_seconds = 0
    server.fail("UpdateEnvironment", drop=True)
    with pytest.raises(UnfinishedError):
        update(aws, "acme", {"requirements": REQUIREMENTS})
    assert _waited(aws).files == {"requirements": REQUIREMENTS}
    assert server.asked("UpdateEnvironment") == 1


def test_a_version_that_is_not_in_the_bucket_is_refused(
    aws: Aws, server: MwaaServer, moto: str
) -> None:
    s3 = server.s3 = client(moto)
    new_bucket(moto, "acme-dags")
    put = s3.put_object(Bucket="acme-dags", Key="requirements.txt", Body=b"x")
    with pytest.raises(ProjectError, match="Unable to access version nope"):
        update(aws, "acme", {"requirements": ObjectVersion("requirements.txt", "nope")})
    there = ObjectVersion("requirements.txt", put["VersionId"])
    update(aws, "acme", {"requirements": there})
    assert _waited(aws, requirements=there).files == {"requirements": there}


def _waited(aws: Aws, **files: ObjectVersion) -> Any:
    class Quick(QuickClock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            time.sleep(0.05)

    wanted = files or {"requirements": REQUIREMENTS}
    return wait_for_update(aws, "acme", wanted, progress=Silent(), clock=Quick())
