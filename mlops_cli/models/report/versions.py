"""What the report says of versions: states, metrics, gates, and who was champion when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.checks.quality.page.charts import shown
from mlops_cli.models.registry import STAGES, UNDEFINED

from .charts import Span, spans
from .gathering import safe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_cli.models.history import Entry, Service
    from mlops_cli.models.registry import ModelVersion

    from .gathering import Material

_METRICS: Final = {
    "classification": ("accuracy", "precision", "recall", "f1_score"),
    "regression": ("r2", "rmse", "mae"),
}
TONES: Final = {
    "Complete": "good",
    "Pending Approval": "warn",
    "Rejected": "bad",
    "Refused": "bad",
    "Rolled Back": "bad",
}
DECIDED: Final = ("approved", "rejected", "promoted", "rolled_back", "archived")
_MOST_SLICES: Final = 12
_DIGEST: Final = 12


@dataclass(frozen=True, slots=True)
class State:
    """A stage of a version's life, and how far it got."""

    stage: str
    state: str
    tone: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """The new version beside the champion of then, on the same rows."""

    of: str
    rows: str
    challenger: str
    champion: str
    worse: bool


@dataclass(frozen=True, slots=True)
class VersionView:
    """One version."""

    number: int
    aliases: str
    states: tuple[State, ...]
    metrics: tuple[str, ...]
    registered: str
    gates: tuple[tuple[str, str, str], ...]
    """Gate, how many of its rules passed, and a tone."""
    facts: tuple[tuple[str, str], ...]
    comparisons: tuple[Comparison, ...]
    page: str
    """Where the report of its training is, if it is on this machine."""


@dataclass(frozen=True, slots=True)
class DecisionView:
    """What somebody decided about a version."""

    at: str
    event: str
    tone: str
    version: str
    by: str
    reason: str
    release: str


def metrics_of(material: Material) -> tuple[str, ...]:
    """The metrics of the task; that which champions are chosen by is the first."""
    first = material.project.model.evaluation.compare_by
    return tuple(dict.fromkeys((first, *_METRICS[material.project.model.task])))


def version_views(material: Material) -> tuple[VersionView, ...]:
    """Every version, the newest first."""
    versions = material.model.versions if material.model else ()
    return tuple(_version(one, material) for one in versions)


def _version(version: ModelVersion, material: Material) -> VersionView:
    found = [version.metrics.get(name) for name in metrics_of(material)]
    page = material.pages.get(safe(version.run or ""))
    facts: list[tuple[str, object]] = [
        ("decided by", version.decided_by),
        ("because", version.reason),
        ("run", version.run),
        ("release", version.release),
        ("commit", (version.commit or "")[:_DIGEST]),
        ("parameters", ", ".join(f"{k}={v}" for k, v in version.parameters.items())),
        *(
            (name.removesuffix("_sha256") + " SHA-256", f"{digest[:_DIGEST]}…")
            for name, digest in version.digests.items()
        ),
    ]
    return VersionView(
        number=version.version,
        aliases=shown(", ".join(version.aliases)),
        states=tuple(_state(stage, version.stages.get(stage, UNDEFINED)) for stage in STAGES),
        metrics=tuple("" if value is None else f"{value:.4f}" for value in found),
        registered=f"{version.created:%Y-%m-%d %H:%M}",
        gates=_gates(version.quality),
        facts=tuple((name, shown(value)) for name, value in facts if value),
        comparisons=_comparisons(version.evaluation or {}),
        page=page.as_uri() if page else "",
    )


def _state(stage: str, state: str) -> State:
    return State(stage, shown(state), TONES.get(state, ""))


def _gates(quality: Mapping[str, Mapping[str, Any]]) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (
            shown(gate),
            f"{found.get('passed', 0)} of {found.get('rules', 0)} rules",
            "good" if found.get("passed") == found.get("rules") else "bad",
        )
        for gate, found in quality.items()
    )


def _comparisons(evaluation: Mapping[str, Any]) -> tuple[Comparison, ...]:
    """The held-out rows, the backtest, and of the slices those that lost the most."""
    held_out, backtest = evaluation.get("champion"), evaluation.get("backtest")
    found = []
    if held_out:
        found.append(_comparison("held-out rows", held_out))
    if backtest:
        found.append(_comparison("backtest", backtest))
    slices = evaluation.get("slices") or (backtest or {}).get("slices") or ()
    found += [
        _comparison(f"{one['column']} = {one['value']}", one)
        for one in sorted(slices, key=lambda one: not one.get("worse"))[:_MOST_SLICES]
    ]
    return tuple(found)


def _comparison(of: str, body: Mapping[str, Any]) -> Comparison:
    ours, theirs = (
        "" if value is None else f"{value:.4f}"
        for value in (body.get("challenger"), body.get("champion"))
    )
    worse = bool(body.get("worse") or body.get("problems"))
    return Comparison(shown(of), f"{body.get('rows', 0):,}", ours, theirs, worse)


def service_spans(material: Material) -> tuple[Span, ...]:
    """Who was champion, from the first promotion until now."""
    parts = []
    for one in _services(material):
        until = one.until or material.now
        told = f"version {one.version}, {one.since:%Y-%m-%d %H:%M} to " + (
            f"{one.until:%Y-%m-%d %H:%M}" if one.until else "now"
        )
        lasted = max((until - one.since).total_seconds(), 0.0)
        parts.append((str(one.version), shown(told), lasted))
    return spans(parts)


def _services(material: Material) -> Sequence[Service]:
    return material.history.services[::-1] if material.history else ()


def decisions_on_versions(material: Material, most: int) -> tuple[DecisionView, ...]:
    """Approvals, rejections, promotions and rollbacks, the newest first."""
    entries = material.history.entries if material.history else ()
    found = [entry for entry in entries if entry.event in DECIDED]
    return tuple(_decision(entry) for entry in found[::-1][:most])


def _decision(entry: Entry) -> DecisionView:
    tone = {"rejected": "bad", "rolled_back": "warn", "archived": ""}.get(entry.event, "good")
    return DecisionView(
        f"{entry.at:%Y-%m-%d %H:%M}",
        entry.event.replace("_", " "),
        tone,
        "" if entry.version is None else str(entry.version),
        shown(entry.facts.get("by") or ""),
        shown(entry.facts.get("reason") or ""),
        shown(entry.release or ""),
    )


def waiting(material: Material) -> tuple[int, ...]:
    """The versions that wait for somebody's approval."""
    versions = material.model.versions if material.model else ()
    return tuple(one.version for one in versions if one.stages.get("audit") == "Pending Approval")


def champion(material: Material) -> ModelVersion | None:
    """The version in service."""
    versions = material.model.versions if material.model else ()
    return next((one for one in versions if "champion" in one.aliases), None)
