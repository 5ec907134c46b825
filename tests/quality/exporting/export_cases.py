"""Rules of every type, passing and failing, on small tables with and without NULL."""

from __future__ import annotations

from datetime import date, datetime

import pyarrow as pa
import pyarrow.compute as pc

CASES = """
RowCount > 3
RowCount = 4
RowCount != 0
RowCount between 3 and 7
RowCount not between 3 and 5
RowCount in [4, 6]
RowCount in [4, 5, 6]
RowCount > 1 where "n > 0"
RowCount = 3 where "n > 0 and s != 'b'"
RowCount = 1 where "s in ('it''s') or n = 0 and ok"
RowCount = 2 where "not (n > 1) and day is not null"
ColumnCount = 9
ColumnCount between 1 and 9
ColumnExists "id"
ColumnExists "ID"
Completeness "n" > 0.8
Completeness "n" > 0.9
Completeness "n" between 0.5 and 0.9
Completeness "n" = 1.0
Completeness "n" > 0.9 where "id > 4"
Completeness "n" > 0.9 where "id > 100"
IsComplete "id"
IsComplete "n"
IsComplete "n" where "id < 3"
IsComplete "n" where "id > 100"
IsUnique "id"
IsUnique "n"
IsUnique "x"
IsUnique "void"
IsUnique "n" "s"
IsUnique "ok" "day"
IsUnique "n" where "id != 3"
IsUnique "n" "s" where "id != 3"
Uniqueness "n" > 0.5
Uniqueness "id" = 1.0
Uniqueness "x" >= 1
Uniqueness "n" "s" > 0.9
UniqueValueRatio "n" > 0.7
UniqueValueRatio "n" > 0.8
UniqueValueRatio "id" = 1.0
DistinctValuesCount "id" = 6
DistinctValuesCount "id" between 3 and 7
DistinctValuesCount "s" > 2
DistinctValuesCount "s" in [5, 9]
IsPrimaryKey "id"
IsPrimaryKey "n"
IsPrimaryKey "x"
IsPrimaryKey "id" "s"
IsPrimaryKey "id" "day"
Mean "n" between 1 and 3
Mean "n" > 3
Mean "void" > 1
Mean "x" <= 2.4
Mean "n" > 1 where "id < 4"
Sum "n" > 5
Sum "n" = 10
Sum "void" >= 0
Sum "x" < 5
StandardDeviation "n" < 1.8
StandardDeviation "n" between 1.6 and 1.7
StandardDeviation "x" > 1
Variance "n" < 4
Variance "n" > 4
Entropy "s" > 1
Entropy "s" > 2
ColumnCorrelation "id" "n" > 0.1
ColumnCorrelation "id" "n" < 0.1
ColumnCorrelation "id" "void" < 0.1
ColumnLength "s" > 0
ColumnLength "s" >= 0
ColumnLength "s" < 5
ColumnLength "s" between 0 and 5
ColumnLength "s" in [1, 3, 4]
ColumnLength "s" in [0, 1, 3, 4]
ColumnLength "s" not between 4 and 9
ColumnLength "s" not between 1 and 3
ColumnLength "s" != 7
ColumnLength "s" != 1
ColumnLength "w" = 1
ColumnValues "id" > 0
ColumnValues "n" > 0
ColumnValues "n" >= 0
ColumnValues "id" between 0 and 7
ColumnValues "id" between 1 and 7
ColumnValues "n" between -1 and 9
ColumnValues "id" not between 6 and 9
ColumnValues "id" not between 5 and 9
ColumnValues "n" not between 5 and 9
ColumnValues "n" not between 2 and 5
ColumnValues "x" <= 7.5
ColumnValues "x" < 7.5 where "id < 6"
ColumnValues "n" in [0, 1, 2, 5]
ColumnValues "n" in [0, 1, 2, 5, NULL]
ColumnValues "n" in [1, 2, NULL]
ColumnValues "n" not in [7]
ColumnValues "n" not in [7, NULL]
ColumnValues "n" not in [2]
ColumnValues "n" != 3
ColumnValues "n" = 1
ColumnValues "void" = 9
ColumnValues "n" = NULL
ColumnValues "n" != NULL
ColumnValues "void" = NULL
ColumnValues "s" in ["a", "b", "c c", "it's"]
ColumnValues "s" in ["a", "b", "c c", "it's", NULL]
ColumnValues "s" in ["A", "B", "C C", "IT'S", NULL] with ignoreCase = "true"
ColumnValues "s" in ["a"]
ColumnValues "s" not in ["z"]
ColumnValues "s" not in ["a"]
ColumnValues "s" != "z"
ColumnValues "s" = "a" where "id in (1, 3)"
ColumnValues "w" != EMPTY
ColumnValues "s" != EMPTY
ColumnValues "w" != WHITESPACES_ONLY
ColumnValues "w" in ["x", "7", "ab 12", EMPTY, WHITESPACES_ONLY, NULL]
ColumnValues "s" matches "[a-z' ]+"
ColumnValues "s" matches "a|b|c c|it.s"
ColumnValues "s" matches "a"
ColumnValues "s" not matches "z+"
ColumnValues "s" not matches "a"
ColumnValues "s" matches "[a-z' ]+" where "s is not null"
ColumnValues "day" > "2025-01-01"
ColumnValues "day" > "2025-12-31"
ColumnValues "day" between "2025-12-30" and "2026-06-17"
ColumnValues "day" between "2025-12-31" and "2026-06-17"
ColumnValues "day" not between "2026-06-16" and "2026-07-01"
ColumnValues "day" in ["2026-01-01", "2026-06-15", "2026-06-16", "2025-12-31"]
ColumnValues "day" in ["2026-01-01", "2026-06-15"]
ColumnValues "day" not in ["2027-01-01"]
ColumnValues "day" != "2026-01-01"
ColumnValues "day" > (now() - 9000 days)
ColumnValues "day" > now()
ColumnValues "day" between (now() - 9000 days) and (now() + 2 days) where "day is not null"
ColumnValues "at" = "2026-06-15"
ColumnValues "at" > "2026-06-15"
ColumnValues "at" <= "2026-06-15"
ColumnValues "at" <= "2026-06-15" where "at is not null"
ColumnValues "at" in ["2026-06-15", NULL]
ColumnValues "n" > 0 with threshold > 0.5
ColumnValues "n" > 0 with threshold > 0.8
ColumnValues "n" >= 0 with threshold >= 0.9
ColumnValues "s" in ["a", "b"] with threshold >= 0.5
ColumnValues "s" matches "[a-z]" with threshold > 0.4
ColumnValues "n" not in [5] with threshold between 0.1 and 0.9
ColumnDataType "n" = "Integer"
ColumnDataType "id" = "Long"
ColumnDataType "s" = "Integer"
ColumnDataType "day" = "Date"
ColumnDataType "x" = "Double"
ColumnDataType "ok" = "Boolean" where "ok is not null"
DataFreshness "at" <= 9999 days
DataFreshness "at" < 24 hours
DataFreshness "day" between 1 days and 9999 days
CustomSql "SELECT count(*) FROM primary" > 3
CustomSql "SELECT sum(p.n) FROM primary p WHERE p.id > 1" between 0 and 9
ColumnNamesMatchPattern "[a-z]+"
AggregateMatch "sum(n)" "sum(id)" < 1
(IsComplete "id") and (RowCount > 1)
(IsComplete "n") and (RowCount > 1)
(IsComplete "n") or (RowCount > 1)
""".strip().splitlines()
WRONG = """
IsComplete "nope"
Mean "nope" > 1
Mean "s" > 1
""".strip().splitlines()
"""Rules that have no verdict: no column of the name, or of the type."""


