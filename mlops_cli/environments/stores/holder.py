"""Who holds a lock, as it is written into it."""

from __future__ import annotations

import getpass
import json
import os
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mlops_cli.core.errors import ConflictError
from mlops_cli.core.redact import printable
from mlops_cli.environments.port import Holder

if TYPE_CHECKING:
    from collections.abc import Mapping

_FIELDS = ("who", "host", "pid", "what")


def myself(what: str) -> dict[str, Any]:
    """This process, as a lock's content."""
    try:
        who = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        who = f"user {os.getuid()}"
    return {
        "who": who,
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "since": datetime.now(UTC).isoformat(),
        "what": what,
    }


def read(data: bytes | str) -> Mapping[str, Any]:
    """A lock's content; empty where it is none."""
    try:
        told = json.loads(data)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def holder(told: Mapping[str, Any]) -> Holder | None:
    """Who that is; None where the content does not say."""
    try:
        who, host, pid, what = (told[name] for name in _FIELDS)
        since = datetime.fromisoformat(told["since"])
        return Holder(printable(str(who)), printable(str(host)), int(pid), since, printable(what))
    except (ValueError, TypeError, KeyError):
        return None


def held(store: str, found: Holder | None, hint: str) -> ConflictError:
    """The error for a lock that somebody else holds."""
    told = "somebody else is at work in it"
    if found is not None:
        told = (
            f"{found.who} on {found.host} (process {found.pid}) has been at `{found.what}` "
            f"since {found.since:%Y-%m-%d %H:%M:%S} UTC"
        )
    return ConflictError(f"Could not lock {store}: {told}", hint=hint)
