"""Champion and challenger side by side: group by group, and over the partitions of late."""

from __future__ import annotations

from typing import Any

import pandas as pd

from .. import labels
from .._mlops.runtime.settings import Model
from .._mlops.runtime.steps import Run
from ..metrics import score
from ..partitions import PARTITION
from .leakage import row_hashes, unseen
from .search import LOWER_IS_BETTER
from .tracking import Champion

# A number with more values than this is cut into quarters.
VALUES = 10
MISSING = "(missing)"


def backtest(
    run: Run, challenger: Any, champion: Champion, learned: pd.DataFrame
) -> dict[str, Any] | None:
    """Both models on the newest labelled partitions, on rows neither has learned from.

    Args:
        run: The pipeline run.
        challenger: The new model.
        champion: The version in service.
        learned: The rows the challenger was trained on.

    Returns:
        The comparison of all rows together, `partitions` and `slices` one by one, and `problems`;
        None when it is turned off or no labels have come.
    """
    model = run.settings.model
    if model.evaluation.backtest < 1:
        return None
    # A model is not held to days older than those it was given to learn from: after a change of the
    # world, the champion of before knows them better, and they do not come back.
    last = min(model.evaluation.backtest, run.settings.monitoring.retrain.train_on)
    rows = labels.labelled(run, last=last)
    rows = unseen(rows, champion.as_trained(model), champion.learned_from)
    rows = unseen(rows, model, row_hashes(learned))
    if rows.empty:
        return None
    whole = side_by_side(challenger, champion, rows, model)
    partitions = [
        {"partition": str(partition), **side_by_side(challenger, champion, part, model)}
        for partition, part in rows.groupby(PARTITION, sort=False)
    ]
    slices = by_slice(challenger, champion, rows, model)
    problems = []
    if whole["worse"]:
        days = f"the newest {len(partitions)} labelled partitions"
        problems.append(f"on {days} {said(whole, champion, model)}")
    problems += slice_problems(slices, champion, model, f"in the backtest on {len(rows)} rows, ")
    return {**whole, "partitions": partitions, "slices": slices, "problems": problems}


def by_slice(
    challenger: Any, champion: Champion | None, rows: pd.DataFrame, model: Model
) -> list[dict[str, Any]]:
    """Both models on each value of the columns in `evaluation.slices`."""
    found = []
    for column in model.evaluation.slices:
        groups = grouped(rows[column])
        for value in sorted(groups.unique()):
            part = rows[groups == value]
            one = side_by_side(challenger, champion, part, model)
            found.append({"column": column, "value": value, **one})
    return found


def slice_problems(
    slices: list[dict[str, Any]], champion: Champion | None, model: Model, where: str
) -> list[str]:
    """A sentence for each slice that got worse than allowed."""
    return [
        f"{where}where `{one['column']}` is {one['value']} {said(one, champion, model)}"
        for one in slices
        if champion is not None and one["worse"]
    ]


def side_by_side(
    challenger: Any, champion: Champion | None, rows: pd.DataFrame, model: Model
) -> dict[str, Any]:
    """`evaluation.compare_by` of both on the same rows, and whether the new one is too much worse.

    Fewer rows than `evaluation.slice_rows` are shown and decide nothing.
    """
    bounds = model.evaluation
    ours = _score(challenger, rows, model)
    theirs = _score(champion.model, rows, champion.as_trained(model)) if champion else None
    judged = theirs is not None and len(rows) >= bounds.slice_rows
    loss, allowed = 0.0, bounds.slice_margin
    if ours is not None and theirs is not None:
        loss = theirs - ours
        if bounds.compare_by in LOWER_IS_BETTER:
            loss, allowed = -loss, allowed * theirs
    return {
        "rows": len(rows),
        "challenger": ours,
        "champion": theirs,
        "judged": judged,
        "worse": bool(judged and loss > allowed),
    }


def _score(fitted: Any, rows: pd.DataFrame, model: Model) -> float | None:
    metric = model.evaluation.compare_by
    # A single row has no r2, and NaN is nothing that JSON or Airflow's XCom could hold.
    if metric == "r2" and len(rows) < 2:
        return None
    return score(fitted, rows, model, metric)


def said(one: dict[str, Any], champion: Champion | None, model: Model) -> str:
    """How much worse the new model is, with the numbers."""
    metric, margin = model.evaluation.compare_by, model.evaluation.slice_margin
    version = champion.version if champion else ""
    allowed = f"{margin:.0%} of it" if metric in LOWER_IS_BETTER else f"{margin}"
    return (
        f"the challenger's {metric} {one['challenger']:.6f} is worse than champion version "
        f"{version}'s {one['champion']:.6f} by more than {allowed} on the same {one['rows']} rows"
    )


def grouped(column: pd.Series) -> pd.Series:
    """The group each row is in: its value, or the quarter of the rows its number falls into."""
    if pd.api.types.is_numeric_dtype(column) and column.nunique() > VALUES:
        quarters = pd.qcut(column, 4, duplicates="drop")
        names = {each: f"{each.left:g} to {each.right:g}" for each in quarters.cat.categories}
        column = quarters.astype("object").map(names)
    return column.astype("object").where(column.notna(), MISSING).astype("str")
