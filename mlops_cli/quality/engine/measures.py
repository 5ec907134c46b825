"""What each rule type needs from the data, and what follows from it: one function for each.

A measure names the aggregates it needs; the engine runs those of all rules in one query, and one
grouping for each set of key columns.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ..language import model
from .columns import column_data_type, column_length, column_values, completeness
from .freshness import freshness
from .keys import distinct_values, duplicate_rows, primary_key, unique_value_ratio, uniqueness
from .measurement import (
    Context,
    Measure,
    Single,
    condition_of,
)
from .numeric import (
    aggregate,
    correlation,
    entropy,
    shape_of_values,
    spread,
    zeros_count,
)
from .patterns import column_names_match
from .profiles import without_rows
from .shape import column_count, column_exists, row_count
from .values import CannotEvaluateError, check_bounds, number
from .where import where_sql

if TYPE_CHECKING:
    from collections.abc import Callable


def measure(rule: Single, context: Context) -> Measure:
    """Work out what a rule needs.

    Raises:
        CannotEvaluateError: It cannot be evaluated on this data.
    """
    if rule.type not in _MEASURES:
        raise CannotEvaluateError(f"Rules of the type `{rule.type}` cannot be evaluated here yet")
    text = getattr(rule, "where", None)
    where = where_sql(context.connection, text.value, context.now) if text is not None else None
    measured = _MEASURES[rule.type](rule, context, where)._replace(where=where)
    return without_rows(rule, context, measured)


def check_numbers(rule: Single) -> None:
    """Work out a rule's numbers before any data is read.

    Raises:
        CannotEvaluateError: One of them has no value, or the ends of a `between` are swapped.
    """
    for condition in (condition_of(rule), getattr(rule, "threshold", None)):
        if condition is None or model.condition_kind(condition) != "number":
            continue
        worth = [number(one) for one in condition.operands if not isinstance(one, model.Keyword)]
        if isinstance(condition, model.Between):
            check_bounds(condition, *worth)


def _later(module: str, name: str) -> Callable[[Single, Context, str | None], Measure]:
    """A measure of a rare rule type: its module is loaded by the first rule that asks for it."""

    def run(rule: Single, context: Context, where: str | None) -> Measure:
        found: Measure = getattr(import_module(f".{module}", __package__), name)(
            rule, context, where
        )
        return found

    return run


def _custom_sql(rule: Single, context: Context, where: str | None) -> Measure:
    # Starting processes takes imports that no other rule needs.
    from .apart import apart

    return apart(rule, context, where)


def _all_statistics(rule: Single, context: Context, _where: str | None) -> Measure:
    from .statistics import all_statistics

    return all_statistics(rule, context, lambda analyzer: measure(analyzer, context))


def _detect_anomalies(rule: Single, context: Context, _where: str | None) -> Measure:
    from .anomalies import detect_anomalies

    return detect_anomalies(rule, context, lambda analyzer: measure(analyzer, context))


_MEASURES: dict[str, Callable[[Single, Context, str | None], Measure]] = {
    "RowCount": row_count,
    "ColumnCount": column_count,
    "ColumnExists": column_exists,
    "Completeness": completeness,
    "IsComplete": completeness,
    "Uniqueness": uniqueness,
    "IsUnique": uniqueness,
    "IsPrimaryKey": primary_key,
    "UniqueValueRatio": unique_value_ratio,
    "DistinctValuesCount": distinct_values,
    "Mean": aggregate,
    "Sum": aggregate,
    "StandardDeviation": aggregate,
    "Variance": aggregate,
    "Entropy": entropy,
    "ColumnCorrelation": correlation,
    "Range": spread,
    "InterquartileRange": spread,
    "ZerosCount": zeros_count,
    "Skewness": shape_of_values,
    "Kurtosis": shape_of_values,
    "DuplicateRowCount": duplicate_rows,
    "ColumnNamesMatchPattern": column_names_match,
    "ColumnLength": column_length,
    "ColumnValues": column_values,
    "ColumnDataType": column_data_type,
    "DataFreshness": freshness,
    "CustomSql": _custom_sql,
    "RowCountMatch": _later("references", "row_count_match"),
    "SchemaMatch": _later("references", "schema_match"),
    "ReferentialIntegrity": _later("references", "referential_integrity"),
    "AggregateMatch": _later("references", "aggregate_match"),
    "DatasetMatch": _later("references", "dataset_match"),
    "FileFreshness": _later("file_rules", "file_freshness"),
    "FileSize": _later("file_rules", "file_size"),
    "FileMatch": _later("file_rules", "file_match"),
    "FileUniqueness": _later("file_rules", "file_uniqueness"),
    "AllStatistics": _all_statistics,
    "DetectAnomalies": _detect_anomalies,
}
