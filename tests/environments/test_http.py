"""What can go wrong between us and an Airflow, and what becomes of it."""

from __future__ import annotations

import socket
import threading
import time
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from fakes.airflow_server import Dag, FakeAirflow, Frame

from mlops_cli.core.errors import (
    NotAllowedError,
    ProjectError,
    UnavailableError,
    UnfinishedError,
)
from mlops_cli.core.redact import Secret
from mlops_cli.environments.apis.http import HttpTransport
from mlops_cli.environments.apis.login import Password
from mlops_cli.environments.apis.rest import RestApi, connect
from mlops_cli.environments.apis.urls import checked_url
from mlops_cli.environments.port import pages

if TYPE_CHECKING:
    from collections.abc import Iterator


class QuickClock:
    """Counts the seconds that were slept without sleeping them."""

    def __init__(self) -> None:
        self.slept = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic() + self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds


@pytest.fixture
def fake() -> Iterator[FakeAirflow]:
    fake = FakeAirflow()
    fake.add(Dag("churn_training", tags={"release:r1"}))
    with fake.serving():
        yield fake


@pytest.fixture
def clock() -> QuickClock:
    return QuickClock()


@pytest.fixture
def api(fake: FakeAirflow, clock: QuickClock) -> Iterator[RestApi]:
    api = connect(fake.url, username="admin", password=Secret(fake.password), clock=clock)
    yield api
    api.close()


@pytest.mark.parametrize(
    "what",
    [{"status": 429}, {"status": 502}, {"status": 503}, {"status": 504}, {"reset": True}],
    ids=str,
)
def test_a_question_is_repeated_until_it_is_answered(
    fake: FakeAirflow, api: RestApi, clock: QuickClock, what: dict[str, object]
) -> None:
    fake.fail("GET /api/v2/dags", times=3, **what)
    assert [dag.dag_id for dag in api.dags()] == ["churn_training"]
    assert fake.asked("GET /api/v2/dags") == 4
    assert clock.slept > 0


def test_patience_ends(fake: FakeAirflow, api: RestApi, clock: QuickClock) -> None:
    fake.fail("GET /api/v2/dags", times=1000, status=503)
    with pytest.raises(UnavailableError, match="status 503: injected"):
        api.dags()
    assert 20 < clock.slept <= 30


def test_a_crash_of_the_server_may_pass_and_is_not_waited_for(
    fake: FakeAirflow, api: RestApi, clock: QuickClock
) -> None:
    fake.fail("GET /api/v2/dags", status=500, times=2)  # a database that was busy for a moment
    assert [dag.dag_id for dag in api.dags()] == ["churn_training"]
    fake.fail("GET /api/v2/dags", status=500, times=3)
    with pytest.raises(UnavailableError, match="status 500"):
        api.dags()
    assert fake.asked("GET /api/v2/dags") == 6
    assert clock.slept < 2


def test_a_token_that_ran_out_is_renewed_once(fake: FakeAirflow, api: RestApi) -> None:
    api.dags()
    fake.forget_tokens()
    assert len(api.dags()) == 1
    assert fake.asked("POST /auth/token") == 2


def test_a_server_that_refuses_every_token_is_not_asked_for_ever(
    fake: FakeAirflow, api: RestApi
) -> None:
    fake.fail("GET /api/v2/dags", status=401, times=100)
    with pytest.raises(NotAllowedError, match="refused `GET /api/v2/dags` for the user `admin`"):
        api.dags()
    assert fake.asked("GET /api/v2/dags") == 2


def test_a_missing_right_is_not_allowed(fake: FakeAirflow, api: RestApi) -> None:
    fake.fail("PATCH", status=403)
    with pytest.raises(NotAllowedError):
        api.set_paused("churn_training", paused=True)


def test_a_trigger_without_an_answer_is_unfinished_and_not_repeated(
    fake: FakeAirflow, api: RestApi
) -> None:
    fake.fail("POST .*/dagRuns", drop=True)
    with pytest.raises(UnfinishedError, match="POST /api/v2/dags/churn_training/dagRuns"):
        api.trigger("churn_training", "r1", {})
    assert fake.asked("POST .*/dagRuns") == 1
    assert api.run("churn_training", "r1") is not None


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_trigger_a_proxy_lost_is_unfinished(fake: FakeAirflow, api: RestApi, status: int) -> None:
    fake.fail("POST .*/dagRuns", status=status)
    with pytest.raises(UnfinishedError, match=f"status {status}"):
        api.trigger("churn_training", "r1", {})
    assert fake.asked("POST .*/dagRuns") == 1


def test_a_trigger_that_is_turned_away_changed_nothing(fake: FakeAirflow, api: RestApi) -> None:
    fake.fail("POST .*/dagRuns", status=429)
    with pytest.raises(UnavailableError) as caught:
        api.trigger("churn_training", "r1", {})
    assert caught.value.state == "Nothing was changed"


def test_a_trigger_with_an_old_token_is_sent_again(fake: FakeAirflow, api: RestApi) -> None:
    api.dags()
    fake.forget_tokens()
    assert api.trigger("churn_training", "r1", {}).run_id == "r1"


def test_a_login_that_fails_before_the_trigger_changed_nothing(
    fake: FakeAirflow, api: RestApi
) -> None:
    fake.fail("POST /auth/token", status=503, times=1000)
    with pytest.raises(UnavailableError):
        api.trigger("churn_training", "r1", {})
    assert fake.asked("POST .*/dagRuns") == 0


