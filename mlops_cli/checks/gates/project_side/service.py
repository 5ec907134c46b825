"""The gates between a version and its use: who lets it in, and whether its files are its own."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from .stage import CAUGHT, LET_THROUGH, OFF, UNPROVEN, Proof, quiet, tried

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .models import Training
    from .stage import Stage

_MODEL_FILES: Final = (".skops", ".pkl")


def prove(stage: Stage, trained: Training) -> Iterator[Proof]:
    """Try what stands between a registered version and its predictions."""
    if trained.version is None:
        return
    checks: dict[str, Callable[[Stage, Training], Iterator[Proof]]] = {
        "retraining": _retraining,
        "approval": _approval,
        "predict": _changed,
    }
    for gate, check in checks.items():
        yield from tried(check(stage, trained), gate, "the gate")


def _retraining(stage: Stage, trained: Training) -> Iterator[Proof]:  # noqa: ARG001 -- one of many
    if stage.settings.monitoring.retrain.budget_per_month < 1:
        said = "`retrain.budget_per_month` is 0: drift is shown, and nothing is trained"
        yield Proof("retraining", "budget", "windows that break", OFF, said)


def _approval(stage: Stage, trained: Training) -> Iterator[Proof]:
    policy = stage.model.approval.policy
    if policy == "auto":
        said = "`approval.policy` is auto: what passes its gates is let in"
        yield Proof("approval", "policy", "a version nobody has looked at", OFF, said)
    elif policy == "person":
        for defect, answer in {
            "a person says no": {"chosen": "Reject", "by": "gate-proof", "reason": "a proof"},
            "nobody answers in time": {},
        }.items():
            yield _asked(stage, trained, defect, stage.run("good"), answer)
    elif stage.model.approval.gain <= 0:
        said = f"`approval.gain` is {stage.model.approval.gain:g}: a better model always passes"
        yield Proof("approval", "policy", "a version that gains nothing", OFF, said)
    else:
        trained.attempt("gains-nothing", trained.learned, trained.held_out)
        run = stage.run("gains-nothing")
        yield _asked(stage, trained, "a version that gains nothing", run, None)


def _asked(stage: Stage, trained: Training, defect: str, run: Any, answer: Any) -> Proof:  # noqa: ANN401 -- the project's own type
    given = {} if answer is None else {"answer": answer}
    try:
        with quiet():
            stage.step("approve")(run, version=trained.version, **given)
    except stage.refused as refusal:
        return Proof("approval", "policy", defect, CAUGHT, str(refusal))
    return Proof("approval", "policy", defect, LET_THROUGH, "it was approved")


def _changed(stage: Stage, trained: Training) -> Iterator[Proof]:  # noqa: ARG001 -- one of many
    about, defect = "the model's files", "a model that was changed after it was registered"
    files = [path for path in _artifacts(stage) if path.suffix in _MODEL_FILES]
    if not files:
        yield Proof("predict", about, defect, UNPROVEN, "no file of a model was found")
        return
    for path in files:
        path.write_bytes(path.read_bytes() + b"\0")
    run = stage.run("good")
    with suppress(stage.refused):
        with quiet():
            stage.step("predict")(run, data=run.uri("input.parquet"))
        yield Proof("predict", about, defect, LET_THROUGH, "it predicted")
        return
    yield Proof("predict", about, defect, CAUGHT, "the step refused to load it")


def _artifacts(stage: Stage) -> list[Path]:
    return sorted((stage.folder / "artifacts").rglob("*"))
