"""PyDeequ: checks as Python, or the DQDL itself for `pydeequ.dqdl`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..language import model
from ..language.lints import lint
from .loss import Translated
from .sql_text import CLOCK, SPARK, moves, number_sql, numbers_sql, predicate
from .terms import CannotExportError, ends, needed, range_of, shown, tag, values_of, worth
from .to_glue import Reader, write_plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from .loss import ExportedRule, Written

NOTES: Final = (
    "Needs Spark 3.5 or 4.1, the variable SPARK_VERSION, and the Deequ jar from Maven",
    "A column of another type than the rule is about is an error in DQDL, and fails or is cast",
)

_TYPES: Final = ("boolean", "date", "timestamp", "integer", "double", "float", "long")
_SECONDS: Final = {"minutes": 60, "hours": 3600, "days": 86400}


@dataclass(frozen=True, slots=True)
class Constraint:
    """One method call on a `Check`: the arguments are Python source."""

    method: str
    arguments: tuple[str, ...]
    where: str | None = None

    def source(self) -> str:
        """Write the call."""
        call = f".{self.method}({', '.join(self.arguments)})"
        return f"{call}.where({self.where!r})" if self.where is not None else call


_Made = Translated[Constraint]


def translate(rule: model.Rule) -> _Made:
    """Translate one rule.

    Raises:
        CannotExportError: There are no constraints that mean it.
    """
    if rule.type not in _RULES:
        raise CannotExportError("`Check` has no constraint of this kind; `--form dqdl` keeps it")
    made = _RULES[rule.type](rule)
    if rule.where is None:
        return made
    where = rule.where.value
    parts = tuple(Constraint(one.method, one.arguments, where) for one in made.parts)
    without = "it fails when its `where` keeps no row, and DQDL passes"
    differs = () if rule.type == "RowCount" else (without,)
    return Translated(parts, (*made.differences, *differs))


_CHECKS: Final = '''\
"""The ruleset `{name}` as checks of PyDeequ."""

from pydeequ.checks import Check, CheckLevel
from pydeequ.verification import VerificationResult, VerificationSuite
from pyspark.sql import DataFrame, SparkSession


def checks(spark: SparkSession) -> list[Check]:
    """One check for each rule."""
    return [
{checks}
    ]


def verify(spark: SparkSession, frame: DataFrame) -> DataFrame:
    """Run the checks: a row for each constraint."""
    suite = VerificationSuite(spark).onData(frame)
    for check in checks(spark):
        suite = suite.addCheck(check)
    return VerificationResult.checkResultsAsDataFrame(spark, suite.run())
'''
_DQDL: Final = '''\
"""The ruleset `{name}`, evaluated by the DQDL of PyDeequ."""

from pydeequ.dqdl import EvaluateDataQuality
from pyspark.sql import DataFrame, SparkSession

RULESET = """\\
{ruleset}"""


def verify(
    spark: SparkSession, frame: DataFrame, datasets: dict[str, DataFrame] | None = None
) -> DataFrame:
    """Run the ruleset: a row for each rule."""
    return EvaluateDataQuality.process(spark, frame, RULESET, datasets)
'''


def write_checks(name: str, written: Written[Constraint]) -> str:
    """Write the checks as a Python module."""
    lines = []
    for exported, parts in written.parts:
        title = f"{exported.name}: {' '.join(exported.rule.split())}"
        lines.append(f"        Check(spark, CheckLevel.Error, {title!r})")
        lines += [f"        {part.source()}" for part in parts]
        lines[-1] += ","
    return _CHECKS.format(name=name, checks="\n".join(lines))


def write_dqdl(name: str, ruleset: model.Ruleset) -> tuple[str, tuple[ExportedRule, ...]]:
    """Write the ruleset as a Python module that gives it to `pydeequ.dqdl`."""
    other = "give other data sets to `verify` as `datasets`"
    outcome = "Deequ's outcomes have no place for them"
    reader = Reader(_deequ_differences, outcome, outcome, other, "Deequ has no use for it")
    text, rules = write_plain(ruleset, reader)
    literal = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return (_DQDL.format(name=name, ruleset=literal) if text else ""), rules


def _deequ_differences(rule: model.Rule) -> tuple[str, ...]:
    """Where Deequ's DQDL parts ways with AWS's documents."""
    found = lint(model.Ruleset((rule,)), "", ("deequ",))
    refused = [one.message for one in found if one.refused]
    if refused:
        raise CannotExportError("; ".join(refused))
    java = "patterns are Java's, and an empty text never matches"
    matches = isinstance(rule.condition, model.Matches)
    return (*(one.message for one in found), *((java,) if matches else ()))


def _column(rule: model.Rule) -> str:
    return repr(rule.parameters[0].value)


def assertion(condition: model.Condition | None) -> str:
    """A condition about a number as a Python function.

    Raises:
        CannotExportError: It is about no number.
    """
    condition = needed(condition)
    found = range_of(condition)
    if found is not None:
        if found.low is not None and found.low == found.high:
            return f"lambda value: value == {number_sql(found.low)}"
        low = (
            f"{number_sql(found.low)} {'<' if found.low_open else '<='} "
            if found.low is not None
            else ""
        )
        high = (
            f" {'<' if found.high_open else '<='} {number_sql(found.high)}"
            if found.high is not None
            else ""
        )
        return f"lambda value: {low}value{high}"
    if isinstance(condition, model.Between):
        first, last = ends(condition)
        return f"lambda value: value <= {number_sql(first)} or value >= {number_sql(last)}"
    listed = values_of(condition)
    if listed is None:
        raise CannotExportError(f"a number cannot be compared so: `{shown(condition)}`")
    items = ", ".join(number_sql(worth(one)) for one in listed[0])
    return f"lambda value: value {'not in' if listed[1] else 'in'} [{items}]"


_ALL: Final = "lambda value: value == 1"


def _metric(method: str, *, columns: str = "one") -> Callable[[model.Rule], _Made]:
    """A method that takes columns and an assertion about its metric."""

    def made(rule: model.Rule) -> _Made:
        names = [parameter.value for parameter in rule.parameters]
        given = {"none": (), "one": (repr(names[0]),) if names else (), "list": (repr(names),)}
        arguments = given.get(columns) or tuple(repr(name) for name in names)
        if columns == "none":
            arguments = ()
        return Translated((Constraint(method, (*arguments, assertion(rule.condition))),))

    return made


def _complete(rule: model.Rule) -> _Made:
    return Translated((Constraint("isComplete", (_column(rule),)),))


def _unique(rule: model.Rule) -> _Made:
    names = [parameter.value for parameter in rule.parameters]
    return Translated((Constraint("hasUniqueness", (repr(names), _ALL)),))


def _primary_key(rule: model.Rule) -> _Made:
    filled = [Constraint("isComplete", (repr(one.value),)) for one in rule.parameters]
    return Translated((*filled, *_unique(rule).parts))


def _satisfies(rule: model.Rule, meets: str) -> Constraint:
    threshold = _ALL if rule.threshold is None else assertion(rule.threshold)
    title = " ".join(f"{rule.type} {rule.parameters[0].value}".split())
    return Constraint("satisfies", (repr(meets), repr(title), threshold))


def _values(rule: model.Rule) -> _Made:
    condition = needed(rule.condition)
    meets = predicate(rule, condition, SPARK)
    matches = isinstance(condition, model.Matches)
    java = ("patterns are Java's regular expressions",) if matches else ()
    clock = (CLOCK,) if moves(condition) else ()
    return Translated((_satisfies(rule, meets),), (*java, *clock))


def _length(rule: model.Rule) -> _Made:
    length = f"coalesce(length({SPARK.name(rule.parameters[0].value)}), 0)"
    return Translated((_satisfies(rule, numbers_sql(length, needed(rule.condition))),))


def _data_type(rule: model.Rule) -> _Made:
    condition = needed(rule.condition)
    operand = condition.operands[0]
    wanted = operand.value.lower() if isinstance(operand, model.Text) else ""
    known = wanted in _TYPES or wanted.startswith("decimal(")
    if not known or not isinstance(condition, model.Comparison) or tag(rule, "format"):
        raise CannotExportError("it names no type, or a format, that Spark can cast to")
    name = SPARK.name(rule.parameters[0].value)
    # Deequ's hasDataType infers kinds of text; this casts, as DQDL says.
    fits = f"cast({name} AS {wanted}) IS NOT NULL"
    meets = f"NOT ({fits})" if condition.operator == "!=" else fits
    ansi = "with `spark.sql.ansi.enabled`, a value that cannot be cast is an error"
    return Translated((_satisfies(rule, meets),), (ansi,))


def _freshness(rule: model.Rule) -> _Made:
    name = SPARK.name(rule.parameters[0].value)
    seconds = f"(unix_timestamp(current_timestamp()) - unix_timestamp(to_timestamp({name})))"
    age = f"round({seconds} / 3600, 2)"
    condition = _in_hours(needed(rule.condition))
    meets = f"CASE WHEN {name} IS NULL THEN FALSE ELSE {numbers_sql(age, condition)} END"
    clock = "moments without a time zone are in that of the Spark session"
    return Translated((_satisfies(rule, meets),), (clock,))


def _in_hours(condition: model.Condition) -> model.Condition:
    def hours(operand: model.Operand) -> model.Number:
        if not isinstance(operand, model.Duration):
            raise CannotExportError("it is no duration")
        return model.Number(f"{int(operand.amount) * _SECONDS[operand.unit] / 3600:.4f}")

    if isinstance(condition, model.Comparison):
        return model.Comparison(condition.operator, hours(condition.operand))
    if isinstance(condition, model.Between):
        return model.Between(hours(condition.low), hours(condition.high), condition.negated)
    if isinstance(condition, model.Membership):
        return model.Membership(tuple(hours(one) for one in condition.items), condition.negated)
    raise CannotExportError("it is no duration")


_RULES: Final[dict[str, Callable[[model.Rule], _Made]]] = {
    "RowCount": _metric("hasSize", columns="none"),
    "Completeness": _metric("hasCompleteness"),
    "IsComplete": _complete,
    "Uniqueness": _metric("hasUniqueness", columns="list"),
    "UniqueValueRatio": _metric("hasUniqueValueRatio", columns="list"),
    "IsUnique": _unique,
    "IsPrimaryKey": _primary_key,
    "DistinctValuesCount": _metric("hasNumberOfDistinctValues"),
    "Mean": _metric("hasMean"),
    "Sum": _metric("hasSum"),
    "StandardDeviation": _metric("hasStandardDeviation"),
    "Entropy": _metric("hasEntropy"),
    "ColumnCorrelation": _metric("hasCorrelation", columns="each"),
    "ColumnLength": _length,
    "ColumnValues": _values,
    "ColumnDataType": _data_type,
    "DataFreshness": _freshness,
}
