"""Who is at work here, as releases and the history name it."""

from __future__ import annotations

import getpass
import socket


def creator() -> str:
    """This user and machine, as `user@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        user = "unknown"
    return f"{user}@{socket.gethostname()}"
