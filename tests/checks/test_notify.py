"""`mlops notify test`: Airflow's interpreter sends, real servers on this machine receive."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from fakes import moto_server as moto
from fakes.receivers import HttpReceiver, Mailbox, http_receiver, mailbox

from mlops_cli.cli.app import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOPIC = f"arn:aws:sns:{moto.REGION}:{moto.ACCOUNT}:churn"
SEND = f"""\
  send:
  - {{to: slack-webhook, on: [gate_failed]}}
  - {{to: slack, on: [drift], channel: '#churn'}}
  - {{to: sns, on: [promoted, drift], topic: '{TOPIC}', region: {moto.REGION}}}
  - {{to: smtp, on: [run_failed], addresses: [ada@example.com], sender: churn@example.com}}
  - {{to: ses, on: [approval_waiting], addresses: [ada@b.test], sender: churn@example.com,
     region: {moto.REGION}}}
"""
STAGING = """
  staging:
    kind: airflow
    url: https://airflow.test
    auth: {kind: token, token: 'env:TOKEN'}
    store: {kind: folder, path: /srv/dags}
    paths: {python: /usr/bin/python3}
"""


@dataclass(frozen=True)
class Servers:
    """Where messages go."""

    http: HttpReceiver
    mail: Mailbox
    amazon: str

    def connections(self) -> dict[str, dict[str, Any]]:
        plain = {"disable_ssl": True, "disable_tls": True}
        webhook = {"schema": "http", "host": f"{self.http.url.removeprefix('http://')}/services"}
        return {
            "SLACK_DEFAULT": {"conn_type": "slackwebhook", **webhook, "password": "T0/B0/hidden"},
            "SLACK_API_DEFAULT": {
                "conn_type": "slack",
                "password": self.http.token,
                "extra": {"base_url": f"{self.http.url}/api/"},
            },
            "AWS_DEFAULT": {
                "conn_type": "aws",
                "login": "testing",
                "password": "testing",
                "extra": {"endpoint_url": self.amazon},
            },
            "SMTP_DEFAULT": {
                "conn_type": "smtp",
                "host": "127.0.0.1",
                "port": self.mail.port,
                "login": "churn",
                "password": "right-word",
                "extra": {**plain, "retry_limit": 1},
            },
        }


@pytest.fixture(scope="module")
def amazon() -> Iterator[str]:
    with moto.moto_server() as url:
        moto.client(url, "sns").create_topic(Name="churn")
        moto.client(url, "ses").verify_email_identity(EmailAddress="churn@example.com")
        yield url


@pytest.fixture
def servers(amazon: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Servers]:
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "data"))
    with http_receiver() as http, mailbox(password="right-word") as mail:
        made = Servers(http, mail, amazon)
        for name, connection in made.connections().items():
            monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(connection))
        yield made


@pytest.fixture
def told(project: Path) -> Path:
    manifest = project / "mlops.yaml"
    text = manifest.read_text()
    assert "  send: []\n" in text
    manifest.write_text(text.replace("  send: []\n", SEND, 1) + STAGING)
    return project


def notify(project: Path, capsys: Any, *arguments: str) -> tuple[int, Any, str]:
    code = main(["notify", "test", "--project", str(project), *arguments])
    shown = capsys.readouterr()
    if "--json" in arguments:
        return code, json.loads(shown.out), shown.err
    return code, shown.out, shown.err


@pytest.mark.real
@pytest.mark.timeout(300)
def test_a_message_arrives_by_each_way(told: Path, servers: Servers, capsys: Any) -> None:
    sns = moto.client(servers.amazon, "sns")
    sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=f"{servers.http.url}/sns")
    before = moto.client(servers.amazon, "ses").get_send_quota()["SentLast24Hours"]
    code, test, _ = notify(told, capsys, "--json")
    assert code == 0, test["messages"]
    assert [message["outcome"] for message in test["messages"]] == ["sent"] * 5

    (webhook,) = servers.http.to("/services/T0/B0/hidden")
    assert webhook.json["text"].splitlines()[0] == "iris: a test of the notification gate_failed"
    (called,) = servers.http.to("/api/chat.postMessage")
    assert called.json["channel"] == "#churn"
    assert "a test of the notification drift" in called.json["text"]
    published = servers.http.to("/sns")[-1].json
    assert published["TopicArn"] == TOPIC
    assert published["Subject"] == "iris: a test of the notification promoted"
    ((recipients, mail),) = servers.mail.mails
    assert recipients == ["ada@example.com"]
    assert (mail["From"], mail["Subject"]) == (
        "churn@example.com",
        "iris: a test of the notification run_failed",
    )
    body = mail.get_body(preferencelist=("html",))
    assert body is not None
    assert "<p>Environment: local</p>" in body.get_content()
    assert moto.client(servers.amazon, "ses").get_send_quota()["SentLast24Hours"] > before


@pytest.mark.real
@pytest.mark.timeout(300)
def test_each_failure_says_why(
    told: Path, servers: Servers, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_SLACK_DEFAULT")
    servers.http.token = "xoxb-another"
    servers.mail.password = "another"
    lost = servers.connections()["AWS_DEFAULT"]
    lost["extra"] = {
        "endpoint_url": "http://127.0.0.1:9",
        "config_kwargs": {"retries": {"max_attempts": 0}},
    }
    monkeypatch.setenv("AIRFLOW_CONN_AWS_DEFAULT", json.dumps(lost))

    code, out, _ = notify(told, capsys)
    assert code == 1, out
    assert "✗ slack-webhook  gate_failed  through `slack_default`: there is no connection" in out
    assert "`AIRFLOW_CONN_SLACK_DEFAULT`" in out
    assert "✗ slack  drift  through `slack_api_default`: we are not allowed to" in out
    assert "✗ sns  promoted  through `aws_default`: nobody answers" in out
    assert "✗ smtp  run_failed  through `smtp_default`: we are not allowed to" in out
    assert "iris in local: 0 of 5 messages sent" in out
    assert "right-word" not in out
    assert "xoxb" not in out

    assert notify(told, capsys, "--to", "slack")[0] == 4
    assert notify(told, capsys, "--to", "ses")[0] == 6


@pytest.mark.real
@pytest.mark.timeout(300)
def test_a_webhook_that_is_gone_has_failed(told: Path, servers: Servers, capsys: Any) -> None:
    servers.http.answer = (404, "no_service")
    code, test, _ = notify(told, capsys, "--to", "slack-webhook", "--json")
    assert code == 1
    (message,) = test["messages"]
    assert message["outcome"] == "failed"
    assert "no_service" in message["reason"]
    assert "hidden" not in json.dumps(test)


@pytest.mark.real
@pytest.mark.timeout(300)
def test_the_messages_of_any_environment_can_be_shown(
    told: Path, servers: Servers, capsys: Any
) -> None:
    code, out, _ = notify(told, capsys, "--env", "staging", "--occasion", "drift", "--dry-run")
    assert code == 0
    assert "· slack  drift" in out
    assert "· sns  drift" in out
    assert "    Environment: staging" in out
    assert "2 messages, nothing was sent" in out
    assert not servers.http.posted


def test_connections_of_another_airflow_are_not_here(told: Path, capsys: Any) -> None:
    code, _, err = notify(told, capsys, "--env", "staging")
    assert code == 2
    assert "mlops doctor --env staging" in err


def test_what_nobody_is_told_of_is_named(told: Path, project: Path, capsys: Any) -> None:
    code, _, err = notify(told, capsys, "--to", "smtp", "--occasion", "drift")
    assert code == 2
    assert "Nobody is told of `drift` by `smtp`" in err
    manifest = project / "mlops.yaml"
    manifest.write_text(manifest.read_text().replace(SEND, "  send: []\n"))
    code, _, err = notify(project, capsys)
    assert code == 3
    assert "`notifications.send` in `mlops.yaml` is empty" in err
