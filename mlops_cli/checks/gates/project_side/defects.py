"""Ways to spoil a table. Each takes rows that are good and gives rows that are not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pandas as pd  # type: ignore[import-untyped, unused-ignore]

if TYPE_CHECKING:
    from collections.abc import Callable

EVERY: Final = 5
"""A defect in some rows is one in every fifth."""
FAR: Final = 3.0
"""Shifted means by this many times the column's own range."""


@dataclass(frozen=True)
class Defect:
    """One way to spoil a table."""

    name: str
    columns: tuple[str, ...]
    """What it changes; nothing for the table as a whole."""
    apply: Callable[[pd.DataFrame], pd.DataFrame]


def missing(column: str, *, all_rows: bool = False) -> Defect:
    """No value where one was."""
    what = "no value in" if all_rows else "missing values in"
    return Defect(
        f"{what} `{column}`", (column,), lambda rows: _put(rows, column, None, all_rows=all_rows)
    )


def value(column: str, put: Any, *, all_rows: bool = False) -> Defect:  # noqa: ANN401 -- any type
    """Another value in some rows, or in all."""
    where = "in all rows" if all_rows else "in some rows"
    return Defect(
        f"the value {_shown(put)} {where} of `{column}`",
        (column,),
        lambda rows: _put(rows, column, put, all_rows=all_rows),
    )


def shifted(column: str, *, down: bool = False) -> Defect:
    """All numbers moved by three times their range."""

    def apply(rows: pd.DataFrame) -> pd.DataFrame:
        far = FAR * _range(rows[column]) * (-1 if down else 1)
        return _set(rows, column, rows[column] + far)

    return Defect(f"`{column}` shifted {'down' if down else 'up'}", (column,), apply)


def rescaled(column: str, factor: float) -> Defect:
    """All numbers times a factor, as in another unit."""
    return Defect(
        f"`{column}` rescaled by {factor:g}",
        (column,),
        lambda rows: _set(rows, column, rows[column].astype("Float64") * factor),
    )


def constant(column: str) -> Defect:
    """The same value everywhere."""

    def apply(rows: pd.DataFrame) -> pd.DataFrame:
        known = rows[column].dropna()
        return _put(rows, column, known.iloc[0] if len(known) else None, all_rows=True)

    return Defect(f"`{column}` constant", (column,), apply)


def distinct(column: str) -> Defect:
    """Another value in every row."""

    def apply(rows: pd.DataFrame) -> pd.DataFrame:
        numbers = pd.Series(range(len(rows)), index=rows.index)
        numeric = pd.api.types.is_numeric_dtype(rows[column])
        return _set(rows, column, numbers if numeric else "value " + numbers.astype("string"))

    return Defect(f"`{column}` with another value in every row", (column,), apply)


def repeated(columns: tuple[str, ...]) -> Defect:
    """Keys that come twice: the second half of the rows has those of the first."""

    def apply(rows: pd.DataFrame) -> pd.DataFrame:
        half = len(rows) // 2
        spoiled = rows.copy()
        for column in columns:
            place = list(rows.columns).index(column)
            spoiled.iloc[half : 2 * half, place] = rows[column].iloc[:half].array
        return spoiled

    names = ", ".join(f"`{column}`" for column in columns)
    return Defect(f"values of {names} that come twice", columns, apply)


def shuffled(column: str) -> Defect:
    """The right values in the wrong rows."""
    return Defect(
        f"`{column}` shuffled",
        (column,),
        lambda rows: _set(
            rows, column, pd.Series(rows[column].sample(frac=1, random_state=0).array, rows.index)
        ),
    )


def copied_from(column: str, other: str, sign: int) -> Defect:
    """One column as the other says."""
    return Defect(
        f"`{column}` the same as `{other}`" if sign > 0 else f"`{column}` minus `{other}`",
        (column, other),
        lambda rows: _set(rows, column, rows[other].astype("Float64") * sign),
    )


def as_text(column: str) -> Defect:
    """Words where another type was."""
    return Defect(
        f"words in `{column}`",
        (column,),
        lambda rows: rows.assign(**{column: pd.array(["no value"] * len(rows), "string")}),
    )


def without(column: str) -> Defect:
    """The column is not there."""
    return Defect(f"no column `{column}`", (), lambda rows: rows.drop(columns=column))


def only_column(column: str) -> Defect:
    """All columns but one are not there."""
    return Defect(f"no column but `{column}`", (), lambda rows: rows[[column]])


def more_columns(name: str, count: int) -> Defect:
    """Columns nobody knows."""

    def apply(rows: pd.DataFrame) -> pd.DataFrame:
        made = {f"{name}{number}": rows.iloc[:, 0].array for number in range(count)}
        return pd.concat([rows, pd.DataFrame(made, index=rows.index)], axis="columns")

    return Defect(f"{count} columns more, named `{name}…`", (), apply)


def rows_left(share: float) -> Defect:
    """Rows are lost, or come several times."""

    def apply(rows: pd.DataFrame) -> pd.DataFrame:
        if share <= 1:
            return rows.iloc[: int(len(rows) * share)] if share != 1 else rows.iloc[:1]
        return pd.concat([rows] * int(share), ignore_index=True)

    names = {0.5: "half of the rows", 1: "one row", 0: "no rows"}
    return Defect(names.get(share, f"every row {share:g} times"), (), apply)


def _put(rows: pd.DataFrame, column: str, put: Any, *, all_rows: bool) -> pd.DataFrame:  # noqa: ANN401 -- any type
    step = 1 if all_rows else EVERY
    spoiled = rows[column].copy()
    if put is not None and pd.api.types.is_integer_dtype(spoiled) and not isinstance(put, bool):
        put = int(put) if float(put).is_integer() else put
        spoiled = spoiled if isinstance(put, int) else spoiled.astype("Float64")
    spoiled.iloc[::step] = pd.NA if put is None else put
    return rows.assign(**{column: spoiled})


def _set(rows: pd.DataFrame, column: str, values: Any) -> pd.DataFrame:  # noqa: ANN401 -- any type
    kind = rows[column].dtype
    if pd.api.types.is_integer_dtype(kind):
        values = pd.Series(values, index=rows.index).astype("Float64").round().astype(kind)
    return rows.assign(**{column: values})


def _range(column: pd.Series) -> float:
    known = column.dropna().astype("float64")
    if known.empty:
        return 1.0
    spread = float(known.max() - known.min())
    return spread or abs(float(known.max())) or 1.0


def _shown(put: object) -> str:
    text = f"{put:g}" if isinstance(put, float) else str(put)
    return f'"{text[:30]}{"…" if len(text) > 30 else ""}"' if isinstance(put, str) else text
