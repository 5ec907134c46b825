"""What a DQDL document says, as values: the whole language, whatever the engine can evaluate.

Operands and strings keep the text they were written with, so that printing and parsing again
gives the same value. Positions take no part in equality.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

_ESCAPE = re.compile(r'\\(["\\])')


class Span(NamedTuple):
    """Where something stands in its document: lines and columns count from one."""

    line: int
    column: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Number:
    """`12` or `1.5`, as written."""

    text: str


@dataclass(frozen=True, slots=True)
class Negated:
    """`-x`."""

    operand: NumericOperand


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left op right`; DQDL has no precedence, so `left` holds everything written before."""

    left: NumericOperand
    operator: str
    right: NumericOperand


@dataclass(frozen=True, slots=True)
class Grouped:
    """`( x )`, kept because it decides the order."""

    inner: NumericOperand


@dataclass(frozen=True, slots=True)
class Call:
    """`name(a, b)`: a dynamic function such as `avg(last(10))`."""

    name: str
    arguments: tuple[NumericOperand, ...]


@dataclass(frozen=True, slots=True)
class Text:
    """A quoted string; `raw` is what stands between the quotes."""

    raw: str

    @property
    def value(self) -> str:
        r"""The string meant: `\"` and `\\` are undone, every other backslash stands."""
        return _ESCAPE.sub(r"\1", self.raw)


@dataclass(frozen=True, slots=True)
class Keyword:
    """`NULL`, `EMPTY` or `WHITESPACES_ONLY`."""

    name: str


@dataclass(frozen=True, slots=True)
class Date:
    """`"2026-01-31"`."""

    text: str


@dataclass(frozen=True, slots=True)
class Time:
    """`"9:30 AM"` or `"21:45"`: a time of today."""

    text: str


@dataclass(frozen=True, slots=True)
class Now:
    """`now()`, or `(now() - 3 days)` when there is an offset."""

    sign: str = ""
    amount: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Duration:
    """`3 days`."""

    amount: str
    unit: str


@dataclass(frozen=True, slots=True)
class Size:
    """`5 MB`; 1024-based."""

    amount: str
    unit: str


NumericOperand: TypeAlias = Number | Negated | Arithmetic | Grouped | Call
Operand: TypeAlias = NumericOperand | Text | Keyword | Date | Time | Now | Duration | Size

_KINDS: dict[type, str] = {
    Number: "number",
    Negated: "number",
    Arithmetic: "number",
    Grouped: "number",
    Call: "number",
    Text: "text",
    Date: "date",
    Time: "date",
    Now: "date",
    Duration: "duration",
    Size: "size",
}


def kind_of(operand: Operand) -> str:
    """Say what an operand is: number, text, date, duration, size; `null` for NULL alone."""
    if isinstance(operand, Keyword):
        return "null" if operand.name == "NULL" else "text"
    return _KINDS[type(operand)]


@dataclass(frozen=True, slots=True)
class Comparison:
    """`= != > >= < <=` and one operand."""

    operator: str
    operand: Operand

    @property
    def operands(self) -> tuple[Operand, ...]:
        """All operands."""
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class Between:
    """`between low and high`: both ends are excluded; `not between` includes them."""

    low: Operand
    high: Operand
    negated: bool = False

    @property
    def operands(self) -> tuple[Operand, ...]:
        """All operands."""
        return (self.low, self.high)


@dataclass(frozen=True, slots=True)
class Membership:
    """`in [...]`, or `in $name` when `variable` is set; the items are then the constant's."""

    items: tuple[Operand, ...]
    negated: bool = False
    variable: str | None = None

    @property
    def operands(self) -> tuple[Operand, ...]:
        """All operands."""
        return self.items


@dataclass(frozen=True, slots=True)
class Matches:
    """`matches "regex"`: the whole value."""

    pattern: Text
    negated: bool = False

    @property
    def operands(self) -> tuple[Operand, ...]:
        """All operands."""
        return (self.pattern,)


Condition: TypeAlias = Comparison | Between | Membership | Matches


