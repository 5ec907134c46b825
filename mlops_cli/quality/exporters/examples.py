"""Rules of every type in the forms that other tools may take differently."""

from __future__ import annotations

from typing import Final

EXAMPLES: Final[dict[str, tuple[str, ...]]] = {
    "RowCount": ("RowCount > 3", "RowCount between 1 and 9", 'RowCount >= 1 where "n > 0"'),
    "ColumnCount": ("ColumnCount = 8", "ColumnCount between 1 and 20"),
    "RowCountMatch": ('RowCountMatch "ref" = 1.0',),
    "Completeness": ('Completeness "n" > 0.8',),
    "IsComplete": ('IsComplete "id"',),
    "Uniqueness": ('Uniqueness "n" > 0.5', 'Uniqueness "id" = 1.0'),
    "IsUnique": ('IsUnique "id"', 'IsUnique "n" "s"'),
    "UniqueValueRatio": ('UniqueValueRatio "n" > 0.5',),
    "DistinctValuesCount": ('DistinctValuesCount "n" = 5',),
    "IsPrimaryKey": ('IsPrimaryKey "id"', 'IsPrimaryKey "id" "s"'),
    "Mean": ('Mean "n" between 1 and 3',),
    "Sum": ('Sum "n" > 5',),
    "StandardDeviation": ('StandardDeviation "n" < 2',),
    "Variance": ('Variance "n" < 4',),
    "Entropy": ('Entropy "s" > 1',),
    "ColumnCorrelation": ('ColumnCorrelation "id" "n" > 0.1',),
    "ColumnLength": (
        'ColumnLength "s" > 0',
        'ColumnLength "s" in [1, 3]',
        'ColumnLength "s" not between 1 and 3',
    ),
    "ColumnValues": (
        'ColumnValues "n" > 0',
        'ColumnValues "n" between 0 and 9',
        'ColumnValues "n" not between 3 and 9',
        'ColumnValues "s" in ["a", "b", NULL]',
        'ColumnValues "s" not in ["z"]',
        'ColumnValues "s" != EMPTY',
        'ColumnValues "s" matches "[a-z]+"',
        'ColumnValues "day" > "2025-01-01"',
        'ColumnValues "day" > (now() - 3 days)',
        'ColumnValues "n" > 0 with threshold > 0.5',
    ),
    "ColumnDataType": ('ColumnDataType "n" = "Integer"',),
    "ColumnExists": ('ColumnExists "id"',),
    "ColumnNamesMatchPattern": ('ColumnNamesMatchPattern "[a-z]+"',),
    "DataFreshness": ('DataFreshness "at" <= 24 hours',),
    "CustomSql": (
        'CustomSql "SELECT count(*) FROM primary" > 3',
        'CustomSql "SELECT id FROM primary WHERE n > 0"',
    ),
    "ReferentialIntegrity": ('ReferentialIntegrity "n" "ref.id" = 1.0',),
    "DatasetMatch": ('DatasetMatch "ref" "id" = 1.0',),
    "SchemaMatch": ('SchemaMatch "ref" = 1.0',),
    "AggregateMatch": ('AggregateMatch "sum(n)" "sum(ref.n)" = 1.0',),
    "DetectAnomalies": ('DetectAnomalies "RowCount"',),
    "AllStatistics": ('AllStatistics "n"',),
    "FileFreshness": ('FileFreshness > "2026-01-01"',),
    "FileSize": ("FileSize < 5 MB",),
    "FileMatch": ('FileMatch "data/one" "data/two"',),
    "FileUniqueness": ("FileUniqueness = 1.0",),
}
