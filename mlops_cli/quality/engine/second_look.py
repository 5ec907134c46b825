"""Looks at the data once more, row by row, where that was asked for."""

from __future__ import annotations

from contextlib import ExitStack
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from ..language import model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..data.source import Source
    from .evaluation import Answer, Evaluation
    from .failed_rows import FailedRows
    from .measurement import Context
    from .rows import Method


class SecondLook(NamedTuple):
    """What came of it."""

    composites: Mapping[int, tuple[str, str]] = MappingProxyType({})
    """Outcome and message of composite rules that were evaluated row by row, by identity."""
    notes: tuple[str, ...] = ()

    def applied(self, rule: model.AnyRule, answer: Answer) -> Answer:
        """Give the answer of a rule as it is now."""
        if id(rule) not in self.composites:
            return answer
        outcome, message = self.composites[id(rule)]
        return answer._replace(outcome=outcome, message=message)


def look_at_rows(
    rules: model.Ruleset,
    data: Source,
    beside: Mapping[str, Source],
    context: Context,
    found: tuple[Evaluation, Mapping[int, Answer]],
    *,
    composite: Method,
    rows: FailedRows | None,
) -> SecondLook:
    """Evaluate composites row by row, and write the rows that fail, as far as these are wanted.

    Raises:
        RowsError: The rows cannot be written.
    """
    by_row = composite == "row" and any(isinstance(rule, model.Composite) for rule in rules.rules)
    if rows is None and not by_row:
        return SecondLook()
    evaluation, answers = found
    with ExitStack() as stack:
        sink = stack.enter_context(rows.workshop()) / "collected.duckdb" if rows else None
        connection = data.connect(None, beside=beside, sink=sink)
        stack.callback(connection.close)
        from .rows import RowJudge, composites_by_row

        judge = RowJudge(connection, context, evaluation.measures, answers)
        judge.name_tables()
        composites = composites_by_row(rules, judge, data.rows) if by_row else {}
        if rows is None or sink is None:
            return SecondLook(composites)
        count = rows.collect(rules, judge)
        rows.publish(sink)
    return SecondLook(composites, (_written(rows, count),))


def _written(rows: FailedRows, count: int) -> str:
    some = "" if rows.most is None or count < rows.most else ", of which no more were asked for,"
    return f"{count} row{'' if count == 1 else 's'} that failed{some} are in `{rows.path}`"
