"""Collects what is known of a model in an environment: registry, journals, passport, releases."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import MlopsError, ProjectError
from mlops_cli.environments import record
from mlops_cli.environments.open import open_environment
from mlops_cli.environments.release.build import paths_of
from mlops_cli.models.history import history
from mlops_cli.models.place import place_of
from mlops_cli.models.registry import show_model
from mlops_cli.project.loader import environment as environment_of
from mlops_cli.runtime import journal, passport
from mlops_cli.runtime.steps import local_path

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from mlops_cli.core.clock import Clock
    from mlops_cli.core.progress import Progress
    from mlops_cli.environments.record import Entry, Live
    from mlops_cli.models.history import ModelHistory
    from mlops_cli.models.place import Place
    from mlops_cli.models.registry import ModelVersions
    from mlops_cli.project.model import Project

Json = dict[str, Any]
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.-]")
_MOST_RELEASES: Final = 50


@dataclass(frozen=True, slots=True)
class Material:
    """What is known of a model."""

    project: Project
    """Within the environment."""
    environment: str
    now: datetime
    registry: str
    kept: str
    """Folder or URI of what outlives a run."""
    model: ModelVersions | None = None
    history: ModelHistory | None = None
    """What the passport says; None as long as there is none."""
    windows: Sequence[Json] = ()
    """The newest measurement of each, the earliest day first."""
    decisions: Sequence[Json] = ()
    quarantine: Sequence[Json] = ()
    published: Sequence[Json] = ()
    """The newest publication of each partition, the earliest day first."""
    ageing: Json | None = None
    drawing: bytes | None = None
    """The chart of ageing, as SVG."""
    pages: Mapping[str, Path] = field(default_factory=dict)
    """Run to its own report."""
    live: Live | None = None
    releases: Sequence[Entry] = ()
    """What was deployed and rolled back, the oldest first."""
    notes: Sequence[str] = ()
    """What could not be read, and why."""


def gather(project: Project, environment: str, *, progress: Progress, clock: Clock) -> Material:
    """Read everything the report shows; nothing is changed.

    What lies out of reach is said in `notes`; only a registry that does not answer is an error.

    Raises:
        UsageError: The project has no such environment.
        UnavailableError: The registry could not be read.
    """
    spec = environment_of(project, environment)
    place = place_of(project, environment)
    inside = project.within(environment)
    notes: list[str] = []
    known = _kept(project, place, notes)
    runs = paths_of(inside, spec).runs
    live, releases = _releases(inside, environment, notes, progress=progress, clock=clock)
    return Material(
        project=inside,
        environment=environment,
        now=clock.now(),
        registry=place.tracking_uri,
        kept=place.kept,
        model=_model(project, place, notes, progress=progress),
        pages=_pages(runs, place),
        live=live,
        releases=releases,
        notes=notes,
        **known,
    )


def _model(
    project: Project, place: Place, notes: list[str], *, progress: Progress
) -> ModelVersions | None:
    if place.is_empty:
        return None
    name, environment = None, place.environment
    try:
        return show_model(
            project, name, environment, version=None, progress=progress, evaluations=True
        )
    except ProjectError as error:
        notes.append(f"{error.message}. {error.hint or ''}")
        return None


def _kept(project: Project, place: Place, notes: list[str]) -> Json:
    try:
        names = ("windows", "decisions", "quarantine", "predictions")
        files = {name: place.file(f"{name}.jsonl") for name in names}
        drawing, simulated = place.file("ageing.svg"), place.file("ageing.json")
        told = None
        if passport.read(place.passport):
            told = history(project, None, place.environment, version=None, at=None)
    except ProjectError as error:
        notes.append(f"{error.message}. {error.hint}")
        return {}
    found = {name: journal.entries(path) for name, path in files.items()}
    return {
        "history": told,
        "windows": newest(found["windows"], "partition", "version"),
        "decisions": found["decisions"],
        "quarantine": found["quarantine"],
        "published": newest(found["predictions"], "partition"),
        "ageing": json.loads(simulated.read_text("utf-8")) if simulated.is_file() else None,
        "drawing": drawing.read_bytes() if drawing.is_file() else None,
    }


def newest(entries: Sequence[Json], *keys: str) -> list[Json]:
    """The last entry of those that agree in these keys; in order of their days, else of time."""
    last = {tuple(str(entry.get(key)) for key in keys): entry for entry in entries}
    return sorted(last.values(), key=lambda entry: (moment(entry), str(entry.get("at"))))


def moment(entry: Json) -> str:
    """The day of a partition; of one that is not named after a day, when it was published."""
    partition = str(entry.get("partition"))
    written = entry.get("published") or entry.get("at")
    return partition if _DAY.fullmatch(partition) else str(written)


def safe(run: str) -> str:
    """A run's id as the pipelines name its folder."""
    return _UNSAFE.sub("_", run)


def _pages(runs: str, place: Place) -> Mapping[str, Path]:
    """The reports of training and of monitoring runs that are on this machine."""
    found: dict[str, Path] = {}
    for folder in (runs, f"{place.kept.rstrip('/')}/reports"):
        try:
            pages = sorted(local_path(folder).glob("*/report.html"))
        except ValueError:
            continue
        found |= {page.parent.name: page for page in pages}
    return found


def _releases(
    project: Project, environment: str, notes: list[str], *, progress: Progress, clock: Clock
) -> tuple[Live | None, Sequence[Entry]]:
    try:
        opened = open_environment(project, environment, start=False, progress=progress, clock=clock)
        live = record.live(opened.store, project.name)
        return live, record.history(opened.store, last=_MOST_RELEASES)
    except MlopsError as error:
        notes.append(f"The releases could not be read: {error.message}")
        return None, ()