def test_redirects_are_not_followed_and_no_token_leaves(fake: FakeAirflow, api: RestApi) -> None:
    seen: list[str] = []
    with _elsewhere(seen) as url:
        fake.fail("GET /api/v2/dags", location=f"{url}/login")
        with pytest.raises(UnavailableError, match="which is not followed"):
            api.dags()
    assert seen == []


def test_a_page_that_is_not_json_is_not_an_airflow(fake: FakeAirflow, api: RestApi) -> None:
    fake.fail("GET /api/v2/version", text="<html>Welcome</html>")
    with pytest.raises(UnavailableError, match="does not answer in JSON"):
        api.version()


def test_another_programs_json_is_not_an_airflow(fake: FakeAirflow, api: RestApi) -> None:
    fake.fail("GET /api/v2/version", text='{"hello": 1}')
    with pytest.raises(UnavailableError, match="not Airflow 3"):
        api.version()


def test_nobody_there_is_unavailable(clock: QuickClock) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}"
        api = connect(url, username="admin", password=Secret("secret"), clock=clock)
        with pytest.raises(UnavailableError, match="Could not reach Airflow"):
            api.version()


def test_more_than_a_page_is_read_in_full(fake: FakeAirflow, api: RestApi) -> None:
    fake.page_limit = 7
    for number in range(30):
        fake.add(Dag(f"dag_{number:02}"))
    assert len(api.dags()) == 31


def test_words_airflow_adds_are_passed_on(fake: FakeAirflow, api: RestApi) -> None:
    dag = fake.dags["churn_training"]
    dag.plan = lambda conf: [Frame("pondering", {"step": "awaiting_input"})]
    api.trigger("churn_training", "r1", {})
    assert api.run("churn_training", "r1").state == "pondering"
    assert [task.state for task in api.tasks("churn_training", "r1")] == ["awaiting_input"]


def test_a_log_goes_on_where_it_stopped(fake: FakeAirflow, api: RestApi) -> None:
    one, two = {"event": "one"}, {"event": "two\r\nthree\x1b]0;title\x07"}
    fake.dags["churn_training"].plan = lambda conf: [
        Frame("running", {"step": "running"}, {"step": [one]}),
        Frame("success", {"step": "success"}, {"step": [one, two]}),
    ]
    api.trigger("churn_training", "r1", {})
    task = api.tasks("churn_training", "r1")[0]
    first = api.log("churn_training", "r1", task)
    assert (first.lines, first.token is None) == (("one",), False)
    api.run("churn_training", "r1")
    rest = list(pages(api, "churn_training", "r1", task))
    again = api.log("churn_training", "r1", task, token=first.token)
    assert again.lines == ("two", "three\\x1b]0;title\\x07")
    assert [line for page in rest for line in page.lines] == ["one", *again.lines]
    assert again.token is None


def test_the_password_goes_into_one_body_and_nowhere_else(fake: FakeAirflow, api: RestApi) -> None:
    api.dags()
    api.trigger("churn_training", "r1", {})
    told = [path for _, path, _ in fake.requests] + [
        str(body) for _, path, body in fake.requests if path != "/auth/token"
    ]
    assert not any(fake.password in text for text in told)


@pytest.mark.parametrize(
    "url",
    [
        "https://airflow.example.test",
        "https://airflow.example.test:8443/prefix/",
        "http://127.0.0.1:8080",
        "http://localhost:8080/",
        "http://[::1]:8080",
    ],
)
def test_urls_a_password_may_be_sent_to(url: str) -> None:
    assert checked_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://airflow.example.test", "in the clear"),
        ("http://10.0.0.1:8080", "in the clear"),
        ("ftp://airflow.example.test", "must start with"),
        ("file:///etc/passwd", "must start with"),
        ("airflow.example.test", "must start with"),
        ("https://", "must start with"),
        ("https://user:word@airflow.example.test", "must not hold a user"),
        ("https://airflow.example.test?next=x", "must not hold"),
        ("https://airflow.example.test#x", "must not hold"),
        ("https://169.254.169.254", "where clouds keep credentials"),
        ("http://[fe80::1]", "where clouds keep credentials"),
        ("https://airflow.example.test:99999", "Port out of range"),
        ("https://[::1", "Invalid"),
    ],
)
def test_urls_no_password_is_sent_to(url: str, reason: str) -> None:
    with pytest.raises(ProjectError, match=reason):
        checked_url(url)


def test_plain_http_to_another_machine_must_be_allowed(clock: QuickClock) -> None:
    url = "http://airflow.example.test"
    login = Password("a", lambda: Secret("word"))
    transport = HttpTransport(url, login=login, clock=clock, allow_plain_http=True)
    assert transport.url == url


class _elsewhere:  # noqa: N801 -- reads as a sentence in a `with`
    """Another server that notes who comes with a token."""

    def __init__(self, seen: list[str]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append(str(self.headers.get("Authorization")))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:1", "the proxy that `ALL_PROXY`"),
        ("HTTPS_PROXY", "nothing://127.0.0.1:1", "the proxy that `ALL_PROXY`"),
        ("SSL_CERT_FILE", "/nowhere/cert.pem", "certificates that `SSL_CERT_FILE`"),
    ],
)
def test_what_the_shell_says_wrongly_is_named(
    clock: QuickClock, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, named: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ProjectError, match=named):
        connect("https://airflow.example", username="ada", password=Secret("x"), clock=clock)
