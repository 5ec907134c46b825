"""What the page says, worked out from results: one `FileView` for each data file."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from .charts import Bars, Line, bars, line, number, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlops_cli.checks.quality.results import DataResult
    from mlops_cli.quality import RuleOutcome, Ruleset, Source
    from mlops_cli.quality.distribution import Distribution
    from mlops_cli.quality.language.model import AnyRule

_MOST_RESULTS: Final = 60
_MOST_ROWS: Final = 20
# Beside the rules that a row fails, the file says which it passes and which skip it.
_OUTCOMES: Final = ("DataQualityRulesPass", "DataQualityRulesSkip", "DataQualityEvaluationResult")
_ORDER: Final = {"FAIL": 0, "ERROR": 1, "PASS": 2}


@dataclass(frozen=True, slots=True)
class Rows:
    """Some of the rows that failed, as text."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    total: int
    """How many failed in all."""


@dataclass(frozen=True, slots=True)
class Material:
    """What is known of one data file beyond its report."""

    earlier: Sequence[Mapping[str, Any]] = ()
    """Earlier results as Glue gives them, oldest first, without this one."""
    spreads: Mapping[str, Distribution] = field(default_factory=dict)
    """Column to how its values are spread."""
    failing: Rows | None = None


@dataclass(frozen=True, slots=True)
class MetricView:
    """One metric of a rule."""

    name: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class RuleView:
    """One rule or analyzer."""

    name: str
    rule: str
    outcome: str
    message: str
    metrics: tuple[MetricView, ...]
    line: int | None
    history: Line | None
    spreads: tuple[tuple[str, Bars], ...]


@dataclass(frozen=True, slots=True)
class FileView:
    """One data file."""

    data: str
    outcome: str
    reason: str
    """Why there is no report."""
    notes: tuple[str, ...]
    rows: str = ""
    score: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    evaluated_at: str = ""
    rules: tuple[RuleView, ...] = ()
    analyzers: tuple[RuleView, ...] = ()
    scores: Line | None = None
    failing: Rows | None = None


def material(
    rules: Ruleset, source: Source, *, earlier: Sequence[Mapping[str, Any]], failing: Rows | None
) -> Material:
    """Look at the data for what the page draws: the columns that rules name.

    A value is shown only where a rule lists its column's values: that says they are categories.
    """
    from mlops_cli.quality.distribution import distributions

    spreads = distributions(source, rules.columns, categories=_listed(rules))
    return Material(earlier, spreads, failing)


def rows_of(path: Path) -> Rows | None:
    """The first of the rows that failed, from the file they were written to."""
    from mlops_cli.quality import open_source

    if not path.exists():
        return None
    source = open_source(path)
    connection = source.connect()
    try:
        answer = connection.execute(
            f"SELECT * EXCLUDE ({', '.join(_OUTCOMES)}) FROM data LIMIT {_MOST_ROWS}"  # noqa: S608
        )
        columns = tuple(name for name, *_ in answer.description or ())
        rows = tuple((*map(_cell, row[:-1]), _failed(row[-1])) for row in answer.fetchall())
    finally:
        connection.close()
        source.close()
    return Rows(columns, rows, source.rows)


def _cell(value: object) -> str:
    return "NULL" if value is None else str(value)


def _failed(rules: object) -> str:
    """The rules that a row fails: a list, which is JSON in a CSV file."""
    found = json.loads(rules) if isinstance(rules, str) else rules
    return "; ".join(map(str, found)) if isinstance(found, list) else ""


def _listed(rules: Ruleset) -> list[str]:
    from mlops_cli.quality.language.model import Membership, Rule

    return [
        rule.parameters[0].value
        for rule in rules.leaves
        if isinstance(rule, Rule)
        and rule.type == "ColumnValues"
        and isinstance(rule.condition, Membership)
        and not rule.condition.negated
    ]


