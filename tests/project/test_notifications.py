"""`notifications:` of `mlops.yaml`: what cannot be sent is refused, at its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from fakes.projects import write_project

from mlops_cli.core.redact import redact
from mlops_cli.environments.release.build import build
from mlops_cli.project.loader import examine, load
from mlops_cli.runtime import settings

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_cli.core.diagnostics import Diagnostic

TOPIC = "arn:aws:sns:eu-central-1:123456789012:churn"
ALL = f"""\
  send:
  - {{to: slack-webhook, on: [gate_failed, run_failed]}}
  - {{to: slack, on: [drift], channel: '#churn', connection: team_slack}}
  - {{to: sns, on: [promoted], topic: '{TOPIC}', region: eu-central-1}}
  - {{to: smtp, on: [approval_waiting], addresses: [ada@example.com]}}
  - {{to: ses, on: [deadline_missed], addresses: [a@b.test], sender: c@d.test}}
  deadline_minutes: {{training: 90, monitoring: 0.5}}
"""


def with_notifications(folder: Path, text: str) -> Path:
    root = write_project(folder)
    manifest = root / "mlops.yaml"
    section = f"notifications:\n{text}environments:"
    manifest.write_text(manifest.read_text().replace("environments:", section))
    return root


def problems(folder: Path, entry: str) -> tuple[Diagnostic, ...]:
    return examine(with_notifications(folder, f"  send:\n  - {entry}\n"))[1]


def test_every_channel_can_be_named(tmp_path: Path) -> None:
    notifications = load(with_notifications(tmp_path, ALL)).notifications
    assert notifications.connections == [
        "slack_default",
        "team_slack",
        "aws_default",
        "smtp_default",
    ]
    assert [one.to for one in notifications.told_of("drift")] == ["slack"]
    assert notifications.deadline_minutes == {"training": 90, "monitoring": 0.5}


def test_a_release_has_them_as_the_project_does(tmp_path: Path) -> None:
    from mlops_cli.core.clock import SystemClock

    project = load(with_notifications(tmp_path, ALL))
    python = tmp_path / "python"
    release = build(project, "local", tmp_path / "releases", python=python, clock=SystemClock())
    assert settings.load(release.root).notifications == project.notifications


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{to: slack, on: [drift]}", "`to: slack` needs `channel`"),
        ("{to: sns, on: [drift]}", "`to: sns` needs `topic`"),
        ("{to: sns, on: [drift], topic: churn}", "`topic` is the ARN of a topic"),
        ("{to: smtp, on: [drift]}", "`to: smtp` needs `addresses`"),
        ("{to: smtp, on: [drift], addresses: [ada]}", "`addresses` are e-mail addresses"),
        ("{to: ses, on: [drift], addresses: [a@b]}", "`to: ses` needs `sender`"),
        ("{to: slack-webhook, on: [drift], channel: c}", "`channel` says nothing to"),
        ("{to: slack-webhook, on: []}", "names no occasion"),
        ("{to: slack-webhook, on: [drift, drift]}", "names `drift` twice"),
        ("{to: slack-webhook, on: [drift], connection: 'a b'}", "name of an Airflow connection"),
    ],
)
def test_what_cannot_be_sent_is_refused(tmp_path: Path, entry: str, said: str) -> None:
    (problem,) = problems(tmp_path, entry)
    assert said in problem.summary
    assert problem.at is not None
    assert (problem.at.line, problem.at.subject) == (13, "notifications.send.0")


def test_the_near_word_is_offered(tmp_path: Path) -> None:
    (occasion,) = problems(tmp_path / "a", "{to: slack-webhook, on: [gate_fail]}")
    assert occasion.hint == "Did you mean `gate_failed`?"
    (channel,) = problems(tmp_path / "b", "{to: smpt, on: [drift], addresses: [a@b]}")
    assert channel.hint == "Did you mean `smtp`?"


def test_all_that_is_wrong_with_one_is_said_at_once(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, "{to: ses, on: [], addresses: [a@b], topic: t}")
    for said in ("needs `sender`", "`topic` says nothing", "`topic` is the ARN", "no occasion"):
        assert said in problem.summary


def test_an_address_that_is_a_secret_is_refused_and_not_shown(tmp_path: Path) -> None:
    address = "https://hooks.slack.com/services/T000/B000/abcdefgh"
    entry = f"{{to: slack-webhook, on: [drift], connection: '{address}'}}"
    (problem,) = problems(tmp_path, entry)
    assert "abcdefgh" not in str(problem)
    assert redact(f"POST {address} failed") == "POST *** failed"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("  deadline_minutes: {training: 5}\n", "nobody is told"),
        ("  deadline_minutes: {trainin: 5}\n", "there is no pipeline `trainin`"),
        ("  deadline_minutes: {training: 0}\n", "more than 0 minutes"),
    ],
)
def test_a_deadline_nothing_would_come_of_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (problem,) = examine(with_notifications(tmp_path, text))[1]
    assert said in problem.summary
