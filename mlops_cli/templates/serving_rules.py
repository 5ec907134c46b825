"""The rules of a project's gates, from those that were found for its training data.

The gates of rows stop what is broken: a value that is missing or cannot be, a column in another
unit. Rows that are merely other than before get through: of drift, monitoring tells, and the rows
since are just what a new model has to be trained on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Final

from .table import look_into

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlops_cli.core.progress import Progress
    from mlops_cli.quality import ColumnProfile, Source, Suggestion

    from .table import Table

# What is said of each row by itself, and so of a batch of any size.
_OF_A_ROW: Final = (
    "complete", "set", "never negative", "natural end", "exists", "type", "pattern", "length",
)  # fmt: skip
_OF_MANY_ROWS: Final = ("completeness",)
_BOUNDS: Final = "bounds"
_ROWS: Final = "rows"
# What drift moves, and what no single row can break.
_OF_THE_SHAPE: Final = ("mean", "deviation")
_SET: Final = "set"
_THRESHOLD: Final = re.compile(r" with threshold >=? ([0-9.]+)$")
# A column in another unit lies outside with all its rows, and one that drifted with some.
_INSIDE: Final = 0.5
_ENOUGH: Final = 200
# Enough to learn from again, when the labelled rows of the last weeks are all there is.
_TRAINING: Final = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Rules:
    """The rulesets of three gates, as they are written."""

    raw: str
    input: str
    predictions: str


def write(root: Path, rules: Rules) -> None:
    """Write the rulesets into a project with its `mlops.yaml`.

    Raises:
        OSError: A ruleset could not be written.
    """
    from mlops_cli.runtime.settings import load

    named = load(root).model.quality
    for gate in fields(rules):
        (root / named[gate.name]).write_text(getattr(rules, gate.name), encoding="utf-8")


def propose(
    table: Table,
    *,
    features: Sequence[str],
    target: ColumnProfile,
    task: str,
    key: Sequence[str] = (),
    time: str | None = None,
    progress: Progress,
) -> Rules:
    """Find rules for the gates `raw`, `input` and `predictions`.

    Args:
        table: The training data.
        features: The columns that are learned from.
        target: The column that is predicted.
        task: Classification or regression.
        key: The columns that name a row.
        time: The column with a row's day.
        progress: Where to say what is being done.

    Raises:
        ProjectError: The file cannot be read any more.
    """
    # The gate sees what training reads: the features and the target, nothing else.
    seen = table.profile([*features, target.name])

    def find(source: Source) -> Rules:
        from mlops_cli import quality

        # A copy in the project never gets newer, so no rule asks how fresh it is.
        found = quality.propose(
            source, profile=seen, target=target.name, task=task, static=True
        ).suggestions
        return Rules(
            raw=training_rules(table.rows, found, target=target.name),
            input=input_rules(source, found, target=target.name, key=key, time=time),
            predictions=prediction_rules(target, found, task=task),
        )

    said = f"Judging proposed rules on rows of `{table.location}`"
    return look_into(table.location, table.path, find, said, progress)


def training_rules(rows: int, found: Sequence[Suggestion], *, target: str) -> str:
    """Write the ruleset of the gate `raw`.

    Args:
        rows: How many the training data has.
        found: The rules that were proposed for it.
        target: The column that is predicted.
    """
    from mlops_cli import quality

    fewest = max(1, min(rows // 2, _TRAINING))
    reason = f"{rows} rows were seen; from fewer than {fewest} too little is learned"
    rules = [quality.Suggestion(f"RowCount >= {fewest}", reason)]
    for one in found:
        if one.kind == _BOUNDS and one.column != target:
            rules += _of_new_rows(one)
        elif one.kind not in (_ROWS, *_OF_THE_SHAPE):
            rules.append(one)
    return quality.render(rules)


def input_rules(
    source: Source,
    found: Sequence[Suggestion],
    *,
    target: str,
    key: Sequence[str] = (),
    time: str | None = None,
) -> str:
    """Write the ruleset of the gate `input`.

    Args:
        source: The training data.
        found: The rules that were proposed for it.
        target: The column that new rows do not have.
        key: The columns that name a row.
        time: The column with a row's day.

    Raises:
        DataReadError: The file cannot be read any more.
    """
    from mlops_cli import quality

    rules = [quality.Suggestion("RowCount >= 1", "an empty batch has nothing to predict")]
    rules += _of_the_names(key, time)
    rules += [rule for one in found if one.column != target for rule in _of_new_rows(one)]
    # A key that is not one in the training data either would stop every batch.
    outcomes = quality.check(quality.render(rules), source).outcomes
    kept = [one for one, said in zip(rules, outcomes, strict=True) if said.outcome == "PASS"]
    return quality.render(kept)


def prediction_rules(column: ColumnProfile, found: Sequence[Suggestion], *, task: str) -> str:
    """Write the ruleset of the gate `predictions`.

    Args:
        column: The target, as it is in the training data.
        found: The rules that were proposed for it.
        task: Classification or regression.
    """
    from mlops_cli import quality

    rules = [
        quality.Suggestion("RowCount >= 1", "without a row there is nothing to publish"),
        quality.Suggestion('IsComplete "prediction"', "every row has a prediction"),
        *(
            quality.Suggestion(f'IsComplete "{name}"', f"every row says its {said}")
            for name, said in (("model_version", "version"), ("run_id", "run"))
        ),
        quality.Suggestion(
            'DistinctValuesCount "model_version" = 1', "one version predicts a batch"
        ),
        *(_classes(column, found) if task == "classification" else _range(column)),
    ]
    return quality.render(rules)


def _of_the_names(key: Sequence[str], time: str | None) -> Iterator[Suggestion]:
    from mlops_cli.quality import Suggestion
    from mlops_cli.quality.language.printer import quote

    named = [quote(name) for name in (*key, *([time] if time else []))]
    for name in key:
        yield Suggestion(f"IsComplete {quote(name)}", f"every row is named by `{name}`")
    if time:
        yield Suggestion(f"IsComplete {quote(time)}", f"predictions are kept by `{time}`")
    if key:
        reason = "no row is there twice: its label could not be told from the other's"
        yield Suggestion(f"IsPrimaryKey {' '.join(named)}", reason)


def _of_new_rows(one: Suggestion) -> Iterator[Suggestion]:
    if not one.column or one.other:
        return
    if one.kind == _BOUNDS:
        before = _THRESHOLD.search(one.rule)
        share = _INSIDE * (float(before[1]) if before else 1.0)
        rule = f"{_THRESHOLD.sub('', one.rule)} with threshold >= {share:.2g}"
        said = "; rows beyond it may be drift, and most rows a column in another unit"
        yield replace(one, rule=_if_enough(rule, one.rows_needed), reason=one.reason + said)
    elif one.kind in (*_OF_A_ROW, *_OF_MANY_ROWS):
        # Where some rows may fail, a small batch can have just those.
        needed = _ENOUGH if _THRESHOLD.search(one.rule) else one.rows_needed
        yield replace(one, rule=_if_enough(one.rule, needed))


def _if_enough(rule: str, needed: int | None) -> str:
    """The rule, in a batch of so many rows that it says something."""
    return rule if needed in (None, 1) else f"(RowCount < {needed}) or ({rule})"


def _classes(column: ColumnProfile, found: Sequence[Suggestion]) -> Iterator[Suggestion]:
    from mlops_cli.quality.language.printer import quote

    for one in found:
        if one.column == column.name and one.kind == _SET:
            rule = one.rule.replace(quote(column.name), '"prediction"', 1)
            # A row without a label is not trained on, so nothing else is ever predicted.
            rule = rule.replace(", NULL]", "]")
            yield replace(one, rule=rule, reason="no other class was there to learn")


def _range(column: ColumnProfile) -> Iterator[Suggestion]:
    from mlops_cli.quality import Suggestion
    from mlops_cli.quality.proposal.wording import DOWN, UP, decimal

    if column.low is None or column.not_finite or column.low == column.high:
        return
    low, high = float(column.low), float(column.high)
    bottom, top = decimal(2 * low - high, DOWN), decimal(2 * high - low, UP)
    rule = f'ColumnValues "prediction" between {bottom} and {top}'
    reason = f"the range of `{column.name}`, and as much to each side"
    yield Suggestion(rule, reason)
