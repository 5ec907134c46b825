"""What the overview page says, worked out so that the template only writes it down."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mlops_cli.checks.quality.page.charts import shown

from .summary import Alert, Card, Missing, alerts, cards, counted, missing
from .versions import (
    DecisionView,
    VersionView,
    decisions_on_versions,
    metrics_of,
    service_spans,
    version_views,
)
from .windows import (
    ColumnRow,
    QuarantineRow,
    RetrainingRow,
    WindowRow,
    column_rows,
    drawn,
    drift_chart,
    performance_charts,
    quality_charts,
    quarantine_rows,
    retraining_rows,
    window_rows,
)

if TYPE_CHECKING:
    from .charts import Span, TimeChart
    from .gathering import Material

_MOST_ROWS: Final = 15
_MOST_DECISIONS: Final = 20


@dataclass(frozen=True, slots=True)
class ReleaseRow:
    """What was done with a release."""

    at: str
    action: str
    release: str
    by: str
    commit: str
    note: str
    live: bool


@dataclass(frozen=True, slots=True)
class AgeingView:
    """How models age."""

    picture: str
    """The chart as a data URI."""
    rows: tuple[tuple[str, str, str, str], ...]
    """Family, the age to train it again by, and how it does at the greatest age seen."""
    note: str


@dataclass(frozen=True, slots=True)
class View:
    """The whole page."""

    model: str
    description: str
    owner: str
    environment: str
    made: str
    registry: str
    kept: str
    cards: tuple[Card, ...]
    alerts: tuple[Alert, ...]
    metrics: tuple[str, ...]
    versions: tuple[VersionView, ...]
    services: tuple[Span, ...]
    decided: tuple[DecisionView, ...]
    drift: TimeChart | None
    columns: tuple[ColumnRow, ...]
    windows: tuple[WindowRow, ...]
    drawn: int
    performance: tuple[TimeChart, ...]
    quality: tuple[TimeChart, ...]
    retrainings: tuple[RetrainingRow, ...]
    quarantine: tuple[QuarantineRow, ...]
    ageing: AgeingView | None
    releases: tuple[ReleaseRow, ...]
    passport: str
    passport_tone: str
    missing: dict[str, Missing]
    notes: tuple[str, ...]


def view(material: Material) -> View:
    """Work out the page."""
    project, history = material.project, material.history
    drift, performance = drift_chart(material), performance_charts(material)
    quality, releases = quality_charts(material), release_rows(material)
    ageing = ageing_view(material)
    told, tone = _passport(material)
    there = {
        "releases": bool(releases),
        "versions": bool(material.model and material.model.versions),
        "champion": bool(history and history.services),
        "drift": drift is not None,
        "performance": bool(performance),
        "quality": bool(quality),
        "ageing": ageing is not None,
    }
    return View(
        model=shown(project.name),
        description=shown(project.description),
        owner=shown(project.owner),
        environment=shown(material.environment),
        made=f"{material.now:%Y-%m-%d %H:%M} UTC",
        registry=shown(material.registry),
        kept=shown(material.kept),
        cards=cards(material),
        alerts=alerts(material),
        metrics=metrics_of(material),
        versions=version_views(material),
        services=service_spans(material),
        decided=decisions_on_versions(material, _MOST_DECISIONS),
        drift=drift,
        columns=column_rows(material),
        windows=window_rows(material, _MOST_ROWS),
        drawn=len(drawn(material)),
        performance=performance,
        quality=quality,
        retrainings=retraining_rows(material, _MOST_ROWS),
        quarantine=quarantine_rows(material, _MOST_ROWS),
        ageing=ageing,
        releases=releases,
        passport=told,
        passport_tone=tone,
        missing={one.part: one for one in missing(material) if not there[one.part]},
        notes=tuple(shown(note) for note in material.notes),
    )


def ageing_view(material: Material) -> AgeingView | None:
    """The chart of ageing and its numbers."""
    found = material.ageing
    if found is None or material.drawing is None:
        return None
    rows = []
    for family, points in found["families"].items():
        by = found["retrain_by"].get(family)
        accurate = error = ""
        if points:
            last = points[-1]
            accurate = f"{last['probability']:.0%} at age {last['age_days']}"
            error = f"{last['median']:.1f} times ({last['q25']:.1f} to {last['q75']:.1f})"
        again = "not seen" if by is None else f"{by} {found['unit']}"
        rows.append((shown(family), again, accurate, error))
    picture = base64.b64encode(material.drawing).decode()
    note = (
        f"{found['simulations']} trainings of each family at random days, each on "
        f"{found['window']} partitions; a model is accurate while its error ({found['metric']}) is "
        f"at most {found['tolerance']:g} times that of its first day. The error is the "
        "median of the simulated models, and what half of them lie between."
    )
    return AgeingView(f"data:image/svg+xml;base64,{picture}", tuple(rows), shown(note))


def release_rows(material: Material) -> tuple[ReleaseRow, ...]:
    """What was deployed and rolled back, the newest first."""
    current = material.live.current if material.live else None
    return tuple(
        ReleaseRow(
            f"{one.at:%Y-%m-%d %H:%M}",
            shown(one.action),
            shown(one.release),
            shown(one.by),
            shown((one.commit or "")[:12]),
            shown(one.note or ""),
            one.release == current,
        )
        for one in material.releases[::-1][:_MOST_ROWS]
    )


def _passport(material: Material) -> tuple[str, str]:
    history = material.history
    if history is None:
        return "The passport has no entry yet.", ""
    if history.broken is not None:
        return f"Entry {history.broken} of the passport does not follow the one before it.", "bad"
    count = len(history.entries)
    entries = counted(count, "entry", "entries")
    return f"{entries} of the passport, each following the one before it.", "good"
