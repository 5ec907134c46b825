"""From a table to a project that fits it: task, features, models, thresholds, rules.

Everything is decided from what is in the file, and every decision a person may want to change is
said: as a warning, or with its reason.
"""

from __future__ import annotations

import difflib
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.core.errors import ProjectError, UsageError

from . import serving_rules

if TYPE_CHECKING:
    from collections.abc import Container, Mapping
    from pathlib import Path

    from mlops_cli.core.progress import Progress
    from mlops_cli.quality import ColumnProfile, Profile

    from .table import Table

CLASSIFICATION: Final = "classification"
REGRESSION: Final = "regression"
TASKS: Final = (CLASSIFICATION, REGRESSION)

_COPIED_BYTES: Final = 50 * 1024 * 1024
_FEWEST_ROWS: Final = 40
_MOST_CLASSES: Final = 20
_DATES: Final = ("date", "timestamp")
_ID_NAME: Final = re.compile(
    r"(^|_)(id|uuid|guid|key|index|rowid|nr|no)$|^(unnamed: \d+|column0|)$"
)
_PLAIN_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
# The template's own example, which is committed; a user's data is not.
_EXAMPLE: Final = "iris.csv"

_FOREST: Final = {
    "random_forest": {"n_estimators": [200], "max_depth": [None, 8]},
    "gradient_boosting": {"learning_rate": [0.05, 0.1]},
    "mlp": {"hidden_layer_sizes": [[32], [64, 32]]},
}
_FAMILIES: Final[dict[str, dict[str, Any]]] = {
    CLASSIFICATION: {"logistic_regression": {"C": [0.1, 1.0, 10.0]}, **_FOREST},
    REGRESSION: {"ridge": {"alpha": [0.1, 1.0, 10.0]}, **_FOREST},
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What was seen in the data, and what was made of it."""

    data: str
    rows: int
    columns: int
    target: str
    task: str
    reason: str
    """Why that task."""
    features: tuple[str, ...]
    thresholds_reason: str
    copied: bool
    """The file lies in the project now, and git ignores it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Dataset:
    """The data a project is made for, and the answers that follow from it."""

    table: Table
    rules: serving_rules.Rules
    answers: Mapping[str, Any]
    found: Found
    warnings: tuple[str, ...]

    def write(self, root: Path) -> None:
        """Put the proposed rules, and a file that is not too large, into the project.

        Raises:
            ProjectError: The file changed while it was used.
            OSError: A file could not be read or written.
        """
        serving_rules.write(root, self.rules)
        with suppress(OSError):
            (root / "data").rmdir()  # nothing is left in it without the example
        if self.found.copied:
            copy = root / str(self.answers["source"])
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.table.path, copy)
            now = self.table.path.stat()
            if (now.st_size, now.st_mtime_ns) != (self.table.size, self.table.modified):
                raise ProjectError(
                    f"Could not use `{self.table.location}`: it changed while it was read",
                    state="nothing was created",
                )


def choose(
    table: Table,
    *,
    target: str | None,
    task: str | None = None,
    key: str | None = None,
    time: str | None = None,
    progress: Progress,
) -> Dataset:
    """Decide what to predict, how, and from which columns.

    Args:
        table: The data.
        target: The column to predict.
        task: Classification or regression; None to infer it.
        key: The column that names a row; it is no feature.
        time: The column with a row's date; likewise.
        progress: Where to say what is being done.

    Raises:
        UsageError: There is no target, or the file has no such column.
        ProjectError: Nothing can be learned from this file in this way.
    """
    column = _target(table, target)
    kind, reason = infer_task(table, column)
    if task and task != kind:
        kind, reason = task, "as asked"
    _refuse_unlearnable(table, column, kind)
    named = [_named(table, name, option) for name, option in ((key, "--key"), (time, "--time"))]
    _refuse_no_date(table, time)
    features, said = _features(table, {column.name, *named})
    warnings = [*table.notes, *said]
    answers = _answers(table, column, kind, progress) | {
        "features": {feature.name: feature.type for feature in features}
    }
    if column.nulls:
        warnings.append(f"{column.nulls} rows have no `{column.name}` and are not trained on")
    copied = not table.is_uri and table.size <= _COPIED_BYTES
    if copied:
        warnings.append(f"`{answers['source']}` is a copy of your data; git ignores it")
    found = Found(
        data=table.location,
        rows=table.rows,
        columns=len(table.columns),
        target=column.name,
        task=kind,
        reason=reason,
        features=tuple(answers["features"]),
        thresholds_reason=answers["thresholds_reason"],
        copied=copied,
    )
    rules = serving_rules.propose(
        table,
        features=found.features,
        target=column,
        task=kind,
        key=[key] if key else [],
        time=time,
        progress=progress,
    )
    return Dataset(table=table, rules=rules, answers=answers, found=found, warnings=tuple(warnings))


