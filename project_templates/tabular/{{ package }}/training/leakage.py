"""What makes a model look better than it is: the answer as a feature, rows seen before."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_predict
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from .._mlops.runtime.settings import Model

# A feature that by itself explains this much of the target is the target under another name.
LEAK = 0.999
# More rows than this would only take longer to say the same.
LOOKED_AT = 5000
FOLDS = 3
# Where so many rows have their like by chance, nothing can be learned by heart.
ALIKE = 0.5


def leaked(rows: pd.DataFrame, model: Model) -> list[str]:
    """A sentence for each feature that alone determines the target.

    Args:
        rows: The training rows.
        model: Its `evaluation.leaks_allowed` names features that may.
    """
    if len(rows) > LOOKED_AT:
        rows = rows.sample(LOOKED_AT, random_state=model.split.random_state)
    measure = "R²" if model.task == "regression" else "balanced accuracy"
    scores = {
        name: alone(rows[name], rows[model.target], model)
        for name in model.features
        if name not in model.evaluation.leaks_allowed
    }
    return [
        f"`{name}` alone determines `{model.target}` ({measure} {score:.6f} without any other "
        f"column, {LEAK} is too good): take it out of `features`, or name it in "
        "`evaluation.leaks_allowed` if it is known before the prediction"
        for name, score in scores.items()
        if score >= LEAK
    ]


def alone(feature: pd.Series, target: pd.Series, model: Model) -> float:
    """How well one feature predicts the target by itself, on rows that were not learned from.

    A decision tree finds any relation; where the target is a number, the correlation of ranks also
    finds one that has too many values for a tree.
    """
    if model.task == "regression":
        values = coded(feature)
        known = values.notna()
        ranks = 0.0
        if varied(values[known], target[known]):
            ranks = np.corrcoef(values[known].rank(), target[known].rank())[0, 1]
        folds = KFold(FOLDS, shuffle=True, random_state=0)
        tree = DecisionTreeRegressor(random_state=0)
        predicted = cross_val_predict(tree, values.to_frame(), target, cv=folds)
        return float(max(r2_score(target, predicted), ranks**2))
    counts = target.value_counts()
    often = target.isin(counts[counts >= FOLDS].index)
    if target[often].nunique() < 2:
        return 0.0
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    tree = DecisionTreeClassifier(random_state=0)
    values = coded(feature[often]).to_frame()
    predicted = cross_val_predict(tree, values, target[often], cv=folds)
    return float(balanced_accuracy_score(target[often], predicted))


def coded(feature: pd.Series) -> pd.Series:
    """A column as numbers: a text by the order in which it first came."""
    if pd.api.types.is_numeric_dtype(feature):
        return feature.astype("float64")
    codes, _ = pd.factorize(feature)
    return pd.Series(codes, index=feature.index, name=feature.name, dtype="float64")


def varied(*columns: pd.Series) -> bool:
    """Whether every one of them has more than one value."""
    return all(column.nunique() > 1 for column in columns)


def copied(train: pd.DataFrame, test: pd.DataFrame, model: Model) -> list[str]:
    """A sentence when too many held-out rows are copies of rows the model has learned from.

    Rows of a few columns with a few values are alike by chance; what chance would give if the
    columns were independent is taken off.
    """
    share = float(row_hashes(test).isin(row_hashes(train)).mean())
    chance = by_chance(pd.concat([train, test]), len(train))
    bound = model.evaluation.copies
    if share - chance <= bound:
        return []
    return [
        f"{share:.1%} of the {len(test)} held-out rows are copies of rows the model has learned "
        f"from ({chance:.1%} are to be expected by chance, and {bound:.0%} more are allowed): "
        "leave repeated rows out, or raise `evaluation.copies`"
    ]


def row_hashes(rows: pd.DataFrame) -> pd.Series:
    """A number a row, the same for the same values wherever the row stands."""
    return pd.util.hash_pandas_object(rows, index=False)


def unseen(rows: pd.DataFrame, model: Model, learned: pd.Series) -> pd.DataFrame:
    """The rows that a model has not learned from: on the others it looks better than it is.

    Where rows are alike by chance, as those of a few columns with a few values are, none can be
    told from another, and all of them are taken.

    Args:
        rows: Rows with the model's columns.
        model: Says which columns these are.
        learned: Hashes of the rows that were learned from.
    """
    known = rows[list(model.columns)]
    if len(rows) and by_chance(known, len(learned)) > ALIKE:
        return rows
    seen = row_hashes(known).isin(learned)
    return rows[~seen]


def by_chance(rows: pd.DataFrame, learned: int) -> float:
    """The chance that a row has its like among `learned` others, were its columns independent."""
    alike, pairs = 1.0, max(len(rows) * (len(rows) - 1), 1)
    for name in rows:
        counts = rows[name].value_counts(dropna=False).astype("float64")
        # Pairs of different rows: a value that occurs once is like no other.
        alike *= float((counts * (counts - 1)).sum()) / pairs
    return 1.0 - (1.0 - alike) ** learned
