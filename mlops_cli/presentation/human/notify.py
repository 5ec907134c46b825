"""Test messages, and what became of them, as a person reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from .tables import clean, duration

if TYPE_CHECKING:
    from rich.console import Console

    from mlops_cli.checks.notify import NotificationTest, TriedMessage

_MARKS: Final = {"sent": ("✓", "green"), "shown": ("·", "dim")}


def render_notification_test(test: NotificationTest, console: Console) -> None:
    """A line for each message; the whole message where nothing was sent."""
    for message in test.messages:
        mark, style = _MARKS.get(message.outcome, ("✗", "bold red"))
        line = f"{message.to}  {message.occasion}  through `{message.connection}`"
        what = "" if message.outcome == "shown" else f": {_outcome(message)}"
        console.print(Text(mark, style), Text(clean(f"{line}{what}")))
        if message.outcome == "shown":
            for part in (message.subject, *message.text.splitlines()[1:]):
                console.print(Text(f"    {clean(part)}", "dim"), soft_wrap=True)
        elif message.outcome == "unknown":
            name = f"AIRFLOW_CONN_{message.connection.upper()}"
            console.print(
                Text(f"    Add it in Airflow's UI, Admin, Connections; or export `{name}` and "
                     "start Airflow again"),
                soft_wrap=True,
            )  # fmt: skip
    sent = sum(message.outcome == "sent" for message in test.messages)
    shown = all(message.outcome == "shown" for message in test.messages)
    total = f"{len(test.messages)} message" + ("" if len(test.messages) == 1 else "s")
    what = f"{total}, nothing was sent" if shown else f"{sent} of {total} sent"
    console.print(
        Text(clean(f"{test.project} in {test.environment}: {what} ({duration(test.seconds)})"))
    )


def _outcome(message: TriedMessage) -> str:
    said = {
        "sent": "sent",
        "unknown": f"there is no connection `{message.connection}`",
        "denied": "we are not allowed to",
        "unreachable": "nobody answers",
    }.get(message.outcome, "failed")
    tail = f" ({message.reason})" if message.reason and message.outcome != "unknown" else ""
    return said + tail
