"""Where Deequ answers otherwise than AWS documents: every difference, once, for code and readers.

AWS Glue itself cannot be run here. Its documents are the profile `aws`, the default; the library
it is made of, Deequ 2.0.21 (package com.amazon.deequ.dqdl), is the profile `deequ`. The engine
asks a difference of this table whether it applies, so that none hides in the code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..language import model
from ..language.deequ_types import UNKNOWN_TO_DEEQU
from .measurement import Verdict, condition_of, whole
from .values import CannotEvaluateError

if TYPE_CHECKING:
    from collections.abc import Callable

    from .measurement import Context, Found, Measure, Single


class Difference(NamedTuple):
    """One way in which the two profiles answer differently."""

    name: str
    rules: tuple[str, ...]
    aws: str
    """What AWS documents, and what holds by default."""
    deequ: str
    """What Deequ does, and what holds with the profile `deequ`."""
    source: str
    """Where Deequ does it."""

    def applies(self, context: Context) -> bool:
        """Is the data measured as Deequ does it?"""
        return context.profile == "deequ"


NULL_LENGTH = Difference(
    "null-length",
    ("ColumnLength",),
    "NULL has length 0: it fails `> 0` and passes `< 6`",
    "Rows without a value are left out of `=`, `!=`, `<`, `<=`, `>`, `>=` and `between`; "
    "a column of NULL alone fails",
    "ColumnLengthRule, MinLength and MaxLength",
)
LENGTH_ENDS = Difference(
    "length-ends",
    ("ColumnLength",),
    "`!= 3` is about every row",
    "`!= 3` is about the shortest and the longest text alone",
    "ColumnLengthRule",
)
LENGTH_ZERO = Difference(
    "length-zero",
    ("ColumnLength",),
    "`not in [0, 9]` and `not between 0 and 9` are about every text",
    "A list or range with 0 that is negated lets every text pass and only NULL fail; without 0 "
    "NULL passes",
    "ColumnLengthRule",
)
THRESHOLD = Difference(
    "threshold",
    ("ColumnValues",),
    "`with threshold` is the share of rows that must meet the condition",
    "`with threshold` counts for dates alone; on numbers and text every row must meet it",
    "ColumnValuesRule",
)
IGNORE_CASE = Difference(
    "ignore-case",
    ("ColumnValues",),
    '`with ignoreCase = "true"` compares text without its case',
    "The tag is not looked at",
    "ColumnValuesRule",
)
KEY_COLUMNS = Difference(
    "key-columns",
    ("IsPrimaryKey",),
    "No column of the key may lack a value",
    "With several columns the key must be unique, and may lack values",
    "IsPrimaryKeyRule",
)
DATE_RANGE = Difference(
    "date-range",
    ("ColumnValues",),
    "A row without a date fails `not between`",
    "A row without a date passes `not between`",
    "ColumnValuesDateRule",
)
KEYWORD_NULL = Difference(
    "keyword-null",
    ("ColumnValues",),
    "A row without a value passes `not in`, unless NULL is listed",
    "It fails `not in` when EMPTY or WHITESPACES_ONLY is listed too",
    "ColumnValuesRule",
)
PATTERN_GROUP = Difference(
    "pattern-group",
    ("ColumnValues",),
    '`matches "a|b"` wants `a` or `b` as the whole text',
    'It searches `^a|b$`: "starts with a" or "ends with b"',
    "ColumnValuesRule",
)
PATTERN_EMPTY = Difference(
    "pattern-empty",
    ("ColumnValues",),
    '`matches ".*"` is met by the empty text',
    "The empty text meets no pattern, negated or not",
    "PatternMatch",
)
PATTERN_NEGATED = Difference(
    "pattern-negated",
    ("ColumnValues",),
    '`not matches "a"` fails for the text `a` alone',
    'It searches `^(?!\\ba\\b).*$`: "does not start with the word a"',
    "ColumnValuesRule",
)
EMPTY_DATA = Difference(
    "empty-data",
    ("ColumnDataType", "DataFreshness", "DistinctValuesCount", "AggregateMatch"),
    "On data without rows a rule about values fails",
    "On data without rows ColumnDataType and DataFreshness pass, and DistinctValuesCount and "
    "AggregateMatch are measured",
    "RuleEvaluationHelper, Histogram, AggregateMatchExecutor",
)
EMPTY_WHERE = Difference(
    "empty-where",
    ("every rule type with `where`",),
    "A `where` that keeps no row passes if the data has rows, and fails if it has none",
    "It passes on both; and so it does when no row that it keeps has a value",
    "DeequOutcomeTranslator",
)
UNKNOWN_WHERE = Difference(
    "unknown-where",
    ("RowCount",),
    "Rows for which the `where` is NULL are not counted",
    "When it is NULL for every row the rule passes, whatever it says",
    "Size",
)
DISTINCT_TEXT = Difference(
    "distinct-text",
    ("DistinctValuesCount",),
    "Values are told apart as what they are",
    "Values are told apart as text: 0.0 and -0.0 are two, and the text `NullValue` is NULL",
    "Histogram",
)
DOUBLES = Difference(
    "doubles",
    ("ColumnValues", "ColumnLength"),
    "Whole numbers are compared exactly",
    "Numbers are compared as doubles, which whole numbers above 2^53 do not fit into",
    "Minimum, Maximum, NumberBasedCondition",
)
APOSTROPHE = Difference(
    "apostrophe",
    ("ColumnValues",),
    "A text of a list may hold an apostrophe",
    "Such a rule cannot be run, and every other rule of the same scan fails with it; "
    "here it is an ERROR that touches no other",
    "ColumnValuesRule",
)
ONE_OPERAND = Difference(
    "one-operand",
    ("ColumnLength", "ColumnValues"),
    "A bound may be worked out, as in `> 1 + 1`",
    "Only plain numbers are taken; anything else is an ERROR here",
    "ColumnLengthRule, ColumnValuesRule",
)
REPEATED_ROWS = Difference(
    "repeated-rows",
    ("CustomSql",),
    "A row that the statement gives passes, once",
    "A row passes as often as the statement gives its equal, so that the share may exceed 1",
    "CustomSqlRowLevelExecutor",
)
NO_HISTORY = Difference(
    "no-history",
    ("every rule type with numbers",),
    "`last(…)` reads the results of earlier runs",
    "Dynamic rules cannot be run; they are an ERROR here",
    "DefaultOperandEvaluator",
)
NO_CONVERTER = Difference(
    "no-converter",
    UNKNOWN_TO_DEEQU,
    "The rule types are documented",
    "There is no such rule type; it is an ERROR here",
    "DQDLRuleTranslator",
)
MORE_TYPES = Difference(
    "more-types",
    ("Range", "ZerosCount", "Skewness", "Kurtosis", "InterquartileRange", "DuplicateRowCount"),
    "There is no such rule type; the ruleset is refused",
    "They are measured",
    "DQDLRuleTranslator",
)
DIFFERENCES = (
    NULL_LENGTH,
    LENGTH_ENDS,
    LENGTH_ZERO,
    THRESHOLD,
    IGNORE_CASE,
    KEY_COLUMNS,
    DATE_RANGE,
    KEYWORD_NULL,
    PATTERN_GROUP,
    PATTERN_EMPTY,
    PATTERN_NEGATED,
    EMPTY_DATA,
    EMPTY_WHERE,
    UNKNOWN_WHERE,
    DISTINCT_TEXT,
    DOUBLES,
    APOSTROPHE,
    ONE_OPERAND,
    REPEATED_ROWS,
    NO_HISTORY,
    NO_CONVERTER,
    MORE_TYPES,
)
STRICTER = (
    "A mean, a sum, a deviation or a range that is infinite is ERROR here, and a number for Deequ",
    "An unknown column, a bad pattern or a bad `where` is ERROR here, and Failed for Deequ",
    "An ERROR inside of `or` makes the whole rule ERROR here, and may be outvoted for Deequ",
    "A `between` whose first end is not below its second is ERROR here",
    "A comparison that no value can stand in, such as `RowCount > NULL`, is refused here",
)
"""Where neither profile follows Deequ, so that nothing passes which nobody meant."""

_PASS_WITHOUT_ROWS = ("ColumnDataType", "DataFreshness")
_MEASURED_WITHOUT_ROWS = ("AggregateMatch", "DistinctValuesCount")


def check_known(rule: Single, context: Context) -> None:
    """Refuse what Deequ has no answer for.

    Raises:
        CannotEvaluateError: Deequ could not run the rule.
    """
    if NO_CONVERTER.applies(context) and rule.type in UNKNOWN_TO_DEEQU:
        raise CannotEvaluateError(f"Deequ has no rule type `{rule.type}`")
    condition = condition_of(rule)
    operands = condition.operands if condition is not None else ()
    if APOSTROPHE.applies(context) and isinstance(condition, model.Membership):
        for one in operands:
            if isinstance(one, model.Text) and "'" in one.value:
                raise CannotEvaluateError("Deequ cannot run a list that holds an apostrophe")
    if NO_HISTORY.applies(context) and any(model.is_dynamic(one) for one in operands):
        raise CannotEvaluateError("Deequ has no history of results, and so no dynamic rules")
    worked_out = (model.Arithmetic, model.Grouped, model.Call)
    if (
        ONE_OPERAND.applies(context)
        and rule.type in ONE_OPERAND.rules
        and any(isinstance(one, worked_out) for one in operands)
    ):
        raise CannotEvaluateError(f"Deequ takes only plain numbers in a rule `{rule.type}`")


def without_rows(rule: Single, context: Context, measured: Measure) -> Measure:
    """Answer for data without rows, and for a `where` that keeps nothing, as the profile does."""
    if rule.type == "RowCount" or not EMPTY_WHERE.applies(context):
        return measured
    if measured.where is not None:
        return measured._replace(needs_rows=False, finish=_passing_without_values(measured))
    if rule.type in _MEASURED_WITHOUT_ROWS:
        return measured._replace(needs_rows=False)
    if rule.type in _PASS_WITHOUT_ROWS and EMPTY_DATA.applies(context):

        def finish(found: Found) -> Verdict:
            if not whole(found["kept"]):
                return Verdict(True, "There are no rows")
            return measured.finish(found)

        return measured._replace(needs_rows=False, finish=finish)
    return measured


def _passing_without_values(measured: Measure) -> Callable[[Found], Verdict]:
    def finish(found: Found) -> Verdict:
        if not whole(found["kept"]):
            return Verdict(True, "No row meets the `where`")
        verdict = measured.finish(found)
        if not verdict.passed and not verdict.metrics:
            # What has no metric had no value to be worked out from.
            return Verdict(True, "No row that meets the `where` has a value")
        return verdict

    return finish
