"""Runs a ruleset on a source, and makes a report of what came of its rules."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..data.source import Source, open_source
from ..history import history_key
from ..language import model
from ..language.parser import parse
from ..language.printer import write_rule
from ..report import ERROR, FAIL, PASS, QualityReport, RuleOutcome
from .bounds import bound_of
from .connections import Connections
from .dynamic import substituted
from .evaluation import Answer, Evaluation
from .measurement import Context, Profile, Reference
from .repeats import repeated_rules
from .second_look import look_at_rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..history import History
    from .apart import Apart
    from .failed_rows import FailedRows
    from .rows import Method


def check(
    ruleset: str | model.Ruleset,
    source: object,
    *,
    datasets: Mapping[str, object] | None = None,
    types: Mapping[str, str] | None = None,
    now: datetime | None = None,
    sql_seconds: float = 60.0,
    profile: Profile = "aws",
    history: History | None = None,
    rule_seconds: float = 300.0,
    composite: Method = "column",
    rows: FailedRows | None = None,
) -> QualityReport:
    """Run a ruleset.

    Args:
        ruleset: DQDL text, or what `parse` made of it.
        source: What `open_source` takes, or what it made of it.
        datasets: The data sets that rules compare it with, by the names the ruleset gives them.
        types: Types that columns must have, when the source is not open yet.
        now: What `now()` is; by default the time it is.
        sql_seconds: How long the statement of one CustomSql may take.
        profile: Whose semantics hold where they differ: `aws`, the documents of AWS Glue Data
            Quality, or `deequ`, the library Glue is made of.
        history: Earlier results, which dynamic rules and anomalies are about; this one is added.
        rule_seconds: How long a query of one rule may take; one that takes longer is an ERROR.
        composite: Whether composite rules join verdicts (`column`), or hold for each row (`row`).
        rows: Where to write the rows that fail; by default nowhere.

    Raises:
        DqdlErrors: The text is no ruleset.
        DataReadError: The data cannot be read without guessing.
        QualityError: The history cannot be used, or the rows cannot be written.
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
    if rows is not None:
        rows.check(data.columns, [one.uri for one in (data, *others.values())])
    leaves = [*rules.leaves]
    connections = Connections(data, beside, leaves)
    process: Apart | None = None
    try:
        context = Context(
            connections.ours,
            data.columns,
            moment.astimezone(UTC).replace(tzinfo=None),
            references,
            _primary(rules),
            sql_seconds,
            profile,
            history,
            data.uri,
            rule_seconds,
        )
        statements = [leaf.parameters[0].value for leaf in leaves if leaf.type == "CustomSql"]
        if statements:
            from .apart import Apart, Job

            process = Apart(Job(data, beside, context, statements))
            process.start()
            context = context._replace(apart=process)
        if rows is not None:
            context = context._replace(redacted=frozenset(one.lower() for one in rows.redacted))
        locked = None if connections.are_one else lambda: connections.locked
        evaluation = Evaluation(context, data.rows, locked=locked)
        verdicts = evaluation.evaluate(leaves)
        if evaluation.failed:
            connections.check_data(leaves)
        seen = look_at_rows(
            rules, data, beside, context, (evaluation, verdicts), composite=composite, rows=rows
        )
        for one in (data, *others.values()):
            one.check_unchanged()
        answered = [(rule, seen.applied(rule, _combined(rule, verdicts))) for rule in rules.rules]
        report = QualityReport(
            data.uri,
            data.rows,
            tuple(
                _outcome(f"Rule_{position}", rule, judged, rules, evaluation.resolved)
                for position, (rule, judged) in enumerate(answered, start=1)
            ),
            tuple(
                _outcome(f"Analyzer_{position}", analyzer, verdicts[id(analyzer)], rules)
                for position, analyzer in enumerate(rules.analyzers, start=1)
            ),
            moment,
            (*repeated_rules(rules), *seen.notes),
            _measured(rules, verdicts),
        )
    finally:
        connections.close()
        if process is not None:
            process.close()
        _close_opened(source, data, datasets or {}, others)
    if history is not None:
        history.add(report)
    return report


def _others(datasets: Mapping[str, object]) -> dict[str, Source]:
    return {
        name: given if isinstance(given, Source) else open_source(given)
        for name, given in datasets.items()
    }


def _close_opened(
    given: object, data: Source, datasets: Mapping[str, object], others: Mapping[str, Source]
) -> None:
    """Close what was opened here; what the caller opened is the caller's."""
    for one, opened in ((given, data), *((datasets[name], others[name]) for name in others)):
        if one is not opened:
            opened.close()


def _primary(rules: model.Ruleset) -> str:
    return (rules.sources.primary if rules.sources else None) or "primary"


def _outcome(
    name: str,
    rule: model.AnyRule | model.Analyzer,
    answer: Answer,
    ruleset: model.Ruleset,
    resolved: Mapping[int, model.Rule] = MappingProxyType({}),
) -> RuleOutcome:
    labels = {} if isinstance(rule, model.Analyzer) else dict(ruleset.default_labels + rule.labels)
    text = write_rule(rule)
    line = rule.span.line if rule.span else None
    changed = substituted(rule, resolved) if not isinstance(rule, model.Analyzer) else rule
    evaluated = write_rule(changed) if resolved else ""
    return RuleOutcome(
        name,
        text,
        answer.outcome,
        answer.message,
        dict(answer.metrics),  # which may have been a view, and that goes to no other process
        labels,
        line,
        evaluated,
        bound_of(changed),
    )


def _measured(rules: model.Ruleset, answers: Mapping[int, Answer]) -> dict[str, float]:
    """Every metric of every rule, as a history keeps it."""
    return {
        history_key(leaf, metric): value
        for leaf in rules.leaves
        for metric, value in answers[id(leaf)].metrics.items()
    }


def _combined(rule: model.AnyRule, answers: Mapping[int, Answer]) -> Answer:
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
    return Answer(outcome, "; ".join(messages) if outcome != PASS else "", metrics)
