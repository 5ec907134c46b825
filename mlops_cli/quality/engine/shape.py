"""Rules about the shape of the data: its rows and columns."""

from __future__ import annotations

from ..language.cursor import did_you_mean
from .measurement import (
    Context,
    Found,
    Measure,
    Single,
    Verdict,
    filtered,
    judge,
    whole,
)
from .profiles import UNKNOWN_WHERE


def row_count(rule: Single, context: Context, where: str | None) -> Measure:
    """Count the rows, or those that meet the `where`."""
    needs = {"rows": f"count(*){filtered(where)}"}
    if where and UNKNOWN_WHERE.applies(context):
        needs["known"] = f"count({where})"

    def finish(found: Found) -> Verdict:
        if "known" in found and not found["known"]:
            return Verdict(True, "No row meets the `where`")
        return judge(rule, "RowCount", "Dataset.*.RowCount", whole(found["rows"]))

    return Measure(needs, finish, needs_rows=False)


def column_count(rule: Single, context: Context, _where: str | None) -> Measure:
    """Count the columns."""
    count = len(context.columns)
    return Measure(
        {},
        lambda _found: judge(rule, "ColumnCount", "Dataset.*.ColumnCount", count),
        needs_rows=False,
    )


def column_exists(rule: Single, context: Context, _where: str | None) -> Measure:
    """Look for a column of exactly this name."""
    name = rule.parameters[0].value
    names = [column.name for column in context.columns]
    metrics = {f"Dataset.{name}.ColumnExists": float(name in names)}
    hint = did_you_mean(name, names)
    message = f"The data has no column `{name}`" + (f". {hint}" if hint else "")
    verdict = Verdict(True, "", metrics) if name in names else Verdict(False, message, metrics)
    return Measure({}, lambda _found: verdict, needs_rows=False)
