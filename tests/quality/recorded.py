"""Outcomes recorded from Deequ, as files that can be checked."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


def cases(folder: Path) -> Iterator[dict[str, Any]]:
    """Read every recorded case."""
    with (folder / "eval_cases.jsonl").open() as lines:
        yield from (json.loads(line) for line in lines)


def write_table(path: Path, data: dict[str, Any]) -> Path:
    """Write recorded data as Parquet, with the types it had in Spark."""
    if "schema" in data:
        fields = [(one["name"], one["type"]) for one in data["schema"]["fields"]]
    else:
        fields = re.findall(r"(\w+) ([a-z]+(?:\([\d,]+\))?)", data["ddl"])
    columns = {}
    for position, (name, type_name) in enumerate(fields):
        if not isinstance(type_name, str):
            raise NotImplementedError(type_name)
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
