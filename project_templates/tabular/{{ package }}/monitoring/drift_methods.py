"""By which test a column is compared: chosen by its type and by how many rows there are."""

from __future__ import annotations

from typing import Any

import pandas as pd
from scipy.stats import chi2_contingency

from .._mlops.runtime.settings import Drift
from .._mlops.runtime.steps import Refused

# A p-value at which 30 windows of the same data practically never break: Evidently's own 0.05
# calls every twentieth column of every window drifted.
P_VALUE = 0.001
# A distance says how far apart two samples are, and is mostly noise while they are small: 100 rows
# of the very same distribution are 0.1 apart. A test takes the number of rows into account.
DISTANCE = 0.1
ENOUGH = 1000
ENOUGH_PER_VALUE = 100
# The test's approximation needs about five expected rows a value; rarer ones are counted together.
RARE = 5
TEST_OF_SHARES = "shares"


def method_of(
    before: pd.Series, now: pd.Series, numeric: bool, options: Drift
) -> tuple[str, float | None]:
    """The method for a column and its threshold: a test while rows are few, then a distance.

    Raises:
        Refused: `mlops.yaml` names no method that there is, or a threshold without a method.
    """
    if options.method is None and options.threshold is not None:
        raise Refused("monitoring.drift.threshold of mlops.yaml says nothing without a `method`")
    if options.method is not None and _applies(options.method, numeric):
        return options.method, options.threshold
    rows = min(before.notna().sum(), now.notna().sum())
    if numeric:
        return ("wasserstein", DISTANCE) if rows >= ENOUGH else ("ks", P_VALUE)
    values = pd.concat([before, now]).nunique()
    if rows >= max(ENOUGH, ENOUGH_PER_VALUE * values):
        return "jensenshannon", DISTANCE
    return TEST_OF_SHARES, P_VALUE


def _applies(method: str, numeric: bool) -> bool:
    """Whether Evidently's method takes columns of this type.

    Raises:
        Refused: It knows no such method.
    """
    from evidently.legacy.calculations.stattests import registry
    from evidently.legacy.core import ColumnType

    wanted = ColumnType.Numerical if numeric else ColumnType.Categorical
    try:
        registry.get_registered_stattest(method, wanted)
    except registry.StatTestInvalidFeatureTypeError:
        return False
    except registry.StatTestNotFoundError as error:
        raise Refused(f"monitoring.drift.method of mlops.yaml: {error}") from error
    return True


def register() -> None:
    """Make the test of shares one of Evidently's methods.

    Its own chi-square takes the reference's shares for exact. Against a few dozen held-out
    predictions that finds drift in windows of the very same distribution.
    """
    from evidently.legacy.calculations.stattests import StatTest, register_stattest
    from evidently.legacy.core import ColumnType

    test = StatTest(
        name=TEST_OF_SHARES,
        display_name="chi-square of both samples' shares, p_value",
        allowed_feature_types=[ColumnType.Categorical],
        default_threshold=P_VALUE,
    )
    register_stattest(test, default_impl=_shares_test)


def _shares_test(
    before: pd.Series, now: pd.Series, _kind: Any, threshold: float
) -> tuple[float, bool]:
    """Pearson's chi-square test that two samples have the same shares of values."""
    counts = pd.DataFrame({"before": before.value_counts(), "now": now.value_counts()}).fillna(0)
    fewer = min(len(before), len(now)) / (len(before) + len(now))
    rare = counts.sum(axis="columns") * fewer < RARE
    if rare.any():
        counts = pd.concat([counts[~rare], counts[rare].sum().to_frame("(rare)").T])
    if len(counts) < 2:
        return 1.0, False
    p_value = float(chi2_contingency(counts.to_numpy(), correction=False).pvalue)
    return p_value, p_value < threshold
