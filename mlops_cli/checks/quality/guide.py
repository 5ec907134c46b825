"""For each rule type an example, and what has to be known of it beyond the table's one line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Entry:
    """What `explain` adds to the table of rule types."""

    example: str
    notes: tuple[str, ...] = ()


_NO_VALUES = "NULL takes no part; a column without any value fails"
_KEY = "A row whose key is NULL in every column does not count"
_POPULATION = "It is the population's: divided by n, not by n - 1"
_SECOND = "The second data set is given as `--dataset NAME=FILE`, with the name that the rule has"
_FILES = "It is about files, not about rows"

GUIDE: Final[dict[str, Entry]] = {
    "RowCount": Entry(
        "RowCount between 100 and 1000000", ("With `where` it counts the rows that meet it",)
    ),
    "ColumnCount": Entry("ColumnCount = 12"),
    "RowCountMatch": Entry('RowCountMatch "reference" >= 0.9', (_SECOND,)),
    "Completeness": Entry(
        'Completeness "income" >= 0.95', ("An empty text is a value, and so is NaN",)
    ),
    "IsComplete": Entry('IsComplete "age"', ("An empty text is a value, and so is NaN",)),
    "Uniqueness": Entry(
        'Uniqueness "email" > 0.99', (_KEY, "A value that occurs twice counts as two such rows")
    ),
    "IsUnique": Entry(
        'IsUnique "email"', (_KEY, 'Several columns are one key: `IsUnique "id" "month"`')
    ),
    "UniqueValueRatio": Entry(
        'UniqueValueRatio "email" > 0.9',
        ("It divides by the distinct values; `Uniqueness` divides by the rows",),
    ),
    "DistinctValuesCount": Entry('DistinctValuesCount "country" between 1 and 200'),
    "IsPrimaryKey": Entry('IsPrimaryKey "id"', ("Unique, and without NULL in any of its columns",)),
    "Mean": Entry('Mean "age" between 18 and 70', (_NO_VALUES,)),
    "Sum": Entry('Sum "income" > 0', (_NO_VALUES,)),
    "StandardDeviation": Entry('StandardDeviation "age" < 30', (_NO_VALUES, _POPULATION)),
    "Variance": Entry('Variance "age" < 900', (_NO_VALUES, _POPULATION)),
    "Entropy": Entry('Entropy "country" > 0.5', (_NO_VALUES,)),
    "ColumnCorrelation": Entry(
        'ColumnCorrelation "age" "income" > -0.5',
        ("A row with NULL in one of the columns does not count", "A constant column fails"),
    ),
    "ColumnLength": Entry('ColumnLength "country" = 2', ("`> 0` says: neither NULL nor empty",)),
    "ColumnValues": Entry(
        'ColumnValues "age" between 0 and 130 with threshold > 0.99',
        (
            "NULL does not meet a condition, except `!=`, `not in`, and `in` a list with NULL",
            "`with threshold` allows some rows to differ; without it every row must meet it",
            "`matches` is about the whole value",
        ),
    ),
    "ColumnDataType": Entry(
        'ColumnDataType "age" = "Integer" with threshold > 0.99',
        (
            "NULL can be read as no type",
            "Types: Boolean, Date, Timestamp, Integer, Long, Float, Double, DECIMAL(p,s)",
        ),
    ),
    "ColumnExists": Entry(
        'ColumnExists "age"', ("Upper and lower case count here, and in no other rule",)
    ),
    "ColumnNamesMatchPattern": Entry(
        'ColumnNamesMatchPattern "[a-z_]+"', ("The pattern may be found anywhere in a name",)
    ),
    "DataFreshness": Entry(
        'DataFreshness "updated_at" <= 24 hours', ("Every row must meet it; NULL does not",)
    ),
    "CustomSql": Entry(
        'CustomSql "SELECT count(*) FROM primary WHERE age < 18" = 0',
        ("`primary` is the data", "Without a condition the rows it returns are those that pass"),
    ),
    "ReferentialIntegrity": Entry(
        'ReferentialIntegrity "country" "countries.code" = 1.0',
        (_SECOND, "A key of NULL is not found"),
    ),
    "DatasetMatch": Entry(
        'DatasetMatch "reference" "id" "age,country" >= 0.99',
        (_SECOND, "The key must be unique on both sides", "NULL is equal to NULL"),
    ),
    "SchemaMatch": Entry(
        'SchemaMatch "reference" = 1.0', (_SECOND, "The order of the columns does not count")
    ),
    "AggregateMatch": Entry(
        'AggregateMatch "sum(income)" "sum(reference.income)" >= 0.95',
        (_SECOND, "Aggregates are `sum` and `avg`"),
    ),
    "DetectAnomalies": Entry(
        'DetectAnomalies "RowCount"', ("AWS alone knows how it decides, from its own history",)
    ),
    "AllStatistics": Entry('AllStatistics "age"', ("It stands under `Analyzers`, never a rule",)),
    "FileFreshness": Entry('FileFreshness "data/" > (now() - 3 days)', (_FILES,)),
    "FileSize": Entry('FileSize "data/" between 1 MB and 2 GB', (_FILES, "1 KB is 1024 B")),
    "FileMatch": Entry('FileMatch "data/today/" "data/yesterday/"', (_FILES,)),
    "FileUniqueness": Entry('FileUniqueness "data/" = 1.0', (_FILES,)),
}
