"""The gates after promotion: windows of predictions, and the backtest that looks back on them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pandas as pd  # type: ignore[import-untyped, unused-ignore]

from .models import unrelated
from .stage import CAUGHT, LET_THROUGH, OFF, UNPROVEN, VOID, Proof, quiet, tried

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .models import Training
    from .stage import Stage

GATE: Final = "monitoring"
_DAYS: Final = {"good": "2020-01-01", "drifted": "2020-01-02", "mislabelled": "2020-01-03"}
_STALE: Final = "2020-01-04"
_FAR: Final = 3.0
_SHOWN: Final = 3


def prove(stage: Stage, trained: Training) -> Iterator[Proof]:
    """Publish windows through the project's own steps and see which of them break."""
    if trained.version is None:
        return
    yield from tried(_backtest(stage, trained), "evaluate", "backtest")
    if not (stage.root / "dags" / "monitoring.py").is_file():
        yield Proof(GATE, "windows", "–", OFF, "the project has no monitoring pipeline")
        return
    yield from tried(_windows(stage, trained), GATE, "windows")


def publish(
    stage: Stage, day: str, rows: pd.DataFrame, *, labels: pd.Series | None = None
) -> dict[str, Any]:
    """Publish predictions of some rows as a day's, and give their labels.

    Returns:
        The entry of the journal of predictions.
    """
    model, run = stage.model, stage.run(f"window-{day}")
    named = {name: [f"{day}-{number:06d}" for number in range(len(rows))] for name in model.key}
    rows = rows.reset_index(drop=True)[list(model.features)].assign(**named)
    if model.time is not None:
        rows[model.time] = pd.Timestamp(day)
    rows = _as_declared(rows, model.input_columns)
    rows.to_parquet(run.path("rows.parquet"), index=False)
    with quiet():
        stage.step("receive")(run, input=run.uri("rows.parquet"), partition=day)
        predicted = stage.step("predict")(run, data=run.uri("input.parquet"))
        stage.step("publish")(run, predictions=predicted)
    if labels is not None:
        given = pd.DataFrame({**named, model.target: labels.to_numpy()})
        given = _as_declared(given, {model.target: model.columns[model.target]})
        given.to_parquet(run.kept(f"labels/{day}.parquet"), index=False)
    lines = run.kept("predictions.jsonl").read_text(encoding="utf-8").splitlines()
    entry: dict[str, Any] = json.loads(lines[-1])
    return entry


def _as_declared(rows: pd.DataFrame, kinds: dict[str, str]) -> pd.DataFrame:
    """The columns in the types of `mlops.yaml`, which training turned into floats and texts."""
    rows = rows.copy()
    for name, kind in kinds.items():
        if kind == "integer" and name in rows:
            rows[name] = pd.to_numeric(rows[name]).round().astype("Int64")
        elif kind == "boolean" and name in rows:
            texts = rows[name].astype("str").str.lower()
            rows[name] = texts.map({"true": True, "false": False}).astype("boolean")
        elif kind == "text" and name in rows:
            rows[name] = rows[name].astype("string")
    return rows


def _backtest(stage: Stage, trained: Training) -> Iterator[Proof]:
    about, defect = "backtest", "a model that is worse on the labelled partitions"
    bounds = stage.model.evaluation
    rows, target = trained.held_out, stage.model.target
    publish(stage, _DAYS["good"], rows, labels=rows[target])
    if bounds.backtest < 1:
        yield Proof("evaluate", about, defect, OFF, f"`evaluation.backtest` is {bounds.backtest}")
        return
    stopped, verdict = trained.attempt(
        "backtest", trained.learned, trained.held_out, taught=trained.muddled(7)
    )
    found = verdict.get("backtest")
    if stopped is not None and found and found["problems"]:
        yield Proof("evaluate", about, defect, CAUGHT, found["problems"][0])
    elif found and found["rows"] < bounds.slice_rows:
        said = f"{found['rows']} rows, and `evaluation.slice_rows` is {bounds.slice_rows}"
        yield Proof("evaluate", about, defect, UNPROVEN, said)
    else:
        said = "nothing was compared" if not found else (
            f"{found['challenger']} against {found['champion']} on {found['rows']} rows was let by"
        )  # fmt: skip
        yield Proof("evaluate", about, defect, LET_THROUGH, said)