def infer_task(table: Table | Profile, target: ColumnProfile) -> tuple[str, str]:
    """Which task fits the target's values, and why."""
    shown = f"`{target.name}` is {_article(target.type)} column"
    if target.type in ("text", "boolean"):
        return CLASSIFICATION, f"{shown} with {target.distinct} values"
    # Whole numbers that come back again and again are labels; a count or a price does not.
    if (
        target.type == "integer"
        and target.distinct <= _MOST_CLASSES
        and target.distinct * 5 <= table.rows
    ):
        return CLASSIFICATION, f"{shown} with only {target.distinct} values in {table.rows} rows"
    return REGRESSION, f"{shown} with {target.distinct} values"


def _article(type_name: str) -> str:
    return f"{'an' if type_name[0] in 'aeiou' else 'a'} {type_name}"


def _target(table: Table, name: str | None) -> ColumnProfile:
    names = [column.name for column in table.columns]
    if name is None:
        raise UsageError(
            "Could not tell which column to predict: `--target` is missing",
            hint=f"Add `--target COLUMN`; `{table.location}` has {_listed(names)}",
        )
    column = table.column(name)
    if column is None:
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5) or [
            each for each in names if each.lower() == name.lower()
        ]
        hint = f"Did you mean {_listed(near)}?" if near else f"It has {_listed(names)}"
        raise ProjectError(f"There is no column `{name}` in `{table.location}`", hint=hint)
    return column


def _listed(names: list[str], most: int = 12) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def _refuse_unlearnable(table: Table, target: ColumnProfile, task: str) -> None:
    reason = None
    if target.type in (*_DATES, "other"):
        reason = f"`{target.name}` is {_article(target.type)} column, which nothing here predicts"
    elif any(not character.isprintable() or character in '"\\' for character in target.name):
        reason = f"the name `{ascii(target.name)[1:-1]}` cannot stand in a ruleset; rename it"
    elif target.not_finite:
        reason = f"`{target.name}` is NaN or infinite in {target.not_finite} rows"
    elif task == REGRESSION and target.type in ("text", "boolean"):
        reason = f"`{target.name}` is {_article(target.type)} column, and regression needs numbers"
    elif task == CLASSIFICATION and target.type == "number" and target.distinct > _MOST_CLASSES:
        reason = f"`{target.name}` has {target.distinct} different numbers, which are no classes"
    elif target.distinct < 2:
        reason = f"`{target.name}` is the same in every row"
    elif table.rows < _FEWEST_ROWS:
        reason = f"it has {table.rows} rows, and {_FEWEST_ROWS} are the fewest to learn from"
    elif task == CLASSIFICATION and target.distinct * 2 > table.rows:
        reason = f"`{target.name}` has {target.distinct} different values in {table.rows} rows"
    if reason:
        raise ProjectError(f"Could not learn from `{table.location}`: {reason}")


def _named(table: Table, name: str | None, option: str) -> str | None:
    if name is None or table.column(name) is not None:
        return name
    names = [column.name for column in table.columns]
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    raise ProjectError(
        f"There is no column `{name}` in `{table.location}`, and `{option}` names it",
        hint=f"Did you mean {_listed(near)}?" if near else f"It has {_listed(names)}",
    )


