"""Small tables as files, and one-rule checks on them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlops_cli.quality import RuleOutcome, check

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 6, 15, 12, 30, 45, tzinfo=UTC)


@pytest.fixture
def csv(tmp_path: Path):
    """Write a CSV file from text or bytes."""

    def write(content: str | bytes, name: str = "data.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """Six rows of every type, with one row of NULL."""
    path = tmp_path / "people.parquet"
    columns = {
        "id": pa.array([1, 2, 3, 4, 5, 6], pa.int64()),
        "n": pa.array([1, 2, 2, None, 0, 5], pa.int32()),
        "x": pa.array([1.0, 2.0, 2.5, None, -1.0, 7.5], pa.float64()),
        "s": pa.array(["a", "b", "a", None, "c c", "it's"]),
        "w": pa.array(["x", "", "  ", None, "\t", "ab 12"]),
        "day": pa.array(
            [
                date(2026, 1, 1),
                date(2026, 6, 15),
                date(2026, 6, 16),
                None,
                *[date(2025, 12, 31)] * 2,
            ]
        ),
        "at": pa.array([datetime(2026, 6, 15, hour) for hour in (1, 9, 10, 11, 12)] + [None]),  # noqa: DTZ001
        "ok": pa.array([True, False, True, None, True, True]),
        "all_null": pa.array([None] * 6, pa.int64()),
        'odd" name': pa.array([1, 1, 1, 1, 1, 1]),
    }
    pq.write_table(pa.table(columns), path)
    return path


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    """A table without rows."""
    path = tmp_path / "empty.parquet"
    pq.write_table(pa.table({"id": pa.array([], pa.int64()), "s": pa.array([], pa.string())}), path)
    return path


@pytest.fixture
def outcome():
    """Check one rule on a file."""

    def run(rule: str, path: Path) -> RuleOutcome:
        (found,) = check(f"Rules = [ {rule} ]", path, now=NOW).outcomes
        return found

    return run
