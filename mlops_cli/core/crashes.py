"""What is said when the child that read a data file crashed, or was killed."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

from .errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .forked import ChildDiedError

NO_MEMORY: Final = "Close other programs, or raise the limit of the container"

_HINTS: Final[Mapping[int, str]] = {
    signal.SIGKILL: f"The system ends a large process like this when memory runs out. {NO_MEMORY}",
    signal.SIGXFSZ: "A file grew larger than `ulimit -f` allows",
}
_DAMAGED: Final = (
    "The file may be damaged: write it again with the tool it comes from. Or memory was short"
)


def engine_died(data: str, died: ChildDiedError) -> ProjectError:
    """Say that the engine crashed, or was killed, while it was at a file."""
    return ProjectError(
        f"Could not read `{data}`: the engine died ({died.how}) on it",
        hint=_HINTS.get(died.signal or 0, _DAMAGED),
    )
