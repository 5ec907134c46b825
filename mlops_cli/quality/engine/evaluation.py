"""Evaluates single rules: one query for all aggregates, one more for each set of key columns.

A rule that cannot be evaluated is ERROR and touches no other rule's outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..language import model
from ..report import ERROR, FAIL, PASS
from .dynamic import noted, resolve
from .measurement import Context, Group, Measure, Query, Verdict, filtered
from .measures import check_numbers, measure
from .values import CannotEvaluateError
from .where import first_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one rule."""

    outcome: str
    message: str
    metrics: Mapping[str, float]


class Evaluation:
    """Evaluates single rules against one connection."""

    def __init__(self, context: Context, rows: int) -> None:
        self._context = context
        self._rows = rows
        self.resolved: dict[int, model.Rule] = {}
        """Dynamic rules with the numbers they were compared with, by the rule's identity."""
        self.measures: dict[int, Measure] = {}
        """What each rule was measured by; none for a rule that could not be."""
        self._found: dict[Group | Query, dict[str, float | None] | str] = {}

    def evaluate(self, rules: Iterable[model.Rule | model.Analyzer]) -> dict[int, Answer]:
        """Answer every rule, by its identity: two rules may be equal and stand in two places."""
        answers: dict[int, Answer] = {}
        planned: list[tuple[model.Rule | model.Analyzer, Measure, dict[str, str]]] = []
        for rule in rules:
            try:
                measured = self._measure(rule)
                planned.append((rule, measured, {"kept": _kept(measured.where), **measured.needs}))
            except CannotEvaluateError as error:
                answers[id(rule)] = Answer(ERROR, str(error), {})
        shared = self._shared({sql for _, _, needs in planned for sql in needs.values()})
        for rule, measured, needs in planned:
            answers[id(rule)] = self._answer(rule, measured, needs, shared)
        return answers

    def _measure(self, rule: model.Rule | model.Analyzer) -> Measure:
        found = resolve(rule, self._context)
        check_numbers(found.rule)
        if found.notes and isinstance(found.rule, model.Rule):
            self.resolved[id(rule)] = found.rule
        measured = noted(measure(found.rule, self._context), found.notes)
        self.measures[id(rule)] = measured
        return measured

    def _shared(self, aggregates: set[str]) -> dict[str, float | None] | None:
        """Run all aggregates at once; None when one of them cannot be run."""
        import duckdb

        try:
            return self._run_aggregates(aggregates)
        except duckdb.Error:
            return None

    def _run_aggregates(self, aggregates: Iterable[str]) -> dict[str, float | None]:
        ordered = sorted(aggregates)
        if not ordered:
            return {}
        row = self._context.connection.execute(
            f"SELECT {', '.join(ordered)} FROM data"  # noqa: S608
        ).fetchone()
        return dict(zip(ordered, row or (), strict=True))

    def _answer(
        self,
        rule: model.Rule | model.Analyzer,
        measured: Measure,
        needs: dict[str, str],
        shared: dict[str, float | None] | None,
    ) -> Answer:
        import duckdb

        try:
            found = shared if shared is not None else self._run_aggregates(set(needs.values()))
            values = {name: found[sql] for name, sql in needs.items()}
            verdict = self._verdict(rule, measured, values)
        except CannotEvaluateError as error:
            return Answer(ERROR, str(error), {})
        except duckdb.Error as error:
            return Answer(ERROR, f"{rule.type} could not be evaluated: {first_line(error)}", {})
        return Answer(PASS if verdict.passed else FAIL, verdict.message, verdict.metrics)

    def _verdict(
        self,
        rule: model.Rule | model.Analyzer,
        measured: Measure,
        values: dict[str, float | None],
    ) -> Verdict:
        if measured.needs_rows and not self._rows:
            return Verdict(False, f"{rule.type} fails because the data has no rows")
        if measured.needs_rows and not values["kept"]:
            # As Glue does: a rule about no row at all holds, as long as there is data.
            return Verdict(True, "No row meets the `where`")
        if measured.query is not None:
            values |= self._queried(measured.query)
        return measured.finish(values)

    def _queried(self, query: Group | Query) -> dict[str, float | None]:
        """Run a query once for all rules that need it."""
        import duckdb

        if query not in self._found:
            try:
                row = self._context.connection.execute(query.sql()).fetchone() or ()
                self._found[query] = dict(zip(query.names, row, strict=True))
            except duckdb.Error as error:
                self._found[query] = first_line(error)
        found = self._found[query]
        if isinstance(found, str):
            what = "grouped" if isinstance(query, Group) else "compared"
            raise CannotEvaluateError(f"The values could not be {what}: {found}")
        return found


def _kept(where: str | None) -> str:
    """The number of rows a rule is about."""
    return f"count(*){filtered(where)}"
