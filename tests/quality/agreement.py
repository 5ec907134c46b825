"""Prints how far our verdicts agree with those recorded from the public parser and from Deequ.

Usage: python tests/quality/agreement.py FOLDER

The folder holds parse_cases.jsonl, parse_edge.jsonl and eval_cases.jsonl. What is expected to
differ, and why, stands in the tables of test_dqdl_agreement.py.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from mlops_cli.quality import DqdlErrors, Source, check, open_source, parse, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PARSED = ("parse_cases", "parse_edge")
CLOSE = 1e-9


@dataclass(frozen=True, slots=True)
class Parsed:
    """One text, as the public parser saw it and as we do."""

    id: int
    oracle: str
    ours: str

    @property
    def agrees(self) -> bool:
        """Do both call it the same?"""
        return self.oracle == self.ours


@dataclass(frozen=True, slots=True)
class Compared:
    """One recorded rule beside our answer."""

    case: str
    position: int
    rule: str
    recorded: str
    ours: str
    message: str
    metrics: Mapping[str, float] = field(default_factory=dict)
    our_metrics: Mapping[str, float] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The type of the rule; of its first one when it is composite."""
        found = re.match(r"[(\s]*(\w+)", self.rule)
        return found[1] if found else ""

    @property
    def agrees(self) -> bool:
        """Do both pass it, or neither? Deequ has no ERROR: there it is a Failed with a reason."""
        return (self.ours == "PASS") == (self.recorded == "Passed")

    @property
    def unequal(self) -> dict[str, tuple[float, float | None]]:
        """The recorded metrics that ours are not, with both values."""
        return {
            key: (value, self.our_metrics.get(key))
            for key, value in self.metrics.items()
            if not equal(value, self.our_metrics.get(key))
        }


def equal(recorded: float, ours: float | None) -> bool:
    """Are two metrics the same to nine digits?"""
    if ours is None or math.isnan(recorded) or math.isnan(ours):
        return ours is not None and math.isnan(recorded) and math.isnan(ours)
    return math.isclose(recorded, ours, rel_tol=CLOSE, abs_tol=CLOSE)


def parsed(folder: Path, name: str) -> Iterator[Parsed]:
    """Parse every recorded text of a file; a valid one is printed and parsed again."""
    for case in records(folder / f"{name}.jsonl"):
        try:
            ruleset = parse(case["text"])
        except DqdlErrors:
            verdict = "invalid"
        else:
            verdict = "valid" if parse(write(ruleset)) == ruleset else "printed wrong"
        yield Parsed(case["id"], case["oracle"], verdict)


def records(path: Path) -> Iterator[dict[str, Any]]:
    """Read the lines of a file."""
    with path.open() as lines:
        yield from (json.loads(line) for line in lines)


def compared(folder: Path, scratch: Path) -> Iterator[Compared]:
    """Evaluate every recorded ruleset as Deequ does, on the data it was recorded with."""
    known: dict[str, Source] = {}
    for case in records(folder / "eval_cases.jsonl"):
        if has_columns(case["data"]):
            yield from _compared(case, scratch, known)


def has_columns(data: Mapping[str, Any]) -> bool:
    """Tables without a column cannot be written to a file."""
    return "schema" not in data or bool(data["schema"]["fields"])


def _compared(case: dict[str, Any], scratch: Path, known: dict[str, Source]) -> Iterator[Compared]:
    # Where there are no outcomes Deequ gave up on the whole ruleset; nothing of it may pass.
    whole = {"rule": case["ruleset"], "outcome": "Failed", "metrics": {}}
    try:
        answers = _answers(case, scratch, known)
    except DqdlErrors as error:
        answers, otherwise = {}, ("REFUSED", error.errors[0].message, {})
    else:
        otherwise = ("MISSING", "", {}) if case["outcomes"] else next(iter(answers.values()))
    for position, recorded in enumerate(case["outcomes"] or [whole]):
        outcome, message, ours = answers.get(_key(recorded["rule"]), otherwise)
        theirs = {key: float(value) for key, value in (recorded["metrics"] or {}).items()}
        yield Compared(
            case["id"],
            position,
            recorded["rule"],
            recorded["outcome"],
            outcome,
            message,
            theirs,
            ours,
        )


def _answers(
    case: dict[str, Any], scratch: Path, known: dict[str, Source]
) -> dict[str, tuple[str, str, Mapping[str, float]]]:
    others = {name: source(data, scratch, known) for name, data in case.get("sources", {}).items()}
    ruleset = parse(case["ruleset"], profile="deequ")
    # What a composite is made of was recorded beside it.
    ruleset = replace(ruleset, rules=(*ruleset.leaves, *ruleset.rules))
    report = check(
        ruleset,
        source(case["data"], scratch, known),
        datasets=others,
        now=evaluated_at(case),
        profile="deequ",
    )
    return {_key(one.rule): (one.outcome, one.message, one.metrics) for one in report.outcomes}


def _key(rule: str) -> str:
    """A rule without what its text may differ in: blanks."""
    return re.sub(r"\s+", "", rule)


