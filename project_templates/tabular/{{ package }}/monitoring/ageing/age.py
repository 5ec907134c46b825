"""How models age: their error against the days since they went into service.

The method is that of D. Vela et al., "Temporal quality degradation in AI models", Scientific
Reports 12 (2022), doi.org/10.1038/s41598-022-15245-z: train at many random days of the past, let
each model predict what came after, and look at its error relative to that of its first day as a
function of its age. Models that were not good at first say nothing and are left out.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

from ..._mlops.runtime.keeping import write_whole
from ..._mlops.runtime.steps import Run, Skipped
from ...partitions import PARTITION
from .chart import draw
from .curves import curve, first_below, realised
from .past import ages_of, known_labels, past_of, past_rows
from .simulation import MOST_LEARNED, simulate


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
