"""How good a model is on rows it has not seen, and whether that is good enough."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from . import tracking, train
from ._mlops.runtime.settings import Bound, Model
from ._mlops.runtime.steps import Refused, Run, local_path
from .metrics import scored
from .search import LOWER_IS_BETTER

# Fewer rows than this that the champion has not learned from tell nothing.
FEWEST_FRESH_ROWS = 20


def evaluate(run: Run, *, candidate: dict[str, Any], data: str) -> dict[str, Any]:
    """Judge the chosen candidate on the held-out rows and against the champion.

    It is logged to MLflow whatever the verdict is: a refused model leaves a trace.

    Args:
        run: The pipeline run.
        candidate: What `select` chose.
        data: URI of the training rows; the held-out ones lie beside it.

    Returns:
        `candidate`, its `metrics`, the comparison with the `champion` (None for a first version)
        and the ids of the MLflow `run` and of the logged `model`.

    Raises:
        Refused: A metric misses its threshold, or the champion is as good.
    """
    model = run.settings.model
    fitted = train.load(local_path(candidate["model"]))
    held_out = pd.read_parquet(local_path(data).parent / "test.parquet")
    scores = scored(fitted, held_out, model)
    champion = compare(run, fitted, held_out, model)
    problems = misses(scores, model) + (champion or {}).get("problems", [])
    verdict = {
        "candidate": candidate,
        "metrics": scores,
        "champion": champion,
        "problems": problems,
        "passed": not problems,
    }
    run.path("evaluation.json").write_text(json.dumps(verdict, indent=2), encoding="utf-8")
    verdict |= tracking.log(run, fitted, verdict, train_rows=pd.read_parquet(data), test=held_out)
    print("  ".join(f"{name}={value:.6f}" for name, value in scores.items()))
    if problems:
        raise Refused("; ".join(problems))
    return verdict


def misses(scores: dict[str, float], model: Model) -> list[str]:
    """A sentence for each metric outside its bound."""
    return [
        f"{name} is {scores[name]:.6f}, outside {_range(bound)}"
        for name, bound in model.evaluation.thresholds.items()
        if not _inside(scores[name], bound)
    ]


def _inside(value: float, bound: Bound) -> bool:
    above = bound.minimum is None or value >= bound.minimum
    return above and (bound.maximum is None or value <= bound.maximum)


def _range(bound: Bound) -> str:
    ends = {"at least": bound.minimum, "at most": bound.maximum}
    return " and ".join(f"{words} {end}" for words, end in ends.items() if end is not None)


def compare(
    run: Run, challenger: Any, held_out: pd.DataFrame, model: Model
) -> dict[str, Any] | None:
    """Challenger and champion on the same held-out rows; None when there is no champion.

    Rows the champion has learned from are left out, as long as enough others remain: on them it
    would look better than it is.
    """
    champion = tracking.champion(run)
    if champion is None:
        return None
    fresh = held_out[~tracking.row_hashes(held_out).isin(champion.learned_from)]
    rows = fresh if len(fresh) >= FEWEST_FRESH_ROWS else held_out
    metric = model.evaluation.compare_by
    ours = scored(challenger, rows, model)[metric]
    theirs = scored(champion.model, rows, model)[metric]
    gain = theirs - ours if metric in LOWER_IS_BETTER else ours - theirs
    problems = []
    if not gain > model.evaluation.margin:
        problems.append(
            f"the challenger's {metric} {ours:.6f} does not beat champion version "
            f"{champion.version}'s {theirs:.6f} by more than {model.evaluation.margin} "
            f"on the same {len(rows)} rows"
        )
    return {
        "version": champion.version,
        "metric": metric,
        "challenger": ours,
        "champion": theirs,
        "rows": len(rows),
        "problems": problems,
    }
