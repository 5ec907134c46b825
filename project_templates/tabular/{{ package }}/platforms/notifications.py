"""Who is told of what: `notifications:` of `mlops.yaml`, by Airflow's own notifiers.

A message that cannot be sent is logged, and never fails the task it is about. Where nobody is told
of anything, nothing of it is imported and the DAGs are as if it were not there.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from datetime import timedelta
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseNotifier, Context

from .._mlops.runtime.notifications import Notification
from . import messages
from .local import run_of
from .messages import SETTINGS, Message

if TYPE_CHECKING:
    from airflow.sdk import DeadlineAlert

TOLD = SETTINGS.notifications
SECONDS = 10
AMAZON = ("sns", "ses")


class Teller(BaseNotifier):
    """Sends a message on each way that somebody asked to be told by.

    Args:
        read: Makes the message from the task's context; None when there is nothing to tell.
        once: Several tasks of one name (such as candidates side by side) are one message.
    """

    def __init__(self, read: Callable[[Context], Message | None], *, once: bool = False) -> None:
        """Take what makes the message."""
        super().__init__()
        self.read = read
        self.once = once

    def __call__(self, *args: Any) -> None:
        """Tell it; there is nothing to fill in, so Airflow's templates are left out."""
        self.notify(args[0])

    def notify(self, context: Context) -> None:
        """Make the message and send it; what goes wrong is logged."""
        try:
            message = self.read(context)
            if message is None or (self.once and not _first(context)):
                return
        except Exception:
            self.log.exception("Could not make the message")
            return
        for one in TOLD.send:
            if set(one.on) & set(message.occasions):
                self._send(one, message)

    def _send(self, one: Notification, message: Message) -> None:
        try:
            send(one, message)
        except Exception:
            self.log.exception("Could not tell %s through %s", one.to, one.connection_id)
        else:
            self.log.info("Told %s through %s: %s", one.to, one.connection_id, message.headline)


def callbacks() -> dict[str, Any]:
    """For a DAG's `default_args`: who is told how its tasks end. Empty when nobody is."""
    asked = {occasion for one in TOLD.send for occasion in one.on}
    found: dict[str, Any] = {}
    if asked & {"gate_failed", "run_failed"}:
        found["on_failure_callback"] = Teller(messages.failed, once=True)
    if asked & {"promoted", "drift"}:
        found["on_success_callback"] = Teller(messages.succeeded)
    return found


def told(occasion: str) -> list[BaseNotifier]:
    """For a task that waits for a person (`approval_waiting`): its notifiers, if there are any."""
    return [Teller(messages.waits)] if TOLD.told_of(occasion) else []


def deadlines(pipeline: str) -> list[DeadlineAlert] | None:
    """For a DAG's `deadline`: who is told when a run of it does not end in time."""
    minutes = TOLD.deadline_minutes.get(pipeline)
    if minutes is None:
        return None
    from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference, SyncCallback

    message = messages.late(pipeline, minutes)
    alerts = []
    for one in TOLD.told_of("deadline_missed"):
        # In the triggerer, where every connection may be read. The executor lets a callback have
        # only those of environment variables and secrets backends, but needs no aiobotocore.
        run = AsyncCallback if one.to not in AMAZON or find_spec("aiobotocore") else SyncCallback
        alerts.append(
            DeadlineAlert(
                reference=DeadlineReference.DAGRUN_QUEUED_AT,
                interval=timedelta(minutes=minutes),
                callback=run(*recipe(one, message)),
            )
        )
    return alerts


def send(one: Notification, message: Message) -> None:
    """Send a message by one way, or raise what its provider raises."""
    path, arguments = recipe(one, message)
    module, _, name = path.rpartition(".")
    notifier: BaseNotifier = getattr(importlib.import_module(module), name)(**arguments)
    notifier.notify({})


def recipe(one: Notification, message: Message) -> tuple[str, dict[str, Any]]:
    """Airflow's notifier for it, and what that is made with."""
    providers = "airflow.providers"
    if one.to in ("slack-webhook", "slack"):
        # What has a meaning in Slack's text, and so could ring everybody's phone.
        text = message.text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        slack: dict[str, Any] = {"text": text, "timeout": SECONDS, "unfurl_links": False}
        if one.to == "slack":
            slack |= {"slack_conn_id": one.connection_id, "channel": one.channel}
            return f"{providers}.slack.notifications.slack.SlackNotifier", slack
        slack["slack_webhook_conn_id"] = one.connection_id
        return f"{providers}.slack.notifications.slack_webhook.SlackWebhookNotifier", slack
    if one.to == "sns":
        return f"{providers}.amazon.aws.notifications.sns.SnsNotifier", {
            "target_arn": one.topic,
            "subject": message.subject,
            "message": message.text,
            "aws_conn_id": one.connection_id,
            "region_name": one.region,
        }
    mail: dict[str, Any] = {"to": one.addresses, "subject": message.subject}
    mail["html_content"] = message.html
    if one.to == "ses":
        mail |= {"mail_from": one.sender, "aws_conn_id": one.connection_id}
        mail |= {"region_name": one.region}
        return f"{providers}.amazon.aws.notifications.ses.SesNotifier", mail
    mail |= {"from_email": one.sender, "smtp_conn_id": one.connection_id}
    return f"{providers}.smtp.notifications.smtp.SmtpNotifier", mail


def _first(context: Context) -> bool:
    """No other task of this name has failed in this try of the run."""
    ti = context["ti"]
    try:
        run_of(context).path(f"told/{ti.task_id}-{ti.try_number}").touch(exist_ok=False)
    except FileExistsError:
        return False
    except (OSError, ValueError):  # the run's folder is not on this machine
        return True
    return True
