"""What each rule type needs from the data, and what follows from it: one function for each.

A measure names the aggregates it needs; the engine runs those of all rules in one query, and one
grouping for each set of key columns.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..language import model
from .anomalies import detect_anomalies
from .columns import column_data_type, column_length, column_values, completeness
from .file_rules import file_freshness, file_match, file_size, file_uniqueness
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
from .references import (
    aggregate_match,
    dataset_match,
    referential_integrity,
    row_count_match,
    schema_match,
)
from .shape import column_count, column_exists, row_count
from .statistics import all_statistics
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
    measured = replace(_MEASURES[rule.type](rule, context, where), where=where)
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


def _custom_sql(rule: Single, context: Context, where: str | None) -> Measure:
    # Starting processes takes imports that no other rule needs.
    from .apart import apart

    return apart(rule, context, where)


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
    "RowCountMatch": row_count_match,
    "SchemaMatch": schema_match,
    "ReferentialIntegrity": referential_integrity,
    "AggregateMatch": aggregate_match,
    "DatasetMatch": dataset_match,
    "FileFreshness": file_freshness,
    "FileSize": file_size,
    "FileMatch": file_match,
    "FileUniqueness": file_uniqueness,
    "AllStatistics": lambda rule, context, _where: all_statistics(
        rule, context, lambda analyzer: measure(analyzer, context)
    ),
    "DetectAnomalies": lambda rule, context, _where: detect_anomalies(
        rule, context, lambda analyzer: measure(analyzer, context)
    ),
}
