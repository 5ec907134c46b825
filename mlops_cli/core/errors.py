"""The errors rooms raise; each kind is one exit code, and the boundary prints them all."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, ClassVar, Final

from .exits import Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .diagnostics import Diagnostic, Location


class MlopsError(Exception):
    """Something the user can act on: what failed, where, what is live now, what to type next.

    Args:
        message: One sentence, no full stop, literals in backticks.
        hint: A command or an edit built from the user's own values.
        at: The place in a file, when there is one.
        state: The state the world is in now, such as "the live release is still `r41`".
        diagnostics: Everything that is wrong, when more than one thing is.
    """

    exit_code: ClassVar[Exit] = Exit.NO

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        at: Location | None = None,
        state: str | None = None,
        diagnostics: Sequence[Diagnostic] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.at = at
        self.state = state
        self.diagnostics = tuple(diagnostics)


class FailedError(MlopsError):
    """The answer is no: a check, a test, a gate or a run failed."""

    exit_code = Exit.NO


class UsageError(MlopsError):
    """The command line asks for something that cannot be."""

    exit_code = Exit.USAGE


class ProjectError(MlopsError):
    """The project, its configuration or its data file is invalid."""

    exit_code = Exit.INVALID


class NotAllowedError(MlopsError):
    """Credentials, permissions, a wrong account or a protected environment stand in the way."""

    exit_code = Exit.NOT_ALLOWED


class ConflictError(MlopsError):
    """Somebody else holds it, changed it, or it exists already."""

    exit_code = Exit.CONFLICT


class UnavailableError(MlopsError):
    """The other side does not answer; nothing was changed."""

    exit_code = Exit.UNAVAILABLE


class UnfinishedError(MlopsError):
    """Unfinished or unknown: the same command, run again, finishes it."""

    exit_code = Exit.UNFINISHED


_FORBIDDEN: Final = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}
_FULL: Final = {errno.ENOSPC, errno.EDQUOT}


def from_os_error(error: OSError) -> MlopsError | None:
    """What the machine refused, as an error for the user; None when it may be a bug of ours.

    For what no room foresaw; where a room knows more (what is live now), it says so itself.
    """
    place = error.filename2 or error.filename
    what = f"`{place}`" if isinstance(place, str) else "a file"
    if error.errno in _FORBIDDEN:
        return NotAllowedError(
            f"Could not use {what}: {error.strerror}",
            hint="Choose folders that can be written: "
            "`MLOPS_DATA_DIR` for state, `MLOPS_CACHE_DIR` for what can be built again",
        )
    if error.errno in _FULL:
        return ProjectError(
            f"Could not write {what}: {error.strerror}",
            hint="Free some space, then run the same command again",
        )
    return None
