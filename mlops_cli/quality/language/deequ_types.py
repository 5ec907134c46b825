"""Rule types that only Deequ evaluates: AWS documents none of them, and the public parser none.

They are read under the profile `deequ` alone, so that a ruleset which Glue would refuse is not
green here by default. Source: Deequ 2.0.21, com.amazon.deequ.dqdl.execution.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .rules import RULE_TYPES, RuleType

if TYPE_CHECKING:
    from collections.abc import Mapping


def _number(name: str, description: str, *, any_columns: bool = False) -> RuleType:
    return RuleType(
        name=name,
        arguments=("column",),
        fewest=0 if any_columns else 1,
        most=None if any_columns else 1,
        kinds=("number",),
        condition="required",
        where=True,
        threshold=False,
        only_analyzer=False,
        evaluated_here=True,
        with_datasets=False,
        description=description,
    )


_ALL = (
    _number("Range", "Largest value minus smallest, without NULL"),
    _number("ZerosCount", "Number of rows whose value is zero"),
    _number("Skewness", "Population skewness of the values, without NULL; 0 when all are equal"),
    _number(
        "Kurtosis", "Population excess kurtosis of the values, without NULL; 0 when all are equal"
    ),
    _number("InterquartileRange", "Third quartile minus first, interpolated, without NULL"),
    _number(
        "DuplicateRowCount",
        "Number of rows that occur more than once in these columns, or in all of them",
        any_columns=True,
    ),
)
UNKNOWN_TO_DEEQU = (
    "AllStatistics",
    "DetectAnomalies",
    "FileFreshness",
    "FileMatch",
    "FileSize",
    "FileUniqueness",
)
"""Rule types of AWS that Deequ has no converter for."""
DEEQU_TYPES: dict[str, RuleType] = {one.name: one for one in _ALL}


def types_of(profile: str) -> Mapping[str, RuleType]:
    """Give the rule types that a profile knows."""
    return {**RULE_TYPES, **DEEQU_TYPES} if profile == "deequ" else RULE_TYPES