def condition_kind(condition: Condition) -> str:
    """Say what a condition compares with; `null` when every operand is NULL."""
    kinds = {kind_of(operand) for operand in condition.operands} - {"null"}
    return kinds.pop() if kinds else "null"


@dataclass(frozen=True, slots=True)
class Parameter:
    """What a rule is about: a column, a dataset, a statement."""

    raw: str
    quoted: bool = True
    connector: str = ""
    """`of` or `and` before it; they mean nothing."""
    variable: str | None = None

    @property
    def value(self) -> str:
        """The name or text meant."""
        return Text(self.raw).value if self.quoted else self.raw


@dataclass(frozen=True, slots=True)
class Tag:
    """`with name = value`."""

    name: str
    value: Text | Number


Labels: TypeAlias = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule."""

    type: str
    parameters: tuple[Parameter, ...] = ()
    condition: Condition | None = None
    where: Text | None = None
    labels: Labels = ()
    threshold: Condition | None = None
    tags: tuple[Tag, ...] = ()
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Composite:
    """Rules joined by `and` or by `or`."""

    operator: str
    rules: tuple[AnyRule, ...]
    labels: Labels = ()
    span: Span | None = field(default=None, compare=False)


AnyRule: TypeAlias = Rule | Composite


@dataclass(frozen=True, slots=True)
class Analyzer:
    """A metric to record, with no condition."""

    type: str
    parameters: tuple[Parameter, ...] = ()
    span: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Constant:
    """`name = "text"` or `name = [...]`."""

    name: str
    items: tuple[Text | Keyword, ...]
    is_list: bool


@dataclass(frozen=True, slots=True)
class DataSources:
    """The names of the datasets a document is about."""

    primary: str | None = None
    additional: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ruleset:
    """A whole document."""

    rules: tuple[AnyRule, ...] = ()
    analyzers: tuple[Analyzer, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    sources: DataSources | None = None
    constants: tuple[Constant, ...] = ()
    default_labels: Labels = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that a rule or analyzer names, in order, once."""
        return tuple(dict.fromkeys(name for rule in self.leaves for name in rule_columns(rule)))

    @property
    def leaves(self) -> tuple[Rule | Analyzer, ...]:
        """Every single rule, out of composites too, and every analyzer."""
        found: list[Rule | Analyzer] = []
        for rule in self.rules:
            found.extend(leaves_of(rule))
        return (*found, *self.analyzers)


def leaves_of(rule: AnyRule) -> tuple[Rule, ...]:
    """List the single rules of a rule."""
    if isinstance(rule, Rule):
        return (rule,)
    return tuple(leaf for nested in rule.rules for leaf in leaves_of(nested))


_NOT_COLUMNS = frozenset(
    {
        "AggregateMatch",
        "ColumnNamesMatchPattern",
        "CustomSql",
        "DatasetMatch",
        "DetectAnomalies",
        "FileFreshness",
        "FileMatch",
        "FileSize",
        "FileUniqueness",
        "ReferentialIntegrity",
        "RowCountMatch",
        "SchemaMatch",
    }
)


def rule_columns(rule: Rule | Analyzer) -> tuple[str, ...]:
    """List the columns a single rule names as its parameters."""
    if rule.type in _NOT_COLUMNS:
        return ()
    return tuple(parameter.value for parameter in rule.parameters)


def parts_of(operand: Operand) -> Iterator[Operand]:
    """Give an operand and all inside it; without recursion, for a sum may be long."""
    pending = [operand]
    while pending:
        found = pending.pop()
        yield found
        match found:
            case Arithmetic(left=left, right=right):
                pending += [left, right]
            case Grouped(inner=inner) | Negated(operand=inner):
                pending.append(inner)
            case Call(arguments=arguments):
                pending += arguments


def is_dynamic(operand: Operand) -> bool:
    """Tell whether an operand looks at the results of earlier runs: `avg(last(3)) * 0.9`."""
    return any(isinstance(part, Call) for part in parts_of(operand))
