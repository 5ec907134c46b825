"""Which candidates are tried, and which of them is best on the training rows."""

from __future__ import annotations

from itertools import product
from typing import Any

from .._mlops.runtime.steps import Run

# Not among the metrics: a search, and who promotes, need no scikit-learn, and it takes its time.
LOWER_IS_BETTER = {"rmse", "mae"}


def candidates(run: Run, *, data: str) -> list[dict[str, Any]]:
    """Every family of `mlops.yaml` with every combination of its grid.

    Args:
        run: The pipeline run.
        data: URI of the training rows, passed on to each fit.

    Returns:
        One mapping a candidate: `data`, `name`, `family`, `parameters`, and whether to `score`
        it, which is needed only where there is a choice.
    """
    found: list[dict[str, Any]] = [
        {"data": data, "family": family, "parameters": dict(zip(grid, values, strict=True))}
        for family, grid in run.settings.model.training.families.items()
        for values in product(*grid.values())
    ]
    for number, candidate in enumerate(found):
        candidate["name"] = f"{number:02d}-{candidate['family']}"
        candidate["score"] = len(found) > 1
    return found


def select(run: Run, *, fitted: list[dict[str, Any]]) -> dict[str, Any]:
    """The candidate with the best cross-validated score; the first of equals, so it is stable."""
    if len(fitted) == 1:
        return fitted[0]
    sign = -1 if run.settings.model.training.select_by in LOWER_IS_BETTER else 1
    best = max(fitted, key=lambda candidate: sign * candidate["score"])
    for candidate in sorted(fitted, key=lambda one: -sign * one["score"]):
        mark = "  <- chosen" if candidate is best else ""
        print(f"{candidate['score']:.6f}  {candidate['name']} {candidate['parameters']}{mark}")
    return best
