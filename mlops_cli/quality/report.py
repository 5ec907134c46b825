"""What came of a check, in the shape of Glue's GetDataQualityResult."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

PASS, FAIL, ERROR = "PASS", "FAIL", "ERROR"


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What came of one rule."""

    name: str
    """`Rule_1` for the first."""
    rule: str
    """The rule as DQDL."""
    outcome: str
    """PASS, FAIL, or ERROR when it could not be evaluated."""
    message: str
    """Why it did not pass: the rule, the column, the value. Empty when there is nothing to say."""
    metrics: Mapping[str, float]
    labels: Mapping[str, str]
    line: int | None = None
    """Where the rule stands in its document."""
    evaluated: str = ""
    """The rule with what its dynamic parts were worth, where it has some."""
    bound: str = ""
    """What its metric was held against, in short."""


@dataclass(frozen=True, slots=True)
class QualityReport:
    """What came of a ruleset."""

    source: str
    rows: int
    outcomes: tuple[RuleOutcome, ...]
    analyzers: tuple[RuleOutcome, ...]
    evaluated_at: datetime
    notes: tuple[str, ...] = ()
    """What is odd about the ruleset or the history although all could be evaluated."""
    measured: Mapping[str, float] = field(default_factory=dict)
    """Every metric by the key under which a history keeps it."""

    @property
    def score(self) -> float:
        """The share of rules that passed; 0 when there was nothing to check."""
        return len(self.of(PASS)) / len(self.outcomes) if self.outcomes else 0.0

    @property
    def passed(self) -> bool:
        """Did every rule pass? No, when there was none."""
        return bool(self.outcomes) and all(one.outcome == PASS for one in self.outcomes)

    def of(self, outcome: str) -> tuple[RuleOutcome, ...]:
        """List the outcomes of one kind."""
        return tuple(one for one in self.outcomes if one.outcome == outcome)

    def to_dict(self) -> dict[str, object]:
        """Give the result as Glue does, ready for JSON."""
        return {
            "Score": self.score,
            "DataSource": {"Uri": self.source},
            "StartedOn": self.evaluated_at.isoformat(),
            "RuleResults": [_rule_result(outcome) for outcome in self.outcomes],
            "AnalyzerResults": [_analyzer_result(outcome) for outcome in self.analyzers],
            "AggregatedMetrics": {
                "TotalRowsProcessed": self.rows,
                "TotalRulesProcessed": len(self.outcomes),
                "TotalRulesPassed": len(self.of(PASS)),
                "TotalRulesFailed": len(self.of(FAIL)),
                "TotalRulesErrored": len(self.of(ERROR)),
            },
        }


def _rule_result(outcome: RuleOutcome) -> dict[str, object]:
    return {
        "Name": outcome.name,
        "Description": outcome.rule,
        "EvaluationMessage": outcome.message,
        "Result": outcome.outcome,
        "EvaluatedMetrics": _finite(outcome.metrics),
        "EvaluatedRule": outcome.evaluated or outcome.rule,
        "Labels": dict(outcome.labels),
    }


def _analyzer_result(outcome: RuleOutcome) -> dict[str, object]:
    return {
        "Name": outcome.name,
        "Description": outcome.rule,
        "EvaluationMessage": outcome.message,
        "EvaluatedMetrics": _finite(outcome.metrics),
    }


def _finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Metrics that JSON can hold."""
    return {key: value for key, value in metrics.items() if math.isfinite(value)}