def _windows(stage: Stage, trained: Training) -> Iterator[Proof]:
    options = stage.settings.monitoring.drift
    rows, target = trained.held_out, stage.model.target
    good = _measured(stage, _DAYS["good"], trained)
    if good["broke"]:
        said = "; ".join(good["reasons"])
        yield Proof(GATE, "windows", "rows of the training data", VOID, said)
        return
    if len(rows) < options.rows:
        said = f"{len(rows)} held-out rows, and `drift.rows` is {options.rows}"
        yield Proof(GATE, "windows", "drifted rows", UNPROVEN, said)
    else:
        yield from _drifted(stage, trained)
        yield from _mislabelled(stage, trained, rows, target)
    yield _stale(stage, trained)


def _drifted(stage: Stage, trained: Training) -> Iterator[Proof]:
    about, defect, options = "drift", "drifted rows: every feature shifted", stage.settings
    drift = options.monitoring.drift
    if drift.share > 1 and not drift.prediction:
        yield Proof(GATE, about, defect, OFF, f"`drift.share` is {drift.share:g}")
        return
    rows = trained.held_out.copy()
    for name, kind in stage.model.features.items():
        if kind in ("integer", "number"):
            known = rows[name].dropna()
            rows[name] += _FAR * (float(known.max() - known.min()) or 1.0)
        elif kind in ("text", "boolean"):
            rows[name] = rows[name].dropna().iloc[0] if rows[name].notna().any() else None
    publish(stage, _DAYS["drifted"], rows)
    yield _broke(about, defect, _measured(stage, _DAYS["drifted"], trained))


def _mislabelled(
    stage: Stage, trained: Training, rows: pd.DataFrame, target: str
) -> Iterator[Proof]:
    about, defect = "performance", "swapped labels: a window's target shuffled"
    bounds = stage.settings.monitoring.performance or stage.model.evaluation.thresholds
    if not any(b.minimum is not None or b.maximum is not None for b in bounds.values()):
        yield Proof(GATE, about, defect, OFF, "no metric has a bound")
        return
    labels = unrelated(rows[target], 0)
    publish(stage, _DAYS["mislabelled"], rows, labels=labels)
    yield _broke(about, defect, _measured(stage, _DAYS["mislabelled"], trained))


def _stale(stage: Stage, trained: Training) -> Proof:
    about, defect = "reference", "a stale reference: of another version than the predictions"
    run = stage.run(f"window-{_STALE}")
    entry = publish(stage, _STALE, trained.held_out)
    other = run.path("other.parquet")
    predictions = pd.read_parquet(stage.steps.local_path(entry["predictions"]))
    predictions.assign(model_version=f"{trained.version}0").to_parquet(other, index=False)
    partition = {**entry, "partition": f"{_STALE}-stale", "predictions": other.as_uri()}
    stage.module("_mlops.runtime.journal").append(run.kept("predictions.jsonl"), partition)
    try:
        with quiet():
            stage.step("measure")(run)
    except stage.refused as refusal:
        return Proof(GATE, about, defect, CAUGHT, str(refusal))
    return Proof(GATE, about, defect, LET_THROUGH, "the window was measured with it")


def _measured(stage: Stage, day: str, trained: Training) -> dict[str, Any]:
    """What the project's own monitoring says of a day's window."""
    run = stage.run(f"measured-{day}")
    with quiet():
        stage.step("measure")(run)
    known = stage.module("monitoring.windows").windows(run)
    window: dict[str, Any] = known[day, str(trained.version)]
    return window


def _broke(about: str, defect: str, window: dict[str, Any]) -> Proof:
    if window["broke"] and window["reasons"]:
        return Proof(GATE, about, defect, CAUGHT, "; ".join(window["reasons"][:_SHOWN]))
    share = (window.get("drift") or {}).get("share")
    return Proof(GATE, about, defect, LET_THROUGH, f"the window did not break (share {share})")
