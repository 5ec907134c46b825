"""The result of another tool in the shape of Glue's GetDataQualityResult.

It stands beside `run_great_expectations.py` and `run_soda.py`, which run in the tool's own
environment: nothing but the standard library is there.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

PASS, FAIL, ERROR = "PASS", "FAIL", "ERROR"
_CODES = {PASS: 0, FAIL: 1, ERROR: 3}
_SHOWN = 300


@dataclass(frozen=True)
class Finding:
    """What came of one check of the tool."""

    rules: list[str]
    """The rules it is part of, such as `Rule_1`."""
    outcome: str
    message: str = ""
    metrics: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Findings:
    """What came of all checks."""

    rows: int
    rules: list[dict[str, Any]]
    """The exported rules: `name`, `rule`, `labels`."""
    lost: list[dict[str, Any]]
    """The rules that the tool cannot express: also `reason`."""
    found: list[Finding]


def run(
    engine: str, examine: Callable[[argparse.Namespace], Findings], argv: list[str] | None
) -> int:
    """Read the command line, run the tool, write the result, and give the exit code.

    Args:
        engine: What the tool is called.
        examine: Runs it on `exported` and `data` of the command line.
        argv: The command line; by default the process's own.
    """
    parser = argparse.ArgumentParser(description=f"Run an exported ruleset with {engine}.")
    parser.add_argument("exported", type=Path)
    parser.add_argument("data", type=Path)
    parser.add_argument("--dataset", action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--result", type=Path)
    parser.add_argument("--without-lost", action="store_true")
    given = parser.parse_args(argv)
    started = datetime.now(UTC)
    try:
        findings = examine(given)
    except Exception as error:  # noqa: BLE001 -- whatever it is, there is no verdict
        sys.stderr.write(f"Could not check `{given.data}` with {engine}: {one_line(error)}\n")
        return _CODES[ERROR]
    result = _result(findings, engine, given, started)
    text = json.dumps(result, indent=2) + "\n"
    if given.result is None:
        sys.stdout.write(text)
    else:
        given.result.write_text(text, encoding="utf-8")
    # Nothing checked is no success.
    outcomes = {one["Result"] for one in result["RuleResults"]} or {ERROR}
    return next(_CODES[kind] for kind in (FAIL, ERROR, PASS) if kind in outcomes)


def one_line(error: object) -> str:
    """The first line of what a tool says."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0][:_SHOWN]


def _result(
    findings: Findings, engine: str, given: argparse.Namespace, started: datetime
) -> dict[str, Any]:
    results = [_joined(rule, findings.found) for rule in findings.rules]
    if not given.without_lost:
        results += [
            _entry(rule, ERROR, f"{engine} cannot express it: {rule['reason']}", {})
            for rule in findings.lost
        ]
    results.sort(key=lambda one: int(one["Name"].rpartition("_")[2]))
    counts = {kind: sum(one["Result"] == kind for one in results) for kind in _CODES}
    return {
        "Score": counts[PASS] / len(results) if results else 0.0,
        "DataSource": {"Uri": str(given.data)},
        "StartedOn": started.isoformat(),
        "Engine": engine,
        "RuleResults": results,
        "AnalyzerResults": [],
        "NotExported": findings.lost,
        "AggregatedMetrics": {
            "TotalRowsProcessed": findings.rows,
            "TotalRulesProcessed": len(results),
            "TotalRulesPassed": counts[PASS],
            "TotalRulesFailed": counts[FAIL],
            "TotalRulesErrored": counts[ERROR],
        },
    }


def _joined(rule: dict[str, Any], found: list[Finding]) -> dict[str, Any]:
    """Join the checks of a rule: all of them must hold."""
    own = [one for one in found if rule["name"] in one.rules]
    outcomes = {one.outcome for one in own}
    # A rule that no check stands for has no verdict, and an error is never outvoted.
    outcome = next((kind for kind in (ERROR, FAIL) if kind in outcomes), PASS if own else ERROR)
    messages = [one.message for one in own if one.outcome != PASS and one.message]
    metrics = {key: value for one in own for key, value in one.metrics.items()}
    return _entry(rule, outcome, "; ".join(messages)[: 2 * _SHOWN], metrics)


def _entry(
    rule: dict[str, Any], outcome: str, message: str, metrics: dict[str, float]
) -> dict[str, Any]:
    return {
        "Name": rule["name"],
        "Description": rule["rule"],
        "EvaluationMessage": message,
        "Result": outcome,
        "EvaluatedMetrics": metrics,
        "EvaluatedRule": rule["rule"],
        "Labels": rule.get("labels", {}),
    }
