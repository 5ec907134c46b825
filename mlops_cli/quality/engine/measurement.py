"""What a rule needs from the data, what it answers, and the data it is measured against."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from ..data.connection import identifier
from ..language import model
from ..language.cursor import did_you_mean
from ..language.printer import write_condition
from .values import CannotEvaluateError, meets

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    import duckdb

    from ..data.source import Column
    from ..history import History
    from .apart import Apart

Found: TypeAlias = "Mapping[str, Any]"
Profile: TypeAlias = Literal["aws", "deequ"]
_NO_METRICS: Mapping[str, float] = MappingProxyType({})
_NO_REFERENCES: Mapping[str, Reference] = MappingProxyType({})


class Verdict(NamedTuple):
    """The answer of one rule."""

    passed: bool
    message: str = ""
    metrics: Mapping[str, float] = _NO_METRICS
    undecided: bool = False
    """There is no answer, and the outcome is ERROR, although there are metrics."""


@dataclass(frozen=True, slots=True)
class Group:
    """A grouping by key columns; its result has groups, singletons and rows."""

    keys: tuple[str, ...]
    where: str | None

    @property
    def names(self) -> tuple[str, ...]:
        """What the one row of its result holds."""
        return ("groups", "singletons", "keyed", "weighted")

    def sql(self) -> str:
        """Count the groups; a row whose keys are all NULL is in none."""
        keys = ", ".join(identifier(key) for key in self.keys)
        filled = " OR ".join(f"{identifier(key)} IS NOT NULL" for key in self.keys)
        kept = f"({filled}) AND {self.where}" if self.where else filled
        return (
            "SELECT count(*) AS groups, count(*) FILTER (n = 1) AS singletons, "  # noqa: S608
            "coalesce(sum(n), 0)::BIGINT AS keyed, "
            "coalesce(sum(n * ln(n)) FILTER (n > 1), 0) AS weighted "
            f"FROM (SELECT count(*) AS n FROM data WHERE {kept} GROUP BY {keys})"
        )

    def is_of_integers(self, columns: Sequence[Column]) -> bool:
        """Whether the key is one column of whole numbers."""
        types = {column.name: column.type for column in columns}
        return len(self.keys) == 1 and types.get(self.keys[0]) == "integer"

    def extent_sql(self) -> str:
        """Find where the keys lie, which a Parquet file says in its footer, and how many."""
        key = identifier(self.keys[0])
        kept = f" WHERE {self.where}" if self.where else ""
        return f"SELECT min({key}), max({key}), count({key}) FROM data{kept}"  # noqa: S608

    def marked_sql(self, low: int, high: int) -> str:
        """Count the distinct keys by marking a bit for each, ten times as fast as grouping."""
        key = f"CAST({identifier(self.keys[0])} AS BIGINT) - ({low})::BIGINT"
        kept = f" WHERE {self.where}" if self.where else ""
        marks = f"bitstring_agg({key}, 0::BIGINT, {high - low}::BIGINT)"
        return f"SELECT bit_count({marks}) FROM data{kept}"  # noqa: S608


# One bit each, in every thread: at most 32 MiB.
_MOST_BITS = 1 << 28
_BITS_FOR_A_KEY = 16
_WIDEST = 1 << 62


def is_dense(low: int, high: int, keyed: int) -> bool:
    """Tell whether whole numbers lie so close that a bit for each possible one is cheap."""
    width = high - low + 1
    near = low > -_WIDEST and high < _WIDEST
    return near and width <= min(_MOST_BITS, max(keyed * _BITS_FOR_A_KEY, 1024))


@dataclass(frozen=True, slots=True)
class Query:
    """A query of one row that no other rule's aggregates can be part of."""

    text: str
    names: tuple[str, ...]

    def sql(self) -> str:
        """Write it."""
        return self.text


class Measure(NamedTuple):
    """What a rule needs, by name, and what it makes of it."""

    needs: Mapping[str, str]
    finish: Callable[[Found], Verdict]
    query: Group | Query | None = None
    needs_rows: bool = True
    """Without a row it fails."""
    where: str | None = None
    """The condition, as SQL, that decides which rows it is about."""
    row: str | Callable[[duckdb.DuckDBPyConnection], str] | None = None
    """SQL for whether one row of `data AS ours` is right; None for a rule about all of them."""


class Reference(NamedTuple):
    """A second data set, as a table beside the data."""

    table: str
    columns: Sequence[Column]
    rows: int


