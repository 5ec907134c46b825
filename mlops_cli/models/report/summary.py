"""What the page says first: the facts that count, what waits for a person, what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_cli.checks.quality.page.charts import number, shown

from .versions import champion, metrics_of, waiting

if TYPE_CHECKING:
    from .gathering import Material


@dataclass(frozen=True, slots=True)
class Card:
    """A fact at the top of the page."""

    label: str
    value: str
    note: str
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Alert:
    """What a person should look at, and what to type."""

    text: str
    command: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """A part of the page there is nothing for yet."""

    part: str
    text: str
    command: str


def cards(material: Material) -> tuple[Card, ...]:
    """The facts that are asked for first."""
    serving, first = champion(material), metrics_of(material)[0]
    services = material.history.services if material.history else ()
    since = f"since {services[0].since:%Y-%m-%d %H:%M}" if services else ""
    found = [
        Card("champion", f"version {serving.version}", since, "good")
        if serving
        else Card("champion", "none", "no version was promoted yet", "warn")
    ]
    if serving and first in serving.metrics:
        found.append(Card(first, f"{serving.metrics[first]:.4f}", "on held-out rows"))
    known = [one for one in material.windows if first in (one.get("performance") or {})]
    if known:
        value = number(float(known[-1]["performance"][first]))
        found.append(Card(f"{first} in service", value, f"on {shown(known[-1]['partition'])}"))
    if material.windows:
        newest = material.windows[-1]
        tone, word = ("bad", "broke") if newest["broke"] else ("good", "calm")
        broke = sum(bool(one["broke"]) for one in material.windows)
        found.append(Card("newest window", word, shown(newest["partition"]), tone))
        note = f"of {len(material.windows)} windows broke"
        found.append(Card("drift", f"{broke}", note, "bad" if broke else "good"))
    if material.published:
        rows = sum(int(one.get("rows") or 0) for one in material.published)
        partitions = counted(len(material.published), "partition", "partitions")
        note = f"{counted(rows, 'row', 'rows')}, {partitions}"
        found.append(Card("predictions", shown(material.published[-1]["partition"]), note))
    return tuple(found)


def alerts(material: Material) -> tuple[Alert, ...]:
    """What waits for a person, the most urgent first."""
    name, environment = material.project.name, material.environment
    option = f" --env {environment}"
    found = []
    if material.history and material.history.broken is not None:
        found.append(
            Alert(
                f"The passport was changed: entry {material.history.broken} does not follow the "
                "one before it",
                f"mlops models history {name}{option}",
            )
        )
    found += [
        Alert(
            f"Version {number_} waits for approval",
            f'mlops models approve {name} {number_}{option} --reason "…"',
        )
        for number_ in waiting(material)
    ]
    if material.windows and material.windows[-1]["broke"]:
        newest = material.windows[-1]
        reasons = "; ".join(newest.get("reasons") or ())
        found.append(Alert(shown(f"The newest window, {newest['partition']}, broke: {reasons}")))
    if material.quarantine:
        last = material.quarantine[-1]
        found.append(
            Alert(
                shown(
                    f"{counted(len(material.quarantine), 'batch', 'batches')} in quarantine; the "
                    "newest was stopped by "
                    f"gate {last.get('gate')} in run {last.get('run')}"
                )
            )
        )
    return tuple(found)


def counted(number_: int, one: str, many: str) -> str:
    """A number of things."""
    return f"{number_:,} {one if number_ == 1 else many}"


def missing(material: Material) -> tuple[Missing, ...]:
    """What to type for each part of the page that is empty."""
    option = f"--env {material.environment}"
    labels = material.project.monitoring.labels or f"{material.kept}/labels/{{partition}}.csv"
    ageing = material.project.monitoring.ageing.partitions
    infer = f"mlops trigger inference --input FILE {option}"
    return (
        Missing("releases", "Nothing is deployed yet.", f"mlops deploy {option}"),
        Missing("versions", "No version is registered yet.", f"mlops trigger training {option}"),
        Missing("champion", "No version was promoted yet.", f"mlops trigger training {option}"),
        Missing(
            "drift", "No window was measured yet: monitoring looks at what is published.", infer
        ),
        Missing(
            "performance",
            f"No labels have come yet. They are read from {shown(labels)}, and measured with the "
            "next monitoring.",
            f"mlops trigger monitoring {option}",
        ),
        Missing("quality", "No batch has met the gates of inference yet.", infer),
        Missing(
            "ageing",
            f"Ageing is simulated once {ageing} partitions have labels.",
            f"mlops trigger monitoring {option}",
        ),
    )
