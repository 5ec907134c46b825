"""Dynamic rules: `last(k)` and what is made of it, replaced by numbers before a rule is measured.

Without earlier results every function is 0, as AWS documents it; the verdict says so. With fewer
than `k`, those there are count. `std` is the population's, like every deviation of DQDL.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from ..history import history_key
from ..language import model
from ..language.cursor import did_you_mean
from ..language.printer import write_operand
from .averages import deviation, mean, median
from .measurement import key_columns, metric_key
from .values import CannotEvaluateError, number

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..history import History
    from .measurement import Context, Measure, Single, Verdict

End: TypeAlias = Literal["low", "high"] | None

_OVER_A_LIST: dict[str, Callable[[Sequence[float]], float]] = {
    "avg": mean,
    "median": median,
    "max": max,
    "min": min,
    "sum": math.fsum,
    "std": deviation,
}
FUNCTIONS = ("last", *_OVER_A_LIST, "abs", "index")
_MOST = 100_000
_EXACT = 2**53

_OF_ONE_COLUMN = frozenset(
    {"Completeness", "Mean", "Sum", "StandardDeviation", "Variance", "Entropy", "Range"}
    | {"UniqueValueRatio", "DistinctValuesCount", "Skewness", "Kurtosis", "InterquartileRange"}
    | {"ZerosCount"}
)
_OF_COLUMNS = frozenset({"Uniqueness", "ColumnCorrelation"})
_OF_THE_TABLE = frozenset({"RowCount", "ColumnCount", "DuplicateRowCount"})
_OF_A_REFERENCE = {
    "RowCountMatch": "Dataset.{}.RowCountMatch",
    "SchemaMatch": "Dataset.{}.SchemaMatch",
    "DatasetMatch": "Dataset.{}.DatasetMatch",
}
_EXTREMES = {
    "ColumnLength": ("MinimumLength", "MaximumLength"),
    "ColumnValues": ("Minimum", "Maximum"),
}

_ENDS: dict[str, End] = {">": "low", ">=": "low", "<": "high", "<=": "high"}
Worth: TypeAlias = "float | tuple[float, ...]"


class Resolved(NamedTuple):
    """A rule whose dynamic parts are numbers now, and what each was worth."""

    rule: Single
    notes: tuple[str, ...] = ()


def resolve(rule: Single, context: Context) -> Resolved:
    """Replace the dynamic parts of a rule by what they are worth.

    Raises:
        CannotEvaluateError: A function is unknown or misused, or the rule has no metric that
            earlier results could hold.
    """
    if not isinstance(rule, model.Rule):
        return Resolved(rule)
    notes: list[str] = []
    condition, threshold = rule.condition, rule.threshold

    def of_condition(operand: model.Operand, end: End) -> model.Operand:
        if not model.is_dynamic(operand):
            return operand
        return _Earlier(rule, _metric(rule, context, end), context.history, notes).replaced(operand)

    def of_threshold(operand: model.Operand, _end: End) -> model.Operand:
        if not model.is_dynamic(operand):
            return operand
        return _Earlier(rule, _share(rule, context), context.history, notes).replaced(operand)

    changed = replace(
        rule,
        condition=condition and _each_operand(condition, of_condition),
        threshold=threshold and _each_operand(threshold, of_threshold),
    )
    return Resolved(changed, tuple(dict.fromkeys(notes))) if notes else Resolved(rule)


def noted(measured: Measure, notes: Sequence[str]) -> Measure:
    """Let the verdict say what the dynamic parts were worth."""
    if not notes:
        return measured
    finish = measured.finish

    def finish_noted(found: Mapping[str, object]) -> Verdict:
        verdict = finish(found)
        said = (verdict.message, *notes)
        return verdict._replace(message="; ".join(one for one in said if one))

    return measured._replace(finish=finish_noted)


def substituted(rule: model.AnyRule, found: Mapping[int, model.Rule]) -> model.AnyRule:
    """Put resolved rules where the rules they came from stand, in a composite too."""
    if isinstance(rule, model.Rule):
        return found.get(id(rule), rule)
    return replace(rule, rules=tuple(substituted(one, found) for one in rule.rules))


def _each_operand(
    condition: model.Condition, change: Callable[[model.Operand, End], model.Operand]
) -> model.Condition:
    """Change every operand; `low` and `high` say which end of the values it bounds."""
    if isinstance(condition, model.Comparison):
        return replace(condition, operand=change(condition.operand, _ENDS.get(condition.operator)))
    if isinstance(condition, model.Between):
        low = change(condition.low, "low")
        return replace(condition, low=low, high=change(condition.high, "high"))
    if isinstance(condition, model.Membership):
        return replace(condition, items=tuple(change(item, None) for item in condition.items))
    return condition


@dataclass(frozen=True, slots=True)
class _Earlier:
    """Works out dynamic operands from the earlier results of one metric."""

    rule: model.Rule
    metric: str
    history: History | None
    notes: list[str]

    def replaced(self, operand: model.Operand) -> model.Operand:
        """Replace every function by its number."""
        if isinstance(operand, model.Call):
            worth = self._scalar(operand)
            self._note(operand, worth)
            return _number_of(worth)
        if isinstance(operand, model.Grouped):
            return model.Grouped(self._numeric(operand.inner))
        if isinstance(operand, model.Negated):
            return model.Negated(self._numeric(operand.operand))
        if isinstance(operand, model.Arithmetic):
            return self._arithmetic(operand)
        return operand

    def _numeric(self, operand: model.NumericOperand) -> model.NumericOperand:
        return self.replaced(operand)  # type: ignore[return-value]  # stays a number

    def _arithmetic(self, operand: model.Arithmetic) -> model.NumericOperand:
        """Left to right, without recursion: a long sum must not overflow the stack."""
        steps: list[tuple[str, model.NumericOperand]] = []
        left: model.NumericOperand = operand
        while isinstance(left, model.Arithmetic):
            steps.append((left.operator, left.right))
            left = left.left
        found = self._numeric(left)
        for sign, right in reversed(steps):
            found = model.Arithmetic(found, sign, self._numeric(right))
        return found

    def _note(self, call: model.Call, worth: float) -> None:
        text = write_operand(call)
        count = len(self._values())
        if count:
            known = f"{count} earlier result{'' if count == 1 else 's'}"
            self.notes.append(f"`{text}` is {worth:.10g}, with {known} of `{self.metric}`")
        else:
            why = "no history is kept" if self.history is None else "there are none yet"
            self.notes.append(f"`{text}` is 0 without earlier results of `{self.metric}`: {why}")

    def _values(self) -> Sequence[float]:
        if self.history is None:
            return ()
        return self.history.values(history_key(self.rule, self.metric))

    def _scalar(self, call: model.Call) -> float:
        worth = self._worth(call)
        if isinstance(worth, tuple):
            text = write_operand(call)
            raise CannotEvaluateError(
                f"`{text}` is a list of results, and a number is needed: "
                f"write `avg({text})`, or `last()` for the newest"
            )
        if not math.isfinite(worth):
            raise CannotEvaluateError(f"`{write_operand(call)}` is too large")
        return worth

    def _worth(self, call: model.Call) -> Worth:
        if call.name == "last":
            return self._last(call)
        if call.name in _OVER_A_LIST:
            values = self._list(call, wanted=1)
            return _OVER_A_LIST[call.name](values) if values else 0.0
        if call.name == "index":
            return self._index(call)
        if call.name == "abs":
            return self._abs(call)
        near = did_you_mean(call.name, FUNCTIONS)
        raise CannotEvaluateError(
            f"There is no function `{call.name}`. "
            + (near or f"The functions are {', '.join(f'`{one}`' for one in FUNCTIONS)}")
        )

    def _last(self, call: model.Call) -> Worth:
        count = _whole(call, 0, 1) if call.arguments else 1
        if len(call.arguments) > 1 or not 1 <= count <= _MOST:
            raise CannotEvaluateError(
                f"`{write_operand(call)}`: `last` takes a number of results, such as `last(10)`"
            )
        values = self._values()[:count]
        if count == 1:
            return values[0] if values else 0.0
        return tuple(values)

    def _list(self, call: model.Call, *, wanted: int) -> tuple[float, ...]:
        inner = call.arguments[0] if len(call.arguments) == wanted else None
        if not isinstance(inner, model.Call):
            more = ", 0" if wanted > 1 else ""
            raise CannotEvaluateError(
                f"`{write_operand(call)}`: write `{call.name}(last(10){more})`"
            )
        worth = self._worth(inner)
        if isinstance(worth, tuple):
            return worth
        return (worth,) if self._values() else ()

    def _index(self, call: model.Call) -> float:
        values = self._list(call, wanted=2)
        position = _whole(call, 1, 0)
        inner = call.arguments[0]
        if isinstance(inner, model.Call) and inner.name == "last":
            asked = _whole(inner, 0, 1) if inner.arguments else 1
            if position >= asked:
                raise CannotEvaluateError(
                    f"`{write_operand(call)}`: the newest result is at 0, the oldest at {asked - 1}"
                )
        return values[position] if position < len(values) else 0.0

    def _abs(self, call: model.Call) -> Worth:
        if len(call.arguments) != 1:
            raise CannotEvaluateError(f"`{write_operand(call)}`: `abs` takes one number")
        (inner,) = call.arguments
        if isinstance(inner, model.Call):
            worth = self._worth(inner)
            return tuple(map(abs, worth)) if isinstance(worth, tuple) else abs(worth)
        quiet = replace(self, notes=[])
        return abs(float(number(quiet.replaced(inner))))


def _whole(call: model.Call, position: int, least: int) -> int:
    """Read an argument that must be a plain whole number."""
    argument = call.arguments[position]
    if not isinstance(argument, model.Number) or not argument.text.isdigit():
        raise CannotEvaluateError(
            f"`{write_operand(call)}`: `{write_operand(argument)}` is not a whole number"
        )
    if len(argument.text) > len(str(_MOST)) or int(argument.text) < least:
        raise CannotEvaluateError(f"`{write_operand(call)}`: `{argument.text}` is out of range")
    return int(argument.text)


def _number_of(value: float) -> model.NumericOperand:
    """Write a number as DQDL does, without exponent."""
    if float(value).is_integer() and abs(value) < _EXACT:
        text = str(abs(int(value)))
    else:
        from decimal import Decimal

        text = format(Decimal(repr(abs(float(value)))), "f")
        text = text if "." in text else f"{text}.0"
    return model.Negated(model.Number(text)) if value < 0 else model.Number(text)


def _metric(rule: model.Rule, context: Context, end: End) -> str:
    """What Glue calls the metric that a rule's condition is about."""
    if rule.type in _OF_THE_TABLE:
        return f"Dataset.*.{rule.type}"
    if rule.type in _OF_A_REFERENCE:
        return _OF_A_REFERENCE[rule.type].format(rule.parameters[0].value)
    if rule.type == "CustomSql":
        return "Dataset.*.CustomSQL"
    if rule.type == "FileUniqueness":
        return "Dataset.*.FileUniquenessRatio"
    if rule.type in _OF_COLUMNS | _OF_ONE_COLUMN:
        return metric_key(key_columns(rule, context), rule.type)
    if rule.type in _EXTREMES:
        column = context.column(rule.parameters[0].value).name
        if end is None:
            raise CannotEvaluateError(
                f"Earlier results of {rule.type} hold the least and the greatest value of "
                f"`{column}`: compare with `>`, `>=`, `<`, `<=` or `between`"
            )
        return f"Column.{column}.{_EXTREMES[rule.type][end == 'high']}"
    raise CannotEvaluateError(f"{rule.type} cannot be compared with earlier results")


def _share(rule: model.Rule, context: Context) -> str:
    """What Glue calls the share of rows that a rule's threshold is about."""
    if rule.type == "CustomSql":
        return "Dataset.*.CustomSQL.Compliance"
    if rule.type in ("FileFreshness", "FileSize"):
        return f"Dataset.*.{rule.type}.Compliance"
    column = context.column(rule.parameters[0].value).name
    if rule.type == "ColumnValues":
        matches = isinstance(rule.condition, model.Matches)
        return f"Column.{column}.{'PatternMatch' if matches else 'ColumnValues.Compliance'}"
    return f"Column.{column}.{rule.type}.Compliance"
