"""What is derived from a rule breaks it; from a rule that nothing can break, nothing is."""

from __future__ import annotations

import pandas as pd
import pytest

from mlops_cli.checks.gates.project_side.derive import claims
from mlops_cli.quality import check, parse
from mlops_cli.quality.language.model import leaves_of

BITE = [
    "RowCount > 10",
    "RowCount between 30 and 50",
    "RowCount < 1000",
    "ColumnCount = 8",
    "ColumnCount > 4",
    'ColumnExists "age"',
    'ColumnNamesMatchPattern "^[a-z_]+$"',
    'IsComplete "age"',
    'Completeness "city" > 0.9',
    'Completeness "gaps" >= 0.4',
    'IsUnique "id"',
    'IsPrimaryKey "id"',
    'IsPrimaryKey "id" "city"',
    'Uniqueness "id" > 0.9',
    'UniqueValueRatio "id" = 1.0',
    'DistinctValuesCount "city" = 3',
    'DistinctValuesCount "city" < 10',
    'Mean "age" between 20 and 60',
    'Sum "age" < 5000',
    'StandardDeviation "income" between 1 and 9000',
    'Variance "income" > 1',
    'Entropy "city" > 0.5',
    'ColumnCorrelation "age" "income" > 0.9',
    'ColumnLength "city" between 2 and 20',
    'ColumnLength "city" <= 10',
    'ColumnValues "age" between 0 and 120',
    'ColumnValues "age" >= 0',
    'ColumnValues "age" in [20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36,37,38,39]',
    'ColumnValues "age" != 999',
    'ColumnValues "age" not in [-1, 999]',
    'ColumnValues "income" > 0.5',
    'ColumnValues "income" < 100000 with threshold > 0.9',
    'ColumnValues "city" in ["Rome", "Oslo", "Bern"]',
    'ColumnValues "city" != "Paris"',
    'ColumnValues "city" not in ["Paris", "Lyon"]',
    'ColumnValues "city" matches "[A-Z][a-z]+"',
    'ColumnValues "active" = "true"',
    'ColumnValues "day" > "2020-01-01"',
    'ColumnDataType "income" = "DOUBLE"',
    'DataFreshness "day" <= 36500 days',
    '(IsComplete "age") and (IsComplete "city")',
    '(IsComplete "age") or (IsComplete "city")',
    'CustomSql "select count(*) from primary" > 10',
]
VACUOUS = [
    "RowCount >= 0",
    'Completeness "age" >= 0.0',
    'ColumnValues "age" between -1000000 and 1000000',
    'DistinctValuesCount "city" >= 0',
    'Mean "age" between -1000000000 and 1000000000',
]


@pytest.fixture(scope="module")
def rows():
    """Rows of every type, on which all these rules pass."""
    count = 40
    age = [20 + number % 20 for number in range(count)]
    made = pd.DataFrame(
        {
            "id": [f"k{number:03d}" for number in range(count)],
            "age": age,
            "income": [1000.0 * one + number for number, one in enumerate(age)],
            "city": [("Rome", "Oslo", "Bern")[number % 3] for number in range(count)],
            "active": [True] * count,
            "day": pd.to_datetime(["2026-01-01"] * count),
            "gaps": [None if number % 2 else 1.5 for number in range(count)],
            "spare": [0.5] * count,
        }
    )
    return made.convert_dtypes()


def passes(rule, rows, tmp_path):
    path = tmp_path / "rows.parquet"
    rows.to_parquet(path, index=False)
    return check(f"Rules = [ {rule} ]", str(path)).passed


@pytest.mark.parametrize("rule", BITE)
def test_each_claim_of_a_rule_has_a_form_that_breaks_it(rule, rows, tmp_path):
    assert passes(rule, rows, tmp_path)
    (parsed,) = parse(f"Rules = [ {rule} ]").rules
    found = claims(parsed, rows, leaves_of)
    assert found
    for claim in found:
        assert any(not passes(rule, form.apply(rows), tmp_path) for form in claim.forms), claim.kind


@pytest.mark.parametrize("rule", VACUOUS)
def test_a_rule_that_nothing_far_off_breaks_is_told_from_one_that_bites(rule, rows, tmp_path):
    assert passes(rule, rows, tmp_path)
    (parsed,) = parse(f"Rules = [ {rule} ]").rules
    unbroken = [
        claim
        for claim in claims(parsed, rows, leaves_of)
        if all(passes(rule, form.apply(rows), tmp_path) for form in claim.forms)
    ]
    assert [claim.certain for claim in unbroken] == [True]


def test_what_is_not_known_is_not_certain(rows):
    (parsed,) = parse('Rules = [ CustomSql "select 1" = 1 ]').rules
    (claim,) = claims(parsed, rows, leaves_of)
    assert not claim.certain


def test_the_good_rows_stay_as_they_are(rows):
    before = rows.copy()
    for rule in BITE:
        (parsed,) = parse(f"Rules = [ {rule} ]").rules
        for claim in claims(parsed, rows, leaves_of):
            for form in claim.forms:
                form.apply(rows)
    pd.testing.assert_frame_equal(rows, before)
