"""Models trained at random days of the past, and their errors on what came after."""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split
from sklearn.utils.class_weight import compute_sample_weight

from ..._mlops.runtime.settings import Model
from ...metrics import METRICS
from ...training.families import FAMILIES, build
from ...training.prepare import balance
from ...training.search import LOWER_IS_BETTER
from .past import MOST_ROWS, Past

MOST_LEARNED = 1000
"""A simulated model learns from no more rows."""
HELD_OUT = 1 / 3
BUDGET_SECONDS = 600.0
"""No further simulation is begun after it; those that were, count."""
SMALLEST_SHARE = 0.01


@dataclass
class Curves:
    """What the simulations found."""

    relative: dict[str, dict[int, list[float]]]
    """Family to bucket of age to the relative errors of its models."""
    left_out: dict[str, int]
    """Family to how many of its models were no better than a constant guess, or failed to fit."""
    done: int = 0


def simulate(past: Past, model: Model, simulations: int) -> Curves:
    """Train every family of the task at the same random days; seeded, so it can be repeated."""
    families = FAMILIES[model.task]
    curves = Curves({name: {} for name in families}, dict.fromkeys(families, 0))
    random = np.random.default_rng(model.training.random_state)
    began = time.monotonic()
    for _ in range(simulations):
        if time.monotonic() - began > BUDGET_SECONDS:
            break
        first_day = int(random.integers(past.window, len(past.partitions) - 1))
        deployment = Deployment.at(first_day, past, model, seed=int(random.integers(2**31)))
        for family in families:
            errors = deployment.errors(family, model)
            if errors is None:
                curves.left_out[family] += 1
                continue
            for bucket, relative in errors.items():
                curves.relative[family].setdefault(bucket, []).append(relative)
        curves.done += 1
    return curves


@dataclass(frozen=True)
class Deployment:
    """One random day at which models go into service."""

    learned: pd.DataFrame
    held_out: pd.DataFrame
    """Rows of the same days that no model has learned from: what its first error is taken on."""
    later: dict[int, pd.DataFrame] = field(repr=False)
    """Bucket of age to the rows of that age."""

    @classmethod
    def at(cls, first_day: int, past: Past, model: Model, *, seed: int) -> Deployment:
        """The deployment at a partition: what comes before is learned from, the rest is to come."""
        window = pd.concat(past.partitions[first_day - past.window : first_day])
        learned, held_out = train_test_split(window, test_size=HELD_OUT, random_state=seed)
        start = past.days[first_day]
        ages: dict[int, list[pd.DataFrame]] = {}
        for number in range(first_day, len(past.partitions)):
            bucket = (past.days[number] - start) // past.width
            ages.setdefault(bucket, []).append(past.partitions[number])
        later = {
            bucket: sampled(pd.concat(parts), MOST_ROWS, seed) for bucket, parts in ages.items()
        }
        return cls(sampled(learned, MOST_LEARNED, seed), sampled(held_out, MOST_ROWS, seed), later)

    def errors(self, family: str, model: Model) -> dict[int, float] | None:
        """The relative error of one family's model at each age.

        `E_rel(age) = E(age) / E(0)`, with E(0) taken on held-out rows of the days it learned from.

        Returns:
            Bucket of age to relative error; None when the model is no better at first than a
            constant guess, or cannot be fitted on these rows.
        """
        fitted = self._fitted(family, model)
        if fitted is None:
            return None
        # In one go: asking a model costs more than the rows do.
        parts = [self.held_out, *self.later.values()]
        predicted = fitted.predict(pd.concat(parts)[list(model.features)])
        ends = np.cumsum([len(part) for part in parts])[:-1]
        start, *later = [
            error(part[model.target], said, model)
            for part, said in zip(parts, np.split(predicted, ends), strict=True)
        ]
        constant = guess(self.learned[model.target], model)
        if not start < error(self.held_out[model.target], constant, model):
            return None
        floor = smallest(self.held_out[model.target], model)
        return {
            bucket: max(now, floor) / max(start, floor)
            for bucket, now in zip(self.later, later, strict=True)
            if math.isfinite(now)
        }

    def _fitted(self, family: str, model: Model) -> Any:
        grid = model.training.families.get(family, {})
        parameters = {name: values[0] for name, values in grid.items() if values}
        chosen = balance(self.learned[model.target], model)
        target = self.learned[model.target]
        weights = compute_sample_weight("balanced", target) if chosen == "class_weight" else None
        pipeline = build(model, family, parameters, balance=chosen)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of convergence: it is one of many small trainings
            try:
                return pipeline.fit(
                    self.learned[list(model.features)],
                    target,
                    **({} if weights is None else {"model__sample_weight": weights}),
                )
            except ValueError:  # only one class in the window, or too few rows of one
                return None


def error(actual: pd.Series, predicted: Any, model: Model) -> float:
    """`evaluation.compare_by` as an error: itself where less is better, else what is left to 1."""
    metric = model.evaluation.compare_by
    if not isinstance(predicted, pd.Series | np.ndarray):
        predicted = np.full(len(actual), predicted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes that a few rows do not have
        value = float(METRICS[model.task][metric](actual, predicted))
    return value if metric in LOWER_IS_BETTER else 1 - value


def guess(target: pd.Series, model: Model) -> str | float:
    """What who knows no features would always say: the most frequent class, or the mean."""
    return str(target.mode()[0]) if model.task == "classification" else float(target.mean())


def smallest(target: pd.Series, model: Model) -> float:
    """The smallest error that counts, so that a perfect start is not followed by infinities.

    That of one wrong row among those of the first day; of a regression, a hundredth of the error
    of a constant guess.
    """
    if model.task == "classification":
        return 1 / len(target)
    return SMALLEST_SHARE * error(target, guess(target, model), model)


def sampled(rows: pd.DataFrame, most: int, seed: int) -> pd.DataFrame:
    """At most so many of the rows."""
    return rows.sample(most, random_state=seed) if len(rows) > most else rows
