"""How good a model is on rows it has not seen, and whether that is good enough."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from .._mlops.runtime import passport
from .._mlops.runtime.settings import Model
from .._mlops.runtime.steps import Refused, Run, local_path
from ..metrics import misses, score, scored
from . import backtest, families, leakage, tracking
from .search import LOWER_IS_BETTER
from .tracking import Champion

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
        `candidate`, its `metrics`, the comparison with the `champion` (None for a first version
        and where it is `not_compared`, which says why), `slices` and `backtest`, and the ids of the
        MLflow `run` and of the logged `model`.

    Raises:
        Refused: A metric misses its threshold, the champion is as good, a slice or the backtest is
            worse than allowed, or the data makes the model look better than it is.
    """
    fitted = families.load(local_path(candidate["model"]))
    learned = pd.read_parquet(local_path(data))
    held_out = pd.read_parquet(local_path(data).parent / "test.parquet")
    verdict = {
        "candidate": candidate,
        **judge(run, fitted, tracking.champion(run), learned=learned, held_out=held_out),
    }
    run.path("evaluation.json").write_text(json.dumps(verdict, indent=2), encoding="utf-8")
    logged = tracking.log(run, fitted, verdict, train_rows=learned, test=held_out)
    print("  ".join(f"{name}={value:.6f}" for name, value in verdict["metrics"].items()))
    if verdict["not_compared"]:
        print(verdict["not_compared"])
    if verdict["problems"]:
        passport.record(run, "refused", version=None, reasons=verdict["problems"])
        raise Refused("; ".join(verdict["problems"]))
    return verdict | logged


def judge(
    run: Run,
    fitted: Any,
    champion: Champion | None,
    *,
    learned: pd.DataFrame,
    held_out: pd.DataFrame,
) -> dict[str, Any]:
    """Every gate of a new model: its numbers, and a sentence in `problems` for each that shuts.

    Args:
        run: The pipeline run.
        fitted: The new model.
        champion: The version in service, if there is one.
        learned: The rows the new model was trained on.
        held_out: Rows it has not seen.
    """
    model = run.settings.model
    scores = scored(fitted, held_out, model)
    not_compared = champion.not_compared(model) if champion else None
    if not_compared:
        champion = None
    against = compare(champion, fitted, held_out, model) if champion else None
    new = new_to(champion, held_out, model) if champion else held_out
    slices = backtest.by_slice(fitted, champion, new, model)
    over = backtest.backtest(run, fitted, champion, learned) if champion else None
    problems = [
        *leakage.leaked(learned, model),
        *leakage.copied(learned, held_out, model),
        *misses(scores, model.evaluation.thresholds),
        *(against["problems"] if against else []),
        *backtest.slice_problems(slices, champion, model, ""),
        *(over["problems"] if over else []),
    ]
    return {
        "metrics": scores,
        "champion": against,
        "not_compared": not_compared,
        "slices": slices,
        "backtest": over,
        "problems": problems,
        "passed": not problems,
    }


def new_to(champion: Champion, rows: pd.DataFrame, model: Model) -> pd.DataFrame:
    """The rows that the champion has not learned from."""
    return leakage.unseen(rows, champion.as_trained(model), champion.learned_from)


def compare(
    champion: Champion, challenger: Any, held_out: pd.DataFrame, model: Model
) -> dict[str, Any]:
    """Challenger and champion on the same held-out rows, all of them new to both."""
    rows = new_to(champion, held_out, model)
    metric = model.evaluation.compare_by
    found = {"version": champion.version, "metric": metric, "rows": len(rows)}
    if len(rows) < FEWEST_FRESH_ROWS:
        problem = (
            f"champion version {champion.version} has not learned from only {len(rows)} of the "
            f"{len(held_out)} held-out rows, and {FEWEST_FRESH_ROWS} are the fewest to compare "
            "on: train on newer data, or on the split the champion was trained on"
        )
        return found | {"challenger": None, "champion": None, "problems": [problem]}
    ours = score(challenger, rows, model, metric)
    theirs = score(champion.model, rows, champion.as_trained(model), metric)
    gain = theirs - ours if metric in LOWER_IS_BETTER else ours - theirs
    problems = []
    if not gain > model.evaluation.margin:
        problems.append(
            f"the challenger's {metric} {ours:.6f} does not beat champion version "
            f"{champion.version}'s {theirs:.6f} by more than {model.evaluation.margin} "
            f"on the same {len(rows)} rows"
        )
    return found | {"challenger": ours, "champion": theirs, "problems": problems}
