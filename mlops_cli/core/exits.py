"""Exit codes: stable, documented in `mlops --help`, one meaning each."""

from enum import IntEnum


class Exit(IntEnum):
    """What a command's exit code says."""

    DONE = 0
    NO = 1
    """The answer is no: a check, test, gate or run failed."""
    USAGE = 2
    INVALID = 3
    """The project or its configuration is invalid."""
    NOT_ALLOWED = 4
    """Credentials, permission, wrong account, untrusted template, protected environment."""
    CONFLICT = 5
    """A lock, a stale plan, an existing target, an update conflict."""
    UNAVAILABLE = 6
    """A remote side is unavailable; nothing was changed."""
    UNFINISHED = 7
    """Unfinished or unknown: run the same command again."""
    BUG = 70
    HANGUP = 129
    INTERRUPTED = 130
    TERMINATED = 143
