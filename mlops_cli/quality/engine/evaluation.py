"""Evaluates single rules: one query for all aggregates, one more for each set of key columns.

A rule that cannot be evaluated is ERROR and touches no other rule's outcome.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from ..data.connection import engine
from ..language import model
from ..report import ERROR, FAIL, PASS
from .connections import has_where, limited
from .dynamic import noted, resolve
from .measurement import Context, Group, Measure, Query, Single, Verdict, filtered, is_dense, shown
from .measures import check_numbers, measure
from .profiles import check_known
from .values import CannotEvaluateError
from .where import first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import duckdb

Row: TypeAlias = "dict[str, float | None]"


class Answer(NamedTuple):
    """What came of one rule."""

    outcome: str
    message: str
    metrics: Mapping[str, float]


class Evaluation:
    """Evaluates single rules, each on the connection it may use."""

    def __init__(
        self,
        context: Context,
        rows: int,
        *,
        locked: Callable[[], duckdb.DuckDBPyConnection] | None = None,
    ) -> None:
        """Prepare an evaluation.

        Args:
            context: The data, on a connection for SQL that is our own.
            rows: How many the data has.
            locked: The connection for rules with a `where`; without it, that of the context.
        """
        self._context = context
        self._rows = rows
        self._locked = locked
        self.failed = False
        """Whether a query failed, which may be the fault of the data."""
        self.resolved: dict[int, model.Rule] = {}
        """Dynamic rules with the numbers they were compared with, by the rule's identity."""
        self.measures: dict[int, Measure] = {}
        """What each rule was measured by; none for a rule that could not be."""

    def evaluate(self, rules: Iterable[model.Rule | model.Analyzer]) -> dict[int, Answer]:
        """Answer every rule, by its identity: two rules may be equal and stand in two places."""
        listed = list(rules)
        if self._locked is None:
            return self._evaluate(listed, self._context)
        answers = self._evaluate([one for one in listed if not has_where(one)], self._context)
        if filtered_rules := [one for one in listed if has_where(one)]:
            context = self._context._replace(connection=self._locked())
            answers |= self._evaluate(filtered_rules, context)
        return answers

    def _evaluate(self, rules: Iterable[Single], context: Context) -> dict[int, Answer]:
        answers: dict[int, Answer] = {}
        planned: list[tuple[Single, Measure, dict[str, str]]] = []
        for rule in rules:
            try:
                measured = self._measure(rule, context)
                planned.append((rule, measured, {"kept": _kept(measured.where), **measured.needs}))
            except CannotEvaluateError as error:
                answers[id(rule)] = Answer(ERROR, str(error), {})
        queries = _Queries(context)
        shared = queries.shared({sql for _, _, needs in planned for sql in needs.values()})
        for rule, measured, needs in planned:
            answers[id(rule)] = self._answer(rule, measured, needs, queries, shared)
        self.failed |= queries.failed
        return answers

    def _measure(self, rule: Single, context: Context) -> Measure:
        check_known(rule, context)
        found = resolve(rule, context)
        check_numbers(found.rule)
        if found.notes and isinstance(found.rule, model.Rule):
            self.resolved[id(rule)] = found.rule
        measured = noted(measure(found.rule, context), found.notes)
        self.measures[id(rule)] = measured
        return measured

    def _answer(
        self,
        rule: Single,
        measured: Measure,
        needs: dict[str, str],
        queries: _Queries,
        shared: Row | None,
    ) -> Answer:
        try:
            found = shared if shared is not None else queries.aggregates(set(needs.values()))
            values = {name: found[sql] for name, sql in needs.items()}
            verdict = self._verdict(rule, measured, values, queries)
        except CannotEvaluateError as error:
            return Answer(ERROR, str(error), {})
        except engine().Error as error:
            return Answer(ERROR, f"{rule.type} could not be evaluated: {queries.why(error)}", {})
        outcome = PASS if verdict.passed else FAIL
        return Answer(ERROR if verdict.undecided else outcome, verdict.message, verdict.metrics)

    def _verdict(self, rule: Single, measured: Measure, values: Row, queries: _Queries) -> Verdict:
        if measured.needs_rows and not self._rows:
            return Verdict(False, f"{rule.type} fails because the data has no rows")
        if measured.needs_rows and not values["kept"]:
            # As Glue does: a rule about no row at all holds, as long as there is data.
            return Verdict(True, "No row meets the `where`")
        if measured.query is not None:
            values |= queries.queried(measured.query)
        return measured.finish(values)


class _Queries:
    """Runs queries on one connection, each once and each in time."""

    def __init__(self, context: Context) -> None:
        self.connection = context.connection
        self.seconds = context.rule_seconds
        self._columns = context.columns
        self.failed = False
        self._found: dict[Group | Query, Row | str] = {}

    def shared(self, aggregates: set[str]) -> Row | None:
        """Run all aggregates at once; None when one of them cannot be run."""
        try:
            return self.aggregates(aggregates)
        except engine().Error as error:
            self.why(error)
            return None

    def aggregates(self, wanted: Iterable[str]) -> Row:
        """Run some aggregates in one query."""
        ordered = sorted(wanted)
        if not ordered:
            return {}
        row = self._row(f"SELECT {', '.join(ordered)} FROM data")  # noqa: S608
        return dict(zip(ordered, row, strict=True))

    def queried(self, query: Group | Query) -> Row:
        """Run a query once for all rules that need it.

        Raises:
            CannotEvaluateError: It cannot be run.
        """
        if query not in self._found:
            try:
                self._found[query] = self._unique(query) or self._answered(query)
            except engine().Error as error:
                self._found[query] = self.why(error)
        found = self._found[query]
        if isinstance(found, str):
            what = "grouped" if isinstance(query, Group) else "compared"
            raise CannotEvaluateError(f"The values could not be {what}: {found}")
        return found

    def _answered(self, query: Group | Query) -> Row:
        return dict(zip(query.names, self._row(query.sql()), strict=True))

    def _unique(self, query: Group | Query) -> Row | None:
        """Answer for a key of whole numbers that repeats none, without grouping by it."""
        if not isinstance(query, Group) or not query.is_of_integers(self._columns):
            return None
        low, high, keyed = self._row(query.extent_sql())
        if not keyed or not is_dense(low, high, keyed):
            return None
        (distinct,) = self._row(query.marked_sql(low, high))
        if distinct != keyed:
            return None
        return {"groups": keyed, "singletons": keyed, "keyed": keyed, "weighted": 0.0}

    def why(self, error: duckdb.Error) -> str:
        """Say why a query failed."""
        if isinstance(error, engine().InterruptException):
            return f"it took longer than {shown(self.seconds)} seconds"
        self.failed = True
        return first_line(error)

    def _row(self, sql: str) -> tuple[Any, ...]:
        with limited(self.connection, self.seconds):
            return self.connection.execute(sql).fetchone() or ()


def _kept(where: str | None) -> str:
    """The number of rows a rule is about."""
    return f"count(*){filtered(where)}"
