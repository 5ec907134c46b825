"""Agreement with verdicts recorded from the public parser and Deequ, where they are at hand."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_cli.quality import DqdlErrors, Source, check, open_source, parse, write

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "dqdl"
pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded verdicts are not here")

# Where the public parser drops text without a word, or reads a day that is none, we say so; and we
# read what Windows editors write.
DIFFERENT = {
    "parse_cases": {237: "a second `]` is dropped"},
    "parse_edge": {
        1: "a second list of rules is dropped",
        43: "2022-13-45 is not a day",
        80: "a blank `where` is dropped",
        81: "a threshold with `=` and a text is no threshold",
        122: "rules after analyzers are dropped",
        159: "a byte order mark is harmless",
    },
}


@pytest.mark.parametrize("name", sorted(DIFFERENT))
def test_verdicts_agree_but_for_the_listed_ones(name):
    different = {}
    for line in (RECORDED / f"{name}.jsonl").read_text().splitlines():
        case = json.loads(line)
        try:
            ruleset = parse(case["text"])
        except DqdlErrors:
            verdict = "invalid"
        else:
            verdict = "valid"
            assert parse(write(ruleset)) == ruleset
        if verdict != case["oracle"]:
            different[case["id"]] = case["text"]
    assert set(different) == set(DIFFERENT[name])


# The types whose recorded outcomes are compared, where one was recorded alone, and how many agree.
AGREEING = {
    "AggregateMatch": 24,
    "ColumnCorrelation": 8,
    "ColumnDataType": 90,
    "ColumnNamesMatchPattern": 14,
    "CustomSql": 30,
    "DataFreshness": 24,
    "DatasetMatch": 12,
    "Entropy": 15,
    "ReferentialIntegrity": 9,
    "RowCountMatch": 7,
    "SchemaMatch": 9,
    "Variance": 7,
}
# Besides these, Deequ passes some rules on data without rows, and we pass none.
OUTCOMES_THAT_DIFFER = {
    "t269": "the second data set was not recorded",
    "t270": "Deequ counts a row of the data once for each equal row of the statement",
    "t273": "backticks in a name are Spark's",
    "t289": "backticks in a name are Spark's",
    "p1304": "Deequ counts a row of the data once for each equal row of the statement",
}


def test_outcomes_agree_but_for_the_listed_ones(tmp_path):
    agreeing: dict[str, int] = {}
    different, without_rows = set(), 0
    sources: dict[str, Source] = {}
    for case in cases():
        kinds = {kind_of(one["rule"]) for one in case["outcomes"] or ()} & set(AGREEING)
        if not kinds or len(case["outcomes"]) > 1:
            continue
        if not is_flat(case["data"]):
            continue
        primary = source(case["data"], tmp_path, sources)
        others = {
            name: source(data, tmp_path, sources) for name, data in case.get("sources", {}).items()
        }
        (recorded,) = case["outcomes"]
        report = check(case["ruleset"], primary, datasets=others, now=evaluated_at(case))
        outcome = report.outcomes[0].outcome
        if (outcome == "PASS") == (recorded["outcome"] == "Passed"):
            kind = kind_of(recorded["rule"])
            agreeing[kind] = agreeing.get(kind, 0) + 1
        elif not primary.rows and outcome == "FAIL":
            without_rows += 1
        else:
            different.add(case["id"])
    assert different == set(OUTCOMES_THAT_DIFFER)
    assert (agreeing, without_rows) == (AGREEING, 13)


def kind_of(rule: str) -> str:
    """The type of a recorded rule; of its first one when it is composite."""
    found = re.match(r"[(\s]*(\w+)", rule)
    return found[1] if found else ""


def is_flat(data: dict[str, Any]) -> bool:
    """Nested columns, and tables without columns, are not for files of ours."""
    fields = data["schema"]["fields"] if "schema" in data else [{"type": ""}]
    return bool(fields) and all(isinstance(one["type"], str) for one in fields)


def source(data: dict[str, Any], folder: Path, known: dict[str, Source]) -> Source:
    """Open recorded data; much of it is recorded many times."""
    key = hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()
    if key not in known:
        known[key] = open_source(write_table(folder / f"{key}.parquet", data))
    return known[key]


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


def cases() -> Iterator[dict[str, Any]]:
    """Read every recorded case."""
    with (RECORDED / "eval_cases.jsonl").open() as lines:
        yield from (json.loads(line) for line in lines)


def write_table(path: Path, data: dict[str, Any]) -> Path:
    """Write recorded data as Parquet, with the types it had in Spark."""
    if "schema" in data:
        fields = [(one["name"], one["type"]) for one in data["schema"]["fields"]]
    else:
        fields = re.findall(r"(\w+) ([a-z]+(?:\([\d,]+\))?)", data["ddl"])
    columns = {}
    for position, (name, type_name) in enumerate(fields):
        arrow = _type(type_name)
        values = [_value(row[position], arrow) for row in data["rows"]]
        columns[name] = pa.array(values, arrow)
    pq.write_table(pa.table(columns), path)
    return path


def evaluated_at(case: dict[str, Any]) -> datetime | None:
    """The time at which a case was recorded, where that is known."""
    text = case.get("evaluated_at")
    return datetime.fromisoformat(text[:26] + "+00:00").astimezone(UTC) if text else None


def _type(name: str) -> pa.DataType:
    decimal = re.fullmatch(r"decimal\((\d+),(\d+)\)", name)
    return pa.decimal128(int(decimal[1]), int(decimal[2])) if decimal else _ARROW[name]


def _value(value: object, arrow: pa.DataType) -> object:
    if value is None or not isinstance(value, str) or pa.types.is_string(arrow):
        return value
    if pa.types.is_date(arrow):
        return date.fromisoformat(value)
    if pa.types.is_timestamp(arrow):
        return datetime.fromisoformat(value)
    if pa.types.is_decimal(arrow):
        return Decimal(value)
    return float(value) if pa.types.is_floating(arrow) else value
