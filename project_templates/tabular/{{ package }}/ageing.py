"""How models age: their error against the days since they went into service.

The method is that of D. Vela et al., "Temporal quality degradation in AI models", Scientific
Reports 12 (2022), doi.org/10.1038/s41598-022-15245-z: train at many random days of the past, let
each model predict what came after, and look at its error relative to that of its first day as a
function of its age. Models that were not good at first say nothing and are left out.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import numpy as np
import pandas as pd

from ._mlops.runtime.keeping import write_whole
from ._mlops.runtime.settings import Model
from ._mlops.runtime.steps import Refused, Run, Skipped
from .ageing_chart import draw
from .ageing_simulation import FEWEST, MOST_LEARNED, MOST_ROWS, Past, error, simulate, smallest
from .labels import PARTITION, day, file_of, joined, published

BUCKETS = 12
"""At most so many points has a line of the chart."""
HALF = 0.5
"""A model is to be trained again when it is accurate less often than this."""
MOST_PARTITIONS = 400


@dataclass(frozen=True)
class Ages:
    """How the days of the partitions are counted."""

    days: list[int]
    """One number a partition, the first is 0."""
    unit: str
    """`days`, or `partitions` where those are not named after days."""


def age(run: Run) -> dict[str, Any]:
    """Simulate how the four families of the task age on the labelled partitions.

    What is found is kept as `ageing.json`, and drawn as `ageing.svg`.

    Args:
        run: The pipeline run.

    Returns:
        `chart`, the URI of the drawing, and `retrain_by_days`: the age at which a model of the
        project's own families is more often not accurate than accurate; None if none is reached.

    Raises:
        Skipped: There are too few labelled partitions, or no new ones.
    """
    began = time.monotonic()
    settings, model = run.settings.monitoring.ageing, run.settings.model
    entries, stamp = known_labels(run)
    kept = run.kept("ageing.json")
    if kept.exists() and json.loads(kept.read_text(encoding="utf-8")).get("labels") == stamp:
        raise Skipped("no labels have come since ageing was simulated")
    rows = past_rows(run, entries)
    names = list(dict.fromkeys(rows[PARTITION]))
    if len(names) < settings.partitions:
        raise Skipped(
            f"ageing is simulated on {settings.partitions} labelled partitions or more: "
            f"there are {len(names)}"
        )
    past = past_of(rows, names, ages_of(names), run)
    curves = simulate(past, model, settings.simulations)
    families = {
        family: curve(found, past.width, settings.tolerance)
        for family, found in curves.relative.items()
    }
    retrain_by = {family: first_below(points) for family, points in families.items()}
    own = [retrain_by[family] for family in model.training.families if family in retrain_by]
    found: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "run": run.id,
        "rows": len(rows),
        "partitions": len(names),
        "newest": names[-1],
        "labels": stamp,
        "unit": past.unit,
        "metric": model.evaluation.compare_by,
        "tolerance": settings.tolerance,
        "window": past.window,
        "bucket": past.width,
        "simulations": curves.done,
        "left_out": curves.left_out,
        "families": families,
        "champion": realised(rows, past, model),
        "retrain_by": retrain_by,
        "retrain_by_days": min((days for days in own if days is not None), default=None),
        "seconds": round(time.monotonic() - began, 1),
    }
    chart = run.kept("ageing.svg")
    write_whole(chart, draw(found))
    write_whole(kept, json.dumps(found, indent=2))
    print(
        f"{curves.done} trainings of each of {', '.join(families)} on {past.window} partitions, "
        f"at most {MOST_LEARNED} rows each, in {found['seconds']} s"
    )
    for family, days in retrain_by.items():
        print(f"{family}: train again by {'no age seen' if days is None else f'age {days}'}")
    return {"chart": chart.as_uri(), "retrain_by_days": found["retrain_by_days"]}


def known_labels(run: Run) -> tuple[list[dict[str, Any]], str]:
    """The newest partitions with a file of labels, and a digest that tells whether any is new."""
    found, facts = [], []
    for entry in published(run):
        if path := file_of(run, entry[PARTITION]):
            known = path.stat()
            found.append(entry)
            facts.append((entry["predictions"], str(path), known.st_size, known.st_mtime_ns))
    digest = hashlib.sha256(json.dumps(facts[-MOST_PARTITIONS:]).encode()).hexdigest()
    return found[-MOST_PARTITIONS:], digest


def past_rows(run: Run, entries: list[dict[str, Any]]) -> pd.DataFrame:
    """The labelled rows of these partitions, the same few of each whenever it is asked.

    Labels that do not fit are left out here, and named by `measure` on the partition's window.
    """
    found = []
    for entry in entries:
        try:
            rows = joined(run, entry)
        except Refused as refusal:
            print(f"left out: {refusal}")
            continue
        if rows is not None and len(rows):
            found.append(rows.sample(min(len(rows), MOST_ROWS), random_state=0).sort_index())
    return pd.concat(found, ignore_index=True) if found else pd.DataFrame({PARTITION: []})


def ages_of(partitions: list[str]) -> Ages:
    """How far each partition is from the first: in days, if all of them are days."""
    days = [day(name) for name in partitions]
    known = [one.toordinal() for one in days if one is not None]
    if len(known) < len(partitions):
        return Ages(list(range(len(partitions))), "partitions")
    return Ages([one - known[0] for one in known], "days")


def past_of(rows: pd.DataFrame, names: list[str], ages: Ages, run: Run) -> Past:
    """The partitions one by one, and how they are cut: windows to learn from, ages to look at."""
    retrain = run.settings.monitoring.retrain
    window = max(2, min(retrain.train_on, len(names) // 3))
    horizon = ages.days[-1] - ages.days[window]
    parts = dict(iter(rows.groupby(PARTITION, sort=False)))
    return Past(
        partitions=[cast("pd.DataFrame", parts[name]) for name in names],
        days=ages.days,
        unit=ages.unit,
        window=window,
        width=max(1, math.ceil((horizon + 1) / BUCKETS)),
    )


def curve(found: dict[int, list[float]], width: int, tolerance: float) -> list[dict[str, Any]]:
    """One line of the chart: at each age, how often a model is still accurate, and its error.

    A model is accurate while its relative error is at most `tolerance`; the probability is the
    share of the simulated models that are. Ages that few of them reached are left out.
    """
    points = []
    for bucket, errors in sorted(found.items()):
        if len(errors) < FEWEST:
            continue
        low, middle, high = np.quantile(errors, [0.25, 0.5, 0.75])
        points.append(
            {
                "age_days": bucket * width,
                "probability": float(np.mean(np.array(errors) <= tolerance)),
                "median": float(middle),
                "q25": float(low),
                "q75": float(high),
                "simulations": len(errors),
            }
        )
    return points


def first_below(points: list[dict[str, Any]]) -> int | None:
    """The first age at which a model is more often not accurate than accurate."""
    return next((point["age_days"] for point in points if point["probability"] < HALF), None)


def realised(rows: pd.DataFrame, past: Past, model: Model) -> list[dict[str, Any]]:
    """The error of the versions that really were in service, partition by partition.

    The age counts from the first labelled partition that a version predicted, and the error is
    relative to that of its first bucket.
    """
    number = dict(
        zip((part[PARTITION].iloc[0] for part in past.partitions), past.days, strict=True)
    )
    found: list[dict[str, Any]] = []
    for version, served in rows.groupby("model_version", sort=False):
        ages = served[PARTITION].map(number) - number[served[PARTITION].iloc[0]]
        first = served[ages < past.width]
        floor = smallest(first[model.target], model)
        start = error(first[model.target], first["prediction"], model)
        for (days, name), part in served.groupby([ages.rename("age"), PARTITION], sort=False):
            now = error(part[model.target], part["prediction"], model)
            if math.isfinite(now) and math.isfinite(start):
                found.append(
                    {
                        "age_days": int(days),
                        "error": now,
                        "relative": max(now, floor) / max(start, floor),
                        "version": str(version),
                        "partition": str(name),
                        "rows": len(part),
                    }
                )
    return found
