"""Whether a model is trained again: decided once, written down, and passed on to training."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd

from .. import labels, registry
from .._mlops.runtime import journal, passport
from .._mlops.runtime.steps import Run, Skipped
from ..partitions import PARTITION, moment
from .retraining_rule import Evidence, decided
from .windows import windows

DECISIONS = "decisions.jsonl"


def decide(run: Run, *, in_flight: int = 0) -> dict[str, Any]:
    """Decide whether the model is trained again, and write down why or why not.

    The decision is made while nobody else can make one, so that many at once ask for one training.

    Args:
        run: The pipeline run.
        in_flight: Trainings that are queued or running.

    Returns:
        The decision as it stands in `decisions.jsonl`.
    """
    rule = run.settings.monitoring.retrain
    champion = registry.champion(run)
    version = str(champion.version) if champion else None
    evidence = Evidence(
        version=version,
        windows=telling(run, version),
        labelled=_labelled(run, rule.train_on),
        in_flight=in_flight,
        now=datetime.now(UTC),
    )
    made: dict[str, Any] = {}

    def once(earlier: list[dict[str, Any]]) -> dict[str, Any] | None:
        again = [entry for entry in earlier if entry["run"] == run.id and entry["retrain"]]
        if again:  # the task is tried again: it has decided already
            made.update(again[-1])
            return None
        answered = passport.read(run.kept(passport.NAME))
        made.update(decided(run, rule, evidence, earlier, answered))
        return made

    journal.append_if(run.kept(DECISIONS), once)
    print(("Retraining: " if made["retrain"] else "No retraining: ") + made["reason"])
    if made["retrain"]:
        told = {name: made[name] for name in ("request", "reason", "partition", "source")}
        passport.record_once(run, "retrain_requested", version=made["version"], **told)
    return made


def retrain(run: Run, *, decision: dict[str, Any]) -> dict[str, str]:
    """Write the rows a new model learns from, when that was decided.

    Returns:
        `source`, `request` and `reason`: what the asset tells the training pipeline.

    Raises:
        Skipped: It was decided not to train, or there is nothing to learn from.
    """
    if not decision["retrain"]:
        raise Skipped(decision["reason"])
    rows = labels.labelled(run, last=run.settings.monitoring.retrain.train_on)
    if rows.empty:
        raise Skipped("there are no labelled rows to learn from any more")
    model = run.settings.model
    wanted = rows[[*model.columns, PARTITION]]
    # Whole numbers, as in the data the model was first trained on; the model itself sees floats.
    whole = {
        name: _whole(wanted[name]) for name, kind in model.columns.items() if kind == "integer"
    }
    path = run.kept(f"training/{decision['request']}.parquet")
    fresh = path.with_suffix(".part")
    wanted.assign(**whole).to_parquet(fresh, index=False)
    fresh.replace(path)
    partitions = rows[PARTITION]
    print(f"{len(rows)} rows of {partitions.nunique()} partitions to learn from: {path.as_uri()}")
    return {
        "source": path.as_uri(),
        "request": decision["request"],
        "reason": decision["reason"],
    }


def _whole(column: pd.Series) -> pd.Series:
    numbers = pd.to_numeric(column).astype("float64")
    return numbers.astype("Int64") if (numbers.dropna() % 1 == 0).all() else numbers


def telling(run: Run, version: str | None) -> list[dict[str, Any]]:
    """The windows of a version that have rows enough to tell something, the oldest first."""
    least = run.settings.monitoring.drift.rows
    found = [
        window
        for window in windows(run).values()
        if window["version"] == version and window["rows"] >= least
    ]
    return sorted(found, key=lambda window: (moment(window), window["partition"]))


def _labelled(run: Run, partitions: int) -> int:
    """Rows of the newest labelled partitions, by their newest measurement."""
    newest: dict[str, dict[str, Any]] = {}
    for window in windows(run).values():
        known = newest.get(window["partition"])
        if window["labelled"] and (known is None or known["at"] < window["at"]):
            newest[window["partition"]] = window
    ordered = sorted(newest.values(), key=lambda window: (moment(window), window["at"]))
    return sum(window["labelled"] for window in ordered[-partitions:])