def file_view(result: DataResult, rules: Ruleset, known: Material) -> FileView:
    """Put together what the page says of one data file."""
    report = result.report
    if report is None:
        notes = tuple(shown(note) for note in result.notes)
        return FileView(shown(result.data), result.outcome, shown(result.reason), notes)
    results = [*known.earlier[-_MOST_RESULTS:], report.to_dict()]
    views = [
        _rule(found, written, results, known.spreads)
        for found, written in zip(report.outcomes, rules.rules, strict=True)
    ]
    analyzers = [
        _rule(found, written, results, known.spreads)
        for found, written in zip(report.analyzers, rules.analyzers, strict=True)
    ]
    return FileView(
        shown(result.data),
        result.outcome,
        "",
        tuple(shown(note) for note in result.notes),
        rows=f"{report.rows:,}",
        score=percent(report.score),
        counts={kind: len(report.of(kind)) for kind in ("PASS", "FAIL", "ERROR")},
        evaluated_at=report.evaluated_at.strftime("%Y-%m-%d %H:%M:%S %Z"),
        rules=tuple(sorted(views, key=lambda one: _ORDER[one.outcome])),
        analyzers=tuple(analyzers),
        scores=_scores(results),
        failing=_shown_rows(known.failing) if known.failing else None,
    )


def _shown_rows(rows: Rows) -> Rows:
    columns = tuple(shown(name) for name in rows.columns)
    return Rows(columns, tuple(tuple(map(shown, row)) for row in rows.rows), rows.total)


def _scores(results: Sequence[Mapping[str, Any]]) -> Line | None:
    values = []
    for result in results:
        score = float(result.get("Score", 0.0))
        outcome = "PASS" if score == 1.0 else "FAIL"
        values.append((_when(result), score, outcome))
    return line(values, ends=(0.0, 1.0), write=percent)


def _rule(
    found: RuleOutcome,
    written: AnyRule | Any,  # noqa: ANN401 -- an analyzer is no rule, and has columns too
    results: Sequence[Mapping[str, Any]],
    spreads: Mapping[str, Distribution],
) -> RuleView:
    metrics = tuple(
        MetricView(shown(key.rsplit(".", 1)[-1]), shown(key), number(value))
        for key, value in found.metrics.items()
    )
    return RuleView(
        found.name.rsplit("_", 1)[-1],
        shown(found.rule),
        found.outcome,
        shown(found.message),
        metrics,
        found.line,
        _history(found, results),
        tuple((shown(name), bars(spreads[name])) for name in _columns(written, spreads)),
    )


def _columns(written: Any, spreads: Mapping[str, Distribution]) -> list[str]:  # noqa: ANN401
    from mlops_cli.quality.language.model import Analyzer, leaves_of, rule_columns

    leaves = (written,) if isinstance(written, Analyzer) else leaves_of(written)
    lower = {name.lower(): name for name in spreads}
    named = [name.lower() for leaf in leaves for name in rule_columns(leaf)]
    return [lower[name] for name in dict.fromkeys(named) if name in lower]


def _history(found: RuleOutcome, results: Sequence[Mapping[str, Any]]) -> Line | None:
    """The rule's first metric in every result that has it: the same rule is the same text."""
    if not found.metrics:
        return None
    key = next(iter(found.metrics))
    values = []
    for result in results:
        for one in (*result.get("RuleResults", ()), *result.get("AnalyzerResults", ())):
            value = one.get("EvaluatedMetrics", {}).get(key)
            if one.get("Description") == found.rule and isinstance(value, int | float):
                values.append((_when(result), float(value), one.get("Result", "PASS")))
                break
    return line(values)


def _when(result: Mapping[str, Any]) -> str:
    return str(result.get("StartedOn", ""))[:16].replace("T", " ")


def percent(share: float) -> str:
    """Write a share; never 100 % for less, nor 0 % for more."""
    if share in (0.0, 1.0):
        return f"{share:.0%}"
    return f"{min(max(share, 0.01), 0.99):.0%}"