def source(data: Mapping[str, Any], scratch: Path, known: dict[str, Source]) -> Source:
    """Open recorded data; much of it is recorded many times."""
    key = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    if key not in known:
        known[key] = open_source(write_table(scratch / f"{key}.parquet", data))
    return known[key]


def evaluated_at(case: Mapping[str, Any]) -> datetime | None:
    """The time at which a case was recorded, where that is known."""
    text = case.get("evaluated_at")
    return datetime.fromisoformat(text[:26] + "+00:00").astimezone(UTC) if text else None


_ARROW = {
    "int": pa.int32(),
    "integer": pa.int32(),
    "bigint": pa.int64(),
    "long": pa.int64(),
    "double": pa.float64(),
    "string": pa.string(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us"),
    "boolean": pa.bool_(),
}


def write_table(path: Path, data: Mapping[str, Any]) -> Path:
    """Write recorded data as Parquet, with the types it had in Spark."""
    if "schema" in data:
        fields = [(one["name"], one["type"]) for one in data["schema"]["fields"]]
    else:
        fields = re.findall(r"(\w+) ([a-z]+(?:\([\d,]+\))?)", data["ddl"])
    columns = {}
    for position, (name, type_name) in enumerate(fields):
        arrow = _type(type_name)
        columns[name] = pa.array([_value(row[position], arrow) for row in data["rows"]], arrow)
    pq.write_table(pa.table(columns), path)
    return path


def _type(name: str | dict[str, Any]) -> pa.DataType:
    if isinstance(name, dict):
        return pa.struct([(one["name"], _type(one["type"])) for one in name["fields"]])
    decimal = re.fullmatch(r"decimal\((\d+),(\d+)\)", name)
    return pa.decimal128(int(decimal[1]), int(decimal[2])) if decimal else _ARROW[name]


def _value(value: object, arrow: pa.DataType) -> object:
    if isinstance(value, list):
        names = [arrow.field(position).name for position in range(arrow.num_fields)]
        return dict(zip(names, value, strict=True))
    if value is None or not isinstance(value, str) or pa.types.is_string(arrow):
        return value
    if pa.types.is_date(arrow):
        return date.fromisoformat(value)
    if pa.types.is_timestamp(arrow):
        return datetime.fromisoformat(value)
    if pa.types.is_decimal(arrow):
        return Decimal(value)
    return float(value) if pa.types.is_floating(arrow) else value


def figures(
    verdicts: Mapping[str, list[Parsed]], outcomes: list[Compared], *, reasons: Mapping[str, str]
) -> Iterator[str]:
    """Write everything that was counted, one line each."""
    for name, found in verdicts.items():
        other = [one for one in found if not one.agrees]
        yield f"{name}: {share(len(found) - len(other), len(found))} verdicts agree"
        for one in other:
            yield (
                f"  {one.id}: {one.oracle} there, {one.ours} here: "
                f"{reasons.get(f'{name} {one.id}', 'NO REASON IS LISTED')}"
            )
    yield from _outcomes(outcomes, reasons)
    yield from _metrics([one for one in outcomes if one.agrees], reasons)


def _outcomes(outcomes: list[Compared], reasons: Mapping[str, str]) -> Iterator[str]:
    agreeing = [one for one in outcomes if one.agrees]
    yield f"eval_cases: {share(len(agreeing), len(outcomes))} outcomes agree (profile deequ)"
    per_kind, agree = Counter(one.kind for one in outcomes), Counter(one.kind for one in agreeing)
    for kind, count in sorted(per_kind.items()):
        yield f"  {kind}: {share(agree[kind], count)}"
    for one in outcomes:
        if not one.agrees:
            yield (
                f"  {one.case}: {one.rule}: {one.recorded} there, {one.ours} here: "
                f"{reasons.get(one.case, f'NO REASON IS LISTED ({one.message})')}"
            )


def _metrics(outcomes: list[Compared], reasons: Mapping[str, str]) -> Iterator[str]:
    count = sum(len(one.metrics) for one in outcomes)
    unequal = {(one.case, key): pair for one in outcomes for key, pair in one.unequal.items()}
    yield f"eval_cases: {share(count - len(unequal), count)} metrics are equal to {CLOSE}"
    for (case, key), (recorded, ours) in unequal.items():
        reason = reasons.get(f"{case} metric", "NO REASON IS LISTED")
        yield f"  {case}: {key}: {recorded} there, {ours} here: {reason}"


def share(part: int, whole: int) -> str:
    """Write a count of a count, and the percentage."""
    return f"{part} of {whole} ({part / whole:.2%})"


def main(arguments: list[str]) -> int:
    """Print the figures of a folder."""
    if len(arguments) != 1 or not Path(arguments[0]).is_dir():
        sys.stderr.write("Usage: python tests/quality/agreement.py FOLDER\n")
        return 2
    from test_dqdl_agreement import REASONS

    folder = Path(arguments[0])
    verdicts = {name: list(parsed(folder, name)) for name in PARSED}
    with tempfile.TemporaryDirectory() as scratch:
        outcomes = list(compared(folder, Path(scratch)))
    for line in figures(verdicts, outcomes, reasons=REASONS):
        sys.stdout.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
