"""For each rule type an example, and what has to be known of it beyond the table's one line.

What is said of data without rows is tested: each example is run on such data.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Entry:
    """What `explain` and the page on the language add to the table of rule types."""

    example: str
    nulls: str = ""
    """What a row with NULL does; nothing where the rule is not about values."""
    no_rows: str = "FAIL"
    """The outcome of the example on data with columns and no rows."""
    notes: tuple[str, ...] = ()


_OUT = "leaves the row out; a column without any value fails"
_MISSES = "the row does not meet the condition"
_KEY = "a row whose key is NULL in every column does not count"
_POPULATION = "It is the population's: divided by n, not by n - 1"
_SECOND = "The second data set is given as `--dataset NAME=FILE`, with the name that the rule has"
_FILES = "Without a path it is about the data file itself"
_TEXT = "An empty text is a value, and so is NaN"

GUIDE: Final[dict[str, Entry]] = {
    "RowCount": Entry(
        "RowCount between 100 and 1000000",
        notes=(
            "With `where` it counts the rows that meet it",
            "`RowCount = 0` is the one rule that data without rows meets",
        ),
    ),
    "ColumnCount": Entry("ColumnCount = 12", no_rows="PASS"),
    "RowCountMatch": Entry('RowCountMatch "reference" >= 0.9', notes=(_SECOND,)),
    "Completeness": Entry(
        'Completeness "income" >= 0.95', nulls="the row has no value", notes=(_TEXT,)
    ),
    "IsComplete": Entry('IsComplete "age"', nulls="the row has no value", notes=(_TEXT,)),
    "Uniqueness": Entry(
        'Uniqueness "email" > 0.99',
        nulls=_KEY,
        notes=("A value that occurs twice counts as two such rows",),
    ),
    "IsUnique": Entry(
        'IsUnique "email"',
        nulls=_KEY,
        notes=('Several columns are one key: `IsUnique "id" "month"`',),
    ),
    "UniqueValueRatio": Entry(
        'UniqueValueRatio "email" > 0.9',
        nulls=_KEY,
        notes=("It divides by the distinct values; `Uniqueness` divides by the rows",),
    ),
    "DistinctValuesCount": Entry(
        'DistinctValuesCount "country" between 1 and 200', nulls="is one more value"
    ),
    "IsPrimaryKey": Entry(
        'IsPrimaryKey "id"',
        nulls="in any column of the key, the rule fails",
        notes=('Several columns are one key: `IsPrimaryKey "id" "month"`',),
    ),
    "Mean": Entry('Mean "age" between 18 and 70', nulls=_OUT),
    "Sum": Entry('Sum "income" > 0', nulls=_OUT),
    "StandardDeviation": Entry('StandardDeviation "age" < 30', nulls=_OUT, notes=(_POPULATION,)),
    "Variance": Entry('Variance "age" < 900', nulls=_OUT, notes=(_POPULATION,)),
    "Entropy": Entry('Entropy "country" > 0.5', nulls=_OUT, notes=("In nats: ln, not log2",)),
    "ColumnCorrelation": Entry(
        'ColumnCorrelation "age" "income" > -0.5',
        nulls="in one of the columns leaves the row out",
        notes=("It is Pearson's; a constant column has none, and fails",),
    ),
    "ColumnLength": Entry(
        'ColumnLength "country" = 2',
        nulls="has length 0",
        notes=("`> 0` says: neither NULL nor empty", "In characters, not in bytes"),
    ),
    "ColumnValues": Entry(
        'ColumnValues "age" between 0 and 130 with threshold > 0.99',
        nulls="does not meet it, except `!=`, `not in`, and a list with NULL",
        notes=(
            "`with threshold` allows some rows to differ; without it every row must meet it",
            "`matches` is about the whole value",
            '`with ignoreCase = "true"` compares text without upper and lower case',
        ),
    ),
    "ColumnDataType": Entry(
        'ColumnDataType "age" = "Integer" with threshold > 0.99',
        nulls="can be read as no type",
        notes=(
            "Types: Boolean, Date, Timestamp, Integer, Long, Float, Double, DECIMAL(p,s)",
            "A value has a type when Spark's cast gives one, as Glue does",
        ),
    ),
    "ColumnExists": Entry(
        'ColumnExists "age"',
        no_rows="PASS",
        notes=("Upper and lower case count here, and in no other rule",),
    ),
    "ColumnNamesMatchPattern": Entry(
        'ColumnNamesMatchPattern "[a-z_]+"',
        no_rows="PASS",
        notes=("The pattern may be found anywhere in a name",),
    ),
    "DataFreshness": Entry(
        'DataFreshness "updated_at" <= 24 hours',
        nulls=_MISSES,
        notes=("Every row must meet it", "Ages are in hours, rounded to two places"),
    ),
    "CustomSql": Entry(
        'CustomSql "SELECT count(*) FROM primary WHERE age < 18" = 0',
        no_rows="PASS",
        notes=(
            "`primary` is the data; one SELECT, without files, settings or network",
            "Without a condition the rows it returns are those that pass",
        ),
    ),
    "ReferentialIntegrity": Entry(
        'ReferentialIntegrity "country" "countries.code" = 1.0',
        nulls="in a key is not found",
        notes=(_SECOND,),
    ),
    "DatasetMatch": Entry(
        'DatasetMatch "reference" "id" "age,country" >= 0.99',
        nulls="is equal to NULL in the compared columns, and to nothing in a key",
        notes=(_SECOND, "The key must be unique on both sides"),
    ),
    "SchemaMatch": Entry(
        'SchemaMatch "reference" = 1.0',
        no_rows="PASS",
        notes=(_SECOND, "The order of the columns does not count, their number does"),
    ),
    "AggregateMatch": Entry(
        'AggregateMatch "sum(income)" "sum(reference.income)" >= 0.95',
        nulls="leaves the row out",
        notes=(_SECOND, "Aggregates are `sum` and `avg`", "0 is all of 0, and no share of more"),
    ),
    "DetectAnomalies": Entry(
        'DetectAnomalies "RowCount"',
        notes=(
            "How AWS decides is not known; here it is by median and MAD of earlier results",
            "It needs `--history`, and 5 earlier results",
        ),
    ),
    "AllStatistics": Entry(
        'AllStatistics "age"', notes=("It stands under `Analyzers`, never a rule",)
    ),
    "FileFreshness": Entry('FileFreshness "data/" > (now() - 3 days)', notes=(_FILES,)),
    "FileSize": Entry('FileSize "data/" between 1 MB and 2 GB', notes=(_FILES, "1 KB is 1024 B")),
    "FileMatch": Entry('FileMatch "data/today/" "data/yesterday/"', notes=(_FILES,)),
    "FileUniqueness": Entry('FileUniqueness "data/" = 1.0', notes=(_FILES,)),
}