def tables() -> dict[str, pa.Table]:
    """With NULL in most columns, without any, and without rows."""
    moments = [datetime(2026, 6, 15, hour) for hour in (0, 9, 10, 11, 12)]  # noqa: DTZ001
    days = [(2026, 1, 1), (2026, 6, 15), (2026, 6, 16), None, (2025, 12, 31), (2025, 12, 31)]
    columns = {
        "id": pa.array([1, 2, 3, 4, 5, 6]),
        "n": pa.array([1, 2, 2, None, 0, 5], pa.int32()),
        "x": pa.array([1.0, 2.0, 2.5, None, -1.0, 7.5]),
        "s": pa.array(["a", "b", "a", None, "c c", "it's"]),
        "w": pa.array(["x", "", " ", None, "7", "ab 12"]),
        "day": pa.array([day and date(*day) for day in days]),
        "at": pa.array([*moments, None]),
        "ok": pa.array([True, False, True, None, True, True]),
        "void": pa.array([None] * 6, pa.int64()),
    }
    nulls = pa.table(columns)
    kept = pc.and_(pc.is_valid(nulls["n"]), pc.is_valid(nulls["at"]))
    filled = nulls.filter(kept).drop(["void"]).append_column("void", pa.array([9] * 4))
    return {"nulls": nulls, "filled": filled, "empty": nulls.slice(0, 0)}