def _refuse_no_date(table: Table, time: str | None) -> None:
    column = table.column(time) if time is not None else None
    if column is not None and column.type not in _DATES:
        raise ProjectError(
            f"Could not take `{column.name}` for the rows' dates: it is {_article(column.type)} "
            f"column of `{table.location}`"
        )


def _features(table: Table, others: Container[str | None]) -> tuple[list[ColumnProfile], list[str]]:
    features, warnings = [], []
    for column in table.columns:
        if column.name in others:
            continue
        reason = _left_out(table, column)
        if reason:
            warnings.append(f"`{column.name}` was left out: {reason}")
        else:
            features.append(column)
            warnings += _oddities(column)
    if not features:
        raise ProjectError(
            f"Could not learn from `{table.location}`: no column is left to predict from",
            hint="; ".join(warnings) or None,
        )
    return features, warnings


def _left_out(table: Table, column: ColumnProfile) -> str | None:
    if column.nulls == table.rows:
        return "it is empty"
    if column.type == "other":
        return "it holds neither numbers, texts nor true and false"
    if column.distinct < 2 and not column.nulls:
        return "it is the same in every row"
    if column.type in _DATES:
        return f"it is {_article(column.type)}; derive what matters of it in `features.py`"
    filled = table.rows - column.nulls
    unique = column.distinct == filled
    if column.type == "text" and (unique or column.distinct > max(50, filled // 2)):
        return f"it has {column.distinct} different texts, like an identifier"
    if column.type == "integer" and unique and _is_counter(column):
        return "it looks like an identifier: every row has another number"
    return None


def _oddities(column: ColumnProfile) -> list[str]:
    said = [f"`{column.name}` is text: {column.note}"] if column.note else []
    if column.not_finite:
        said.append(f"`{column.name}` is NaN or infinite in {column.not_finite} rows")
    return said


def _is_counter(column: ColumnProfile) -> bool:
    if _ID_NAME.search(column.name.strip().lower()):
        return True
    # Every number of a range exactly once, in whatever order.
    return bool(int(column.high) - int(column.low) + 1 == column.distinct)


def _answers(table: Table, target: ColumnProfile, task: str, progress: Progress) -> dict[str, Any]:
    classes = table.counts(target, progress=progress) if task == CLASSIFICATION else {}
    thresholds, reason = _thresholds(classes)
    # A class with one row cannot stand on both sides of the split.
    stratify = bool(classes) and min(classes.values()) >= 2
    return {
        "task": task,
        "target": target.name,
        "target_type": target.type,
        "source": _source(table),
        "families": _FAMILIES[task],
        "split": {"test_size": 0.25, "random_state": 42, "stratify": stratify},
        "thresholds": thresholds,
        "thresholds_reason": reason,
        "compare_by": "f1_score" if task == CLASSIFICATION else "rmse",
    }


def _source(table: Table) -> str:
    if table.is_uri:
        return table.location
    if table.size > _COPIED_BYTES:
        return table.path.resolve().as_uri()
    name = table.path.name
    plain = _PLAIN_NAME.fullmatch(name) and name != _EXAMPLE
    return f"data/{name if plain else 'training' + table.path.suffix.lower()}"


def _thresholds(classes: dict[str, int]) -> tuple[dict[str, Any], str]:
    """What anybody could reach without a model, and a bit more."""
    if not classes:
        return {"r2": {"minimum": 0.1}}, "0 is what predicting the mean reaches; raise it"
    largest = max(classes, key=lambda name: classes[name])
    share = classes[largest] / sum(classes.values())
    count = len(classes)
    if min(classes.values()) / sum(classes.values()) * count < 0.5:
        # Rare classes are weighed, which costs accuracy on purpose.
        minimum = round((1 + 0.1 * (count - 1)) / count, 2)
        always = round(1 / count, 2)
        return (
            {"balanced_accuracy": {"minimum": minimum}},
            f"{always} is what one answer for all {count} classes reaches; raise it",
        )
    minimum = round(share + 0.1 * (1 - share), 2)
    return (
        {"accuracy": {"minimum": minimum}},
        f"{share:.2f} is what always answering the most frequent class reaches; raise it",
    )
