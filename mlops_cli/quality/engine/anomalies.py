"""DetectAnomalies: an approximation of our own, which is not the algorithm of AWS Glue.

Glue's is closed: it learns trend and season from a statistic's history. Ours is the modified
z-score of Iglewicz and Hoaglin (How to Detect and Handle Outliers, ASQC 1993): a value is an
anomaly when

    |value - median| > 3.5 * 1.4826 * MAD

where median and MAD, the median of the absolute deviations from it, are taken over the newest
earlier results. Where more than half of these are equal, MAD is 0, and 1.2533 times the mean
absolute deviation stands for it; where all are equal, any other value is an anomaly. Trend and
season are not modelled: a metric that only grows is no anomaly as long as it grows as before
within the window, and a weekly peak can be one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..history import history_key
from ..language import model
from ..language.cursor import did_you_mean
from ..language.rules import RULE_TYPES
from .averages import mean, median
from .measurement import Measure, Verdict, shown
from .values import CannotEvaluateError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..language.rules import RuleType
    from .measurement import Context, Found, Single

FEWEST, NEWEST = 5, 60
_NOT_METRICS = ("AggregateMatch", "CustomSql")
_CUTOFF, _MAD_TO_DEVIATION, _MEAN_TO_DEVIATION = 3.5, 1.4826, 1.253314


@dataclass(frozen=True, slots=True)
class Band:
    """Where a metric should lie, as its history says."""

    low: float
    high: float

    def holds(self, value: float) -> bool:
        """Tell whether a value lies in it; NaN lies nowhere."""
        close = math.isclose(value, self.low) or math.isclose(value, self.high)
        return close or self.low <= value <= self.high


def expected(values: Sequence[float]) -> Band:
    """Work out where the next value should lie.

    Args:
        values: Earlier ones, the newest first; only the newest count.
    """
    newest = list(values[:NEWEST])
    middle = median(newest)
    deviations = [abs(value - middle) for value in newest]
    spread = _MAD_TO_DEVIATION * median(deviations)
    spread = spread or _MEAN_TO_DEVIATION * mean(deviations)
    return Band(middle - _CUTOFF * spread, middle + _CUTOFF * spread)


def detect_anomalies(
    rule: Single, context: Context, inner: Callable[[model.Analyzer], Measure]
) -> Measure:
    """Measure a metric, and compare it with its history.

    Args:
        rule: `DetectAnomalies "Completeness" "age"`.
        context: The data and the history.
        inner: How the metric's analyzer is measured.

    Raises:
        CannotEvaluateError: It names no metric.
    """
    analyzer = _analyzer(rule)
    measured = inner(analyzer)

    def finish(found: Found) -> Verdict:
        verdict = measured.finish(found)
        if not verdict.metrics:
            return Verdict(False, verdict.message or f"{analyzer.type} has no value")
        earlier = {
            metric: context.history.values(history_key(rule, metric)) if context.history else ()
            for metric in verdict.metrics
        }
        fewest = min(len(values) for values in earlier.values())
        if fewest < FEWEST:
            # The metrics are kept all the same, or there would never be enough of them.
            message = _too_few(fewest, kept=context.history is not None)
            return Verdict(False, message, verdict.metrics, undecided=True)
        odd = [_odd(metric, value, earlier[metric]) for metric, value in verdict.metrics.items()]
        message = "; ".join(one for one in odd if one)
        return Verdict(not message, message, verdict.metrics)

    return Measure(measured.needs, finish, measured.query, needs_rows=measured.needs_rows)


def _analyzer(rule: Single) -> model.Analyzer:
    name, *rest = rule.parameters
    kind = RULE_TYPES.get(name.value)
    if kind is None or not _is_metric(kind):
        near = did_you_mean(
            name.value, [one.name for one in RULE_TYPES.values() if _is_metric(one)]
        )
        raise CannotEvaluateError(
            f"`{name.value}` is no metric" + (f". {near}" if near else ", such as `RowCount`")
        )
    few, most = kind.fewest, kind.most
    if len(rest) < few or (most is not None and len(rest) > most):
        needs = ", ".join(kind.arguments) or "nothing more"
        raise CannotEvaluateError(f"The metric `{kind.name}` takes {needs}")
    return model.Analyzer(kind.name, tuple(rest))


def _is_metric(kind: RuleType) -> bool:
    alone = kind.evaluated_here and not kind.only_analyzer and kind.name not in _NOT_METRICS
    return alone and kind.analyzer and not kind.name.startswith("File")


def _too_few(count: int, *, kept: bool) -> str:
    why = f"there are {count}" if kept else "no history is kept"
    return f"Anomalies can be told from {FEWEST} earlier results on, and {why}"


def _odd(metric: str, value: float, earlier: Sequence[float]) -> str:
    """Say what is odd about a value; nothing when it is as expected."""
    band = expected(earlier)
    if band.holds(value):
        return ""
    where = f"from {shown(band.low)} to {shown(band.high)}"
    if band.low == band.high:
        where = f"at {shown(band.low)}"
    count = min(len(earlier), NEWEST)
    return f"`{metric}` is {shown(value)}, and {count} earlier results expect it {where}"
