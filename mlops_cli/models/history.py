"""Which version served when, and why: read from the passport, which is checked first."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import ProjectError, UsageError
from mlops_cli.core.exits import Exit
from mlops_cli.core.redact import printable
from mlops_cli.runtime import passport
from mlops_cli.runtime.champion import PROMOTED, RETURNED

from .naming import own_model
from .place import place_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_cli.project.model import Project

_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_KNOWN: Final = frozenset({"at", "event", "version", "run", "environment", "release", "previous"})


@dataclass(frozen=True, slots=True)
class Service:
    """A time during which one version served."""

    version: int
    since: datetime
    until: datetime | None
    """None: it still does."""
    event: str
    """`promoted`, or `rolled_back` to it."""
    by: str | None
    reason: str | None
    run: str | None
    """The pipeline run that promoted it."""
    release: str | None
    commit: str | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the passport."""

    number: int
    at: datetime
    event: str
    version: int | None
    run: str | None
    release: str | None
    facts: Mapping[str, Any]
    """All that was written down besides."""


@dataclass(frozen=True, slots=True)
class ModelHistory:
    """What the passport says of a model."""

    model: str
    environment: str
    passport: str
    at: str | None
    """The moment or the day that was asked for."""
    services: tuple[Service, ...]
    """When which version served, the newest first; with `at`, only what served then."""
    entries: tuple[Entry, ...]
    """All of them, or those of the version that was asked for; the oldest first."""
    broken: int | None
    """The number, from 1, of the first entry that does not follow the one before it."""

    @property
    def exit_code(self) -> Exit:
        """A passport that was tampered with is no evidence."""
        return Exit.DONE if self.broken is None else Exit.NO


def history(
    project: Project,
    name: str | None,
    environment: str,
    *,
    version: int | None,
    at: str | None,
) -> ModelHistory:
    """What happened to a model's versions, and which of them served.

    Args:
        project: Whose model.
        name: The model; by default the project's.
        environment: Where it serves.
        version: Only the entries of this version, and all of them.
        at: A day or a moment: only what served then.

    Raises:
        ProjectError: There is no passport yet, or it is not on this machine.
        UsageError: The moment is none, there is no such version, or the model is another's.
    """
    model = own_model(project.within(environment), name)
    path = place_of(project, environment).passport
    lines = passport.read(path)
    if not lines:
        raise ProjectError(
            f"Could not tell the history of `{model}`: nothing is written down in `{environment}`",
            hint=f"Train it: `mlops trigger training --env {environment}`",
        )
    broken = passport.broken_at(lines)
    entries = [_entry(number, line) for number, line in enumerate(lines, 1)]
    services = serving(entries)
    if at is not None:
        begin, end = _range(at)
        services = [
            one for one in services if one.since < end and (one.until is None or one.until > begin)
        ]
    if version is not None and not any(entry.version == version for entry in entries):
        known = sorted({entry.version for entry in entries if entry.version is not None})
        raise UsageError(
            f"There is nothing about version {version} in the passport of `{model}`",
            hint=f"Its versions: {', '.join(map(str, known)) or 'none'}",
        )
    shown = [entry for entry in entries if version in (None, entry.version)]
    return ModelHistory(
        model=model,
        environment=environment,
        passport=str(path),
        at=at,
        services=tuple(services[::-1]),
        entries=tuple(shown) if at is None or version is not None else (),
        broken=None if broken is None else broken + 1,
    )


def serving(entries: Sequence[Entry]) -> list[Service]:
    """When which version served, the oldest first."""
    changes = [
        entry
        for entry in entries
        if entry.event in (PROMOTED, RETURNED) and entry.version is not None
    ]
    ends: list[datetime | None] = [*(entry.at for entry in changes[1:]), None]
    return [
        Service(
            version=entry.version or 0,
            since=entry.at,
            until=end,
            event=entry.event,
            by=entry.facts.get("by"),
            reason=entry.facts.get("reason") or _approval(entries, entry),
            run=entry.run,
            release=entry.release,
            commit=entry.facts.get("commit"),
        )
        for entry, end in zip(changes, ends, strict=True)
    ]


def _approval(entries: Sequence[Entry], promoted: Entry) -> str | None:
    """Why the version that a pipeline promoted was approved."""
    reasons = [
        entry.facts.get("reason")
        for entry in entries[: promoted.number]
        if entry.event == "approved" and entry.version == promoted.version
    ]
    return reasons[-1] if reasons else None


def _entry(number: int, line: Mapping[str, Any]) -> Entry:
    version = str(line.get("version") or "")
    return Entry(
        number=number,
        at=_moment(str(line.get("at"))) or datetime.min.replace(tzinfo=UTC),
        event=str(line.get("event")),
        version=int(version) if version.isdecimal() else None,
        run=line.get("run"),
        release=line.get("release"),
        facts={key: value for key, value in line.items() if key not in _KNOWN},
    )


def _range(at: str) -> tuple[datetime, datetime]:
    """From when to when is meant: a day is all of it, in UTC; a moment is itself."""
    if _DAY.fullmatch(at):
        try:
            day = date.fromisoformat(at)
        except ValueError:
            pass
        else:
            begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
            return begin, begin + timedelta(days=1)
    elif (moment := _moment(at)) is not None:
        return moment, moment + timedelta(microseconds=1)
    raise UsageError(
        f"Could not use `--at {printable(at)}`: it is no day and no moment",
        hint="A day is `2026-09-01`, a moment `2026-09-01T14:30` (UTC)",
    )


def _moment(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
