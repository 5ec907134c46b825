"""Sends test messages as a release would, and writes what came of each as JSON.

Run by path in Airflow's interpreter: `python send_messages.py REQUEST.json`. The release's own code
makes and sends them; connections are those this Airflow finds in its environment and database.
"""

from __future__ import annotations

import importlib
import json
import smtplib
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

if TYPE_CHECKING:
    from collections.abc import Iterator

# What Slack's API answers when it is the token that is wrong.
REFUSALS = {
    "access_denied", "account_inactive", "invalid_auth", "missing_scope", "no_permission",
    "not_allowed_token_type", "not_authed", "org_login_required", "token_expired", "token_revoked",
}  # fmt: skip
CREDENTIALS = {"NoCredentialsError", "PartialCredentialsError", "ProfileNotFound"}
CONNECTING = {"ConnectTimeoutError", "EndpointConnectionError", "ReadTimeoutError"}


def main(request: dict[str, Any]) -> None:
    """Send each message, or only make it."""
    sys.path.insert(0, request["root"])
    notifications = importlib.import_module(f"{request['package']}.platforms.notifications")
    answers = []
    for index, occasion in request["messages"]:
        one = notifications.TOLD.send[index]
        message = notifications.messages.sample(occasion)
        answer = {"subject": message.subject, "text": message.text, "outcome": "shown"}
        if request["send"]:
            answer |= attempt(notifications, one, message)
        answers.append(answer)
    Path(request["result"]).write_text(json.dumps(answers), encoding="utf-8")


def attempt(notifications: Any, one: Any, message: Any) -> dict[str, str]:  # noqa: ANN401 -- the release's own types
    """Send it; what became of it."""
    try:
        notifications.send(one, message)
    except Exception as error:  # noqa: BLE001 -- whatever a provider raises is the answer
        outcome, reason = explain(error)
        return {"outcome": outcome, "reason": masked(reason, one.connection_id)}
    return {"outcome": "sent", "reason": ""}


def explain(error: BaseException) -> tuple[str, str]:
    """The kind of failure, and what was said."""
    from airflow.sdk.exceptions import AirflowNotFoundException

    said = (str(error).strip().splitlines() or [""])[0]
    reason = f"{type(error).__name__}: {said}" if said else type(error).__name__
    for cause in chain(error):
        if isinstance(cause, AirflowNotFoundException):
            return "unknown", said
        if isinstance(cause, smtplib.SMTPAuthenticationError) or is_refusal(cause):
            return "denied", reason
        lost = (URLError, ConnectionError, TimeoutError, socket.gaierror)
        if type(cause).__name__ in CONNECTING or isinstance(cause, lost):
            return "unreachable", reason
    return "failed", reason


def is_refusal(error: BaseException) -> bool:
    """Slack or AWS has said that we may not."""
    if type(error).__name__ in CREDENTIALS:
        return True
    response = getattr(error, "response", None)
    said: dict[str, Any] = {}
    with suppress(TypeError, ValueError):
        said = dict(getattr(response, "data", None) or response or {})
    status = (said.get("ResponseMetadata") or {}).get("HTTPStatusCode")
    return said.get("error") in REFUSALS or status in (401, 403)


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error, and those it came from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def masked(reason: str, connection_id: str) -> str:
    """A reason without what the connection keeps secret."""
    from airflow.sdk import Connection

    with suppress(Exception):
        connection = Connection.get(connection_id)
        secrets = [connection.password, *connection.extra_dejson.values()]
        for secret in secrets:
            if isinstance(secret, str) and len(secret) >= 4:
                reason = reason.replace(secret, "***")
    return reason


if __name__ == "__main__":
    main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