class Context(NamedTuple):
    """The data that rules are measured against."""

    connection: duckdb.DuckDBPyConnection
    columns: Sequence[Column]
    now: datetime
    references: Mapping[str, Reference] = _NO_REFERENCES
    primary: str = "primary"
    """What the ruleset calls the data."""
    seconds: float = 60.0
    """How long one statement of the user may take."""
    profile: Profile = "aws"
    """Whose semantics hold where AWS's documents and Deequ differ."""
    history: History | None = None
    """Earlier results, for dynamic rules and anomalies."""
    source: str = ""
    """The data's own path or URI, for rules about files that name none."""
    rule_seconds: float = 300.0
    """How long one query may take."""
    apart: Apart | None = None
    """The process for statements of the user; none inside of it."""
    redacted: frozenset[str] = frozenset()
    """Columns, in lower case, of which no message may show a value."""

    def column(self, name: str) -> Column:
        """Find a column, by its exact name first and in another case then.

        Raises:
            CannotEvaluateError: There is none.
        """
        return _column(name, self.columns, "The data")

    def reference(self, name: str) -> Reference:
        """Find a second data set.

        Raises:
            CannotEvaluateError: None of this name was given.
        """
        found = self.references.get(name)
        if found is None:
            near = did_you_mean(name, self.references)
            raise CannotEvaluateError(
                f"No data set `{name}` was given" + (f". {near}" if near else "")
            )
        return found

    def reference_column(self, name: str, reference: str) -> Column:
        """Find a column of a second data set.

        Raises:
            CannotEvaluateError: There is none.
        """
        return _column(name, self.reference(reference).columns, f"The data set `{reference}`")


def _column(name: str, columns: Sequence[Column], whose: str) -> Column:
    by_name = {column.name: column for column in columns}
    lower = {column.name.lower(): column for column in columns}
    found = by_name.get(name) or lower.get(name.lower())
    if found is None:
        near = did_you_mean(name, by_name)
        raise CannotEvaluateError(f"{whose} has no column `{name}`" + (f". {near}" if near else ""))
    return found


Single: TypeAlias = "model.Rule | model.Analyzer"


def filtered(where: str | None, also: str | None = None) -> str:
    """Write the `FILTER` of an aggregate; nothing when every row counts."""
    parts = [part for part in (where, also) if part]
    return f" FILTER (WHERE {' AND '.join(parts)})" if parts else ""


def condition_of(rule: Single) -> model.Condition | None:
    """Give the condition of a rule; an analyzer has none."""
    return rule.condition if isinstance(rule, model.Rule) else None


def compliance(
    rule: Single, column: Column, found: Found, metrics: dict[str, float], lie: str
) -> Verdict:
    """Say whether every row meets the condition, or the share that the threshold says."""
    rows, meeting = whole(found["kept"]), whole(found["meeting"])
    condition = condition_of(rule)
    threshold = rule.threshold if isinstance(rule, model.Rule) else None
    passed = meeting == rows if threshold is None else meets(meeting / rows, threshold)
    if passed or condition is None:
        return Verdict(True, metrics=metrics)
    message = (
        f"{rows - meeting} of {rows} rows of `{column.name}` do not meet "
        f"`{rule.type} {write_condition(condition)}`"
    )
    if threshold is not None:
        message += (
            f"; the share that does is {shown(meeting / rows)}, "
            f"and should be {write_condition(threshold)}"
        )
    return Verdict(False, f"{message}; {lie}" if lie else message, metrics)


def key_columns(rule: Single, context: Context) -> tuple[str, ...]:
    """Find the columns that a rule names."""
    return tuple(context.column(parameter.value).name for parameter in rule.parameters)


def metric_key(keys: tuple[str, ...], metric: str) -> str:
    """Write the name Glue gives to a metric of these columns."""
    scope = "Column" if len(keys) == 1 else "Multicolumn"
    return f"{scope}.{','.join(keys)}.{metric}"


def named(keys: tuple[str, ...]) -> str:
    """Write columns for people."""
    return ", ".join(f"`{key}`" for key in keys)


def whole(value: float | None) -> int:
    """Read a count; nothing was counted where there is no value."""
    return int(value or 0)


def judge(rule: Single, what: str, key: str, value: float | None, *, missing: str = "") -> Verdict:
    """Compare a metric with the rule's condition; an analyzer has none, and passes."""
    if value is None:
        return Verdict(False, missing)
    condition = condition_of(rule)
    metrics = {key: float(value)}
    if condition is None:
        return Verdict(True, metrics=metrics)
    if meets(value, condition):
        return Verdict(True, metrics=metrics)
    wanted = write_condition(condition)
    said = shown(value)
    if said in wanted.replace(",", " ").replace("[", " ").replace("]", " ").split():
        said = repr(value)  # or it would read "is 0.6, and should be = 0.6"
    return Verdict(False, f"{what} is {said}, and should be {wanted}", metrics)


def held(column: Column) -> str:
    """Say what a column holds where a rule needs something else."""
    kind = "neither numbers, text nor dates" if column.type == "other" else column.type
    return f"column `{column.name}` holds {kind}" + (f" ({column.note})" if column.note else "")


def shown(value: float) -> str:
    """Write a metric for people."""
    return f"{value:.10g}" if isinstance(value, float) else str(value)
