"""AllStatistics: what several analyzers say of one column, measured together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..language import model
from .measurement import Measure, Verdict
from .values import CannotEvaluateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .measurement import Context, Found, Single

_OF_TABLE = ("RowCount", "ColumnCount")
_OF_ANY = ("Completeness", "Uniqueness", "Entropy")
_OF_NUMBERS = ("ColumnValues", "Mean", "StandardDeviation", "Sum")
_OF_TEXT = ("ColumnLength",)


def all_statistics(
    rule: Single, context: Context, inner: Callable[[model.Analyzer], Measure]
) -> Measure:
    """Measure every statistic that the type of a column allows.

    Args:
        rule: The analyzer.
        context: The data.
        inner: How an analyzer is measured.

    Raises:
        CannotEvaluateError: There is no such column.
    """
    (parameter,) = rule.parameters
    column = context.column(parameter.value)
    kinds = [*_OF_ANY]
    if column.type in ("integer", "number"):
        kinds += _OF_NUMBERS
    elif column.type == "text":
        kinds += _OF_TEXT
    named = model.Parameter(parameter.raw, parameter.quoted)
    analyzers = [model.Analyzer(kind) for kind in _OF_TABLE]
    analyzers += [model.Analyzer(kind, (named,)) for kind in kinds]
    return together([inner(analyzer) for analyzer in analyzers])


def together(parts: Sequence[Measure]) -> Measure:
    """Join analyzers; they may share one grouping, and each keeps its own aggregates.

    Raises:
        CannotEvaluateError: They need two groupings.
    """
    queries = {part.query for part in parts if part.query is not None}
    if len(queries) > 1:
        raise CannotEvaluateError("The statistics cannot be measured together")
    needs = {
        f"{position}.{name}": sql
        for position, part in enumerate(parts)
        for name, sql in part.needs.items()
    }

    def finish(found: Found) -> Verdict:
        metrics: dict[str, float] = {}
        for position, part in enumerate(parts):
            metrics |= part.finish(_own(found, position, part)).metrics
        return Verdict(True, metrics=metrics)

    return Measure(needs, finish, next(iter(queries), None))


def _own(found: Found, position: int, part: Measure) -> Mapping[str, object]:
    """What was found for one part, by the names it gave."""
    return {**found, **{name: found[f"{position}.{name}"] for name in part.needs}}
