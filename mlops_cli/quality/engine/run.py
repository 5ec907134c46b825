"""Runs a ruleset on a source: one query for all aggregates, one more for each set of key columns.

A rule that cannot be evaluated is ERROR and touches no other rule's outcome.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..data.source import Source, open_source
from ..language import model
from ..language.parser import parse
from ..language.printer import write_rule
from ..report import ERROR, FAIL, PASS, QualityReport, RuleOutcome
from .measurement import Context, Group, Measure, Profile, Query, Reference, Verdict, filtered
from .measures import check_numbers, measure
from .values import CannotEvaluateError
from .where import first_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path


def check(
    ruleset: str | model.Ruleset,
    source: str | Path | Source,
    *,
    datasets: Mapping[str, str | Path | Source] | None = None,
    types: Mapping[str, str] | None = None,
    now: datetime | None = None,
    sql_seconds: float = 60.0,
    profile: Profile = "aws",
) -> QualityReport:
    """Run a ruleset.

    Args:
        ruleset: DQDL text, or what `parse` made of it.
        source: A path, a URI, or what `open_source` made of it.
        datasets: The data sets that rules compare it with, by the names the ruleset gives them.
        types: Types that columns must have, when the source is not open yet.
        now: What `now()` is; by default the time it is.
        sql_seconds: How long the statement of one CustomSql may take.
        profile: Whose semantics hold where they differ: `aws`, the documents of AWS Glue Data
            Quality, or `deequ`, the library Glue is made of.

    Raises:
        DqdlErrors: The text is no ruleset.
        DataReadError: The data cannot be read without guessing.
    """
    rules = parse(ruleset, profile=profile) if isinstance(ruleset, str) else ruleset
    if isinstance(source, Source) and types:
        raise TypeError("types are given when a source is opened, and this one is open")
    data = source if isinstance(source, Source) else open_source(source, types=types)
    moment = now or datetime.now(UTC)
    others = _others(datasets or {})
    references = {
        name: Reference(f"reference_{position}", other.columns, other.rows)
        for position, (name, other) in enumerate(others.items())
    }
    beside = {references[name].table: other for name, other in others.items()}
    connection = data.connect(_columns(rules, data), beside=beside)
    try:
        plain = moment.astimezone(UTC).replace(tzinfo=None)
        context = Context(
            connection,
            data.columns,
            plain,
            references,
            _primary(rules),
            sql_seconds,
            profile,
        )
        run = _Run(context, data.rows)
        verdicts = run.evaluate([*rules.leaves])
        return QualityReport(
            data.uri,
            data.rows,
            tuple(
                _outcome(f"Rule_{position}", rule, verdicts, rules)
                for position, rule in enumerate(rules.rules, start=1)
            ),
            tuple(
                _outcome(f"Analyzer_{position}", analyzer, verdicts, rules)
                for position, analyzer in enumerate(rules.analyzers, start=1)
            ),
            moment,
        )
    finally:
        connection.close()


def _others(datasets: Mapping[str, str | Path | Source]) -> dict[str, Source]:
    return {
        name: given if isinstance(given, Source) else open_source(given)
        for name, given in datasets.items()
    }


def _primary(rules: model.Ruleset) -> str:
    return (rules.sources.primary if rules.sources else None) or "primary"


@dataclass(frozen=True, slots=True)
class _Answer:
    outcome: str
    message: str
    metrics: Mapping[str, float]


class _Run:
    """Evaluates single rules against one connection."""

    def __init__(self, context: Context, rows: int) -> None:
        self._context = context
        self._rows = rows
        self._found: dict[Group | Query, dict[str, float | None] | str] = {}

    def evaluate(self, rules: Iterable[model.Rule | model.Analyzer]) -> dict[int, _Answer]:
        """Answer every rule, by its identity: two rules may be equal and stand in two places."""
        answers: dict[int, _Answer] = {}
        planned: list[tuple[model.Rule | model.Analyzer, Measure, dict[str, str]]] = []
        for rule in rules:
            try:
                check_numbers(rule)
                measured = measure(rule, self._context)
                planned.append((rule, measured, {"kept": _kept(measured.where), **measured.needs}))
            except CannotEvaluateError as error:
                answers[id(rule)] = _Answer(ERROR, str(error), {})
        shared = self._shared({sql for _, _, needs in planned for sql in needs.values()})
        for rule, measured, needs in planned:
            answers[id(rule)] = self._answer(rule, measured, needs, shared)
        return answers

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
    ) -> _Answer:
        import duckdb

        try:
            found = shared if shared is not None else self._run_aggregates(set(needs.values()))
            values = {name: found[sql] for name, sql in needs.items()}
            verdict = self._verdict(rule, measured, values)
        except CannotEvaluateError as error:
            return _Answer(ERROR, str(error), {})
        except duckdb.Error as error:
            return _Answer(ERROR, f"{rule.type} could not be evaluated: {first_line(error)}", {})
        return _Answer(PASS if verdict.passed else FAIL, verdict.message, verdict.metrics)

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


_ANY_COLUMN = ("AggregateMatch", "CustomSql", "DatasetMatch", "ReferentialIntegrity", "SchemaMatch")


def _columns(rules: model.Ruleset, source: Source) -> list[str] | None:
    """The columns to load; all of them when a rule may be about any."""
    for leaf in rules.leaves:
        if leaf.type in _ANY_COLUMN or (isinstance(leaf, model.Rule) and leaf.where is not None):
            return None
    wanted = {name.lower() for name in rules.columns}
    return [column.name for column in source.columns if column.name.lower() in wanted]


def _outcome(
    name: str,
    rule: model.AnyRule | model.Analyzer,
    answers: Mapping[int, _Answer],
    ruleset: model.Ruleset,
) -> RuleOutcome:
    answer = _combined(rule, answers)
    labels = {} if isinstance(rule, model.Analyzer) else dict(ruleset.default_labels + rule.labels)
    text = write_rule(rule)
    line = rule.span.line if rule.span else None
    return RuleOutcome(name, text, answer.outcome, answer.message, answer.metrics, labels, line)


def _combined(rule: model.AnyRule | model.Analyzer, answers: Mapping[int, _Answer]) -> _Answer:
    """Join the answers of a composite; an ERROR inside is never outvoted."""
    if not isinstance(rule, model.Composite):
        return answers[id(rule)]
    nested = [_combined(one, answers) for one in rule.rules]
    outcomes = [one.outcome for one in nested]
    metrics = {key: value for one in nested for key, value in one.metrics.items()}
    if ERROR in outcomes:
        outcome = ERROR
    else:
        holds = all if rule.operator == "AND" else any
        outcome = PASS if holds(one == PASS for one in outcomes) else FAIL
    messages = [one.message for one in nested if one.outcome != PASS and one.message]
    return _Answer(outcome, "; ".join(messages) if outcome != PASS else "", metrics)
