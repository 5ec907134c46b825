"""Every gate of a project, one after the other; what each did is written as JSON."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd  # type: ignore[import-untyped, unused-ignore]

from . import made_up, models, rulesets, service, windows
from .stage import UNPROVEN, VOID, Proof, Stage, quiet

if TYPE_CHECKING:
    from collections.abc import Iterator


def main(request: Path, result: Path) -> None:
    """Prove the gates of the project that `request` names."""
    asked: dict[str, Any] = json.loads(request.read_text(encoding="utf-8"))
    for switch, off in {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "1"}.items():
        os.environ.setdefault(switch, off)
    warnings.simplefilter("ignore")
    sys.path.insert(0, asked["root"])
    stage = Stage(Path(asked["root"]), asked["package"], Path(asked["folder"]))
    found = _proofs(stage, asked["source"])
    if asked["source"] is None:
        found = (_excused(proof) for proof in found)
    proofs = [dataclasses.asdict(proof) for proof in found]
    result.write_text(json.dumps({"proofs": proofs}), encoding="utf-8")


def _proofs(stage: Stage, source: str | None) -> Iterator[Proof]:
    run = stage.run("good")
    try:
        with quiet():
            ingest = stage.step("ingest")
            raw = ingest(run, source=source) if source else made_up.ingest(stage, run)
    except Exception as error:  # noqa: BLE001 -- whatever it is, nothing can be proved
        yield rulesets.broken("raw", error)
        return
    try:
        trained = models.Training(stage, run, raw)
    except Exception as error:  # noqa: BLE001 -- as above
        yield rulesets.broken("raw", error)
        return
    for gate in ("raw", "features"):
        yield from _ruleset(stage, gate, trained, real=source is not None)
    try:
        refused = trained.promote()
    except Exception as error:  # noqa: BLE001 -- as above
        yield rulesets.broken(models.GATE, error)
        return
    if refused is not None:
        yield refused
        return
    for gate in ("input", "predictions"):
        yield from _ruleset(stage, gate, trained, real=source is not None)
    yield from models.prove(stage, trained)
    yield from windows.prove(stage, trained)
    yield from service.prove(stage, trained)


def _excused(proof: Proof) -> Proof:
    """Rows that were made up need not fit the rules; only real ones have to."""
    if proof.outcome != VOID:
        return proof
    said = f"the made-up rows do not pass: {proof.said}"
    return dataclasses.replace(proof, outcome=UNPROVEN, said=said)


def _ruleset(stage: Stage, gate: str, trained: models.Training, *, real: bool) -> Iterator[Proof]:
    try:
        yield from rulesets.prove(stage, gate, _rows(stage, gate, trained), real=real)
    except Exception as error:  # noqa: BLE001 -- the other gates are still to be tried
        yield rulesets.broken(gate, error)


def _rows(stage: Stage, gate: str, trained: models.Training) -> pd.DataFrame:
    """Good data, as it comes to a gate."""
    if gate == "features":
        return _read(trained.run.path("train.parquet"))
    raw = _read(stage.steps.local_path(trained.raw))
    if gate == "raw":
        return raw
    run, model = stage.run("good"), stage.model
    _named(raw[list(model.features)], model).to_parquet(run.path("new.parquet"), index=False)
    with quiet():
        rows = stage.step("receive")(run, input=run.uri("new.parquet"), partition="good")
        if gate == "input":
            return _read(stage.steps.local_path(rows))
        return _read(stage.steps.local_path(stage.step("predict")(run, data=rows)))


def _read(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path, dtype_backend="numpy_nullable")


def _named(rows: pd.DataFrame, model: Any) -> pd.DataFrame:  # noqa: ANN401 -- the project's own type
    """The rows with the columns that name them, as new rows have."""
    named = {name: [f"{number:06d}" for number in range(len(rows))] for name in model.key}
    front = pd.DataFrame(named, index=rows.index, dtype="string")
    if model.time is not None:
        front[model.time] = pd.Timestamp.now().floor("s")
    return pd.concat([front, rows], axis="columns")
