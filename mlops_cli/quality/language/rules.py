"""The table of rule types: what each takes, what it gives, and whether it is evaluated here."""

from __future__ import annotations

from typing import NamedTuple


class RuleType(NamedTuple):
    """One rule type of DQDL."""

    name: str
    arguments: tuple[str, ...]
    fewest: int
    most: int | None
    """The most arguments it takes; None for any number."""
    kinds: tuple[str, ...]
    """What its condition may compare with; nothing for a rule that is simply true or false."""
    condition: str
    """`required`, `optional` or `none`."""
    where: bool
    threshold: bool
    only_analyzer: bool
    evaluated_here: bool
    """The engine gives a verdict from the data alone."""
    with_datasets: bool
    """The engine gives a verdict when it has the other data set too."""
    description: str
    with_history: bool = False
    """The engine gives a verdict when it has earlier results too."""

    @property
    def analyzer(self) -> bool:
        """It can stand under `Analyzers`: everything that gives a value."""
        return bool(self.kinds)


def _row(name: str, arguments: str, kinds: str, words: str, description: str) -> RuleType:
    """Make a row; `column...` is one or more, `path?` one or none, `text|date` a choice."""
    each = tuple(arguments.split(", ")) if arguments else ()
    flags = words.split()
    condition = "required" if kinds else "none"
    return RuleType(
        name=name,
        arguments=tuple(argument.rstrip(".?") for argument in each),
        fewest=sum(not argument.endswith("?") for argument in each),
        most=None if arguments.endswith("...") else len(each),
        kinds=tuple(kinds.split("|")) if kinds else (),
        condition="optional" if "optional" in flags else condition,
        where="where" in flags,
        threshold="threshold" in flags,
        only_analyzer="analyzer" in flags,
        evaluated_here="here" in flags,
        with_datasets="datasets" in flags,
        description=description,
        with_history="history" in flags,
    )


_ALL = (
    _row("RowCount", "", "number", "where here", "Number of rows"),
    _row("ColumnCount", "", "number", "here", "Number of columns"),
    _row(
        "RowCountMatch",
        "reference dataset",
        "number",
        "datasets",
        "Rows of the data for each row of the reference",
    ),
    _row("Completeness", "column", "number", "where here", "Share of rows with a value"),
    _row("IsComplete", "column", "", "where here", "Every row has a value"),
    _row(
        "Uniqueness",
        "column...",
        "number",
        "where here",
        "Share of rows whose value occurs exactly once; rows without a value do not count",
    ),
    _row("IsUnique", "column...", "", "where here", "Every value occurs exactly once"),
    _row(
        "UniqueValueRatio",
        "column",
        "number",
        "where here",
        "Share of the distinct values that occur exactly once",
    ),
    _row(
        "DistinctValuesCount",
        "column",
        "number",
        "where here",
        "Number of distinct values; NULL counts as one",
    ),
    _row("IsPrimaryKey", "column...", "", "where here", "Every row has a key of its own"),
    _row("Mean", "column", "number", "where here", "Mean of the values, without NULL"),
    _row("Sum", "column", "number", "where here", "Sum of the values, without NULL"),
    _row(
        "StandardDeviation",
        "column",
        "number",
        "where here",
        "Population standard deviation of the values, without NULL",
    ),
    _row(
        "Variance",
        "column",
        "number",
        "where here",
        "Population variance of the values, without NULL",
    ),
    _row(
        "Entropy", "column", "number", "where here", "Entropy of the values in nats, without NULL"
    ),
    _row(
        "ColumnCorrelation",
        "first column, second column",
        "number",
        "where here",
        "Pearson correlation of two columns",
    ),
    _row(
        "ColumnLength",
        "column",
        "number",
        "where here",
        "Length of every text in characters; NULL has length 0",
    ),
    _row(
        "ColumnValues",
        "column",
        "number|text|date",
        "where threshold here",
        "Every value meets the condition",
    ),
    _row(
        "ColumnDataType",
        "column",
        "text",
        "where threshold here",
        "Every value can be read as the type",
    ),
    _row("ColumnExists", "column", "", "here", "There is a column of exactly this name"),
    _row(
        "ColumnNamesMatchPattern",
        "pattern",
        "",
        "here",
        "The pattern is found in the name of every column",
    ),
    _row("DataFreshness", "column", "duration", "where here", "Age of every date of a column"),
    _row(
        "CustomSql",
        "SQL statement",
        "number",
        "optional threshold here",
        "One value of a SELECT, or the rows it returns as those that pass",
    ),
    _row(
        "ReferentialIntegrity",
        "columns, reference columns",
        "number",
        "datasets",
        "Share of rows whose key is in the reference",
    ),
    _row(
        "DatasetMatch",
        "reference dataset, key columns, compared columns?",
        "number",
        "datasets",
        "Share of rows that are the same in the reference",
    ),
    _row(
        "SchemaMatch",
        "reference dataset",
        "number",
        "datasets",
        "Share of columns that are the same in the reference",
    ),
    _row(
        "AggregateMatch",
        "aggregate, reference aggregate",
        "number",
        "here datasets",
        "Ratio of two aggregates",
    ),
    _row("DetectAnomalies", "metric...", "", "history", "The metric is as its history says"),
    _row("AllStatistics", "column", "number", "analyzer here", "A collection of statistics"),
    _row("FileFreshness", "path?", "date", "threshold here", "When files were last modified"),
    _row("FileSize", "path?", "size", "threshold here", "Size of files"),
    _row(
        "FileMatch",
        "path?, other path?",
        "text",
        "optional here",
        "Checksums of files, or the same content in two places",
    ),
    _row("FileUniqueness", "path?", "number", "here", "Share of files with a content of their own"),
)

RULE_TYPES: dict[str, RuleType] = {rule_type.name: rule_type for rule_type in _ALL}
