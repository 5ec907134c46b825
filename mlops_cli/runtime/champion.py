"""Who is champion: one alias of the registry, moved under a lock and written into the passport.

The pipelines and the command line move it by the same code. The alias goes from version to version
in one write, so that there is a champion at every moment.
"""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol

from . import passport

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

ALIAS: Final = "champion"
SERVING: Final = "Complete"
"""The state `deploy` of the champion."""
RETIRED: Final = "Retired"
"""Of one that was champion until another was promoted."""
ROLLED_BACK: Final = "Rolled Back"
"""Of one that was champion until it was rolled back."""
ARCHIVED: Final = "Archived"

PROMOTED: Final = "promoted"
RETURNED: Final = "rolled_back"

_LOCK: Final = "champion.lock"


class Registry(Protocol):
    """The part of MLflow's client that is used here."""

    def get_registered_model(self, name: str) -> Any:  # noqa: ANN401 -- MLflow's own type
        """A model, with `aliases`."""

    def set_registered_model_alias(self, name: str, alias: str, version: str) -> None:
        """Have an alias name a version, and no other."""

    def set_model_version_tag(self, name: str, version: str, key: str, value: Any) -> None:  # noqa: ANN401
        """Write a tag of a version."""


def current(registry: Registry, name: str) -> str | None:
    """The version in service; None before the first promotion."""
    found = registry.get_registered_model(name).aliases.get(ALIAS)
    return None if found is None else str(found)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep everybody else from changing the champion whose passport this is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / _LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def put(
    registry: Registry, name: str, version: str, *, path: Path, facts: Mapping[str, Any]
) -> str | None:
    """Make a version the champion, to be called while it is `held`.

    What was begun and not finished is finished; what is done already is not done again.

    Args:
        registry: Where the alias is.
        name: The model.
        version: The version that is to serve.
        path: The passport.
        facts: The entry for it; `event` says whether it is promoted or returned to.

    Returns:
        The version that was in service before, if there was one.
    """
    serving = current(registry, name)
    last = _last(passport.read(path))
    if serving == version == last:
        registry.set_model_version_tag(name, version, "deploy", SERVING)
        return None
    previous = last if serving == version else serving
    left = ROLLED_BACK if facts["event"] == RETURNED else RETIRED
    if serving != version:
        registry.set_registered_model_alias(name, ALIAS, version)
    registry.set_model_version_tag(name, version, "deploy", SERVING)
    if previous is not None and previous != version:
        registry.set_model_version_tag(name, previous, "deploy", left)
    passport.add(path, {**facts, "version": version, "before": previous})
    return previous


def _last(entries: Sequence[Mapping[str, Any]]) -> str | None:
    line = lineage(entries)
    return line[-1] if line else None


def lineage(entries: Sequence[Mapping[str, Any]]) -> list[str]:
    """The versions a rollback goes through, the one in service last.

    A promotion adds one; a rollback takes away all that came after the version it went back to.
    """
    line: list[str] = []
    for entry in entries:
        version = str(entry.get("version"))
        if entry.get("event") == PROMOTED:
            line.append(version)
        elif entry.get("event") == RETURNED:
            while line and line[-1] != version:
                line.pop()
            line = line or [version]
    return line
