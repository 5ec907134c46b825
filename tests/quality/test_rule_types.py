"""Every rule type is whole: it parses, passes, fails, is exported or said not to be, and explained.

A rule type without a case here, in the guide or among the exporters fails these tests.
"""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from mlops_cli.checks.quality.guide import GUIDE
from mlops_cli.quality import RULE_TYPES, DqdlErrors, check, open_source, parse, write
from mlops_cli.quality.exporters import TARGETS, expressible

DOCS = Path(__file__).parents[2] / "docs"
SAMPLE = runpy.run_path(str(DOCS / "sample.py"))

# For each rule type what the sample data meets, and what it does not.
CASES = {
    "RowCount": ("RowCount = 200", "RowCount > 200"),
    "ColumnCount": ("ColumnCount = 12", "ColumnCount > 12"),
    "RowCountMatch": ('RowCountMatch "reference" = 1.0', 'RowCountMatch "countries" = 1.0'),
    "Completeness": ('Completeness "income" = 0.975', 'Completeness "income" > 0.975'),
    "IsComplete": ('IsComplete "id"', 'IsComplete "income"'),
    "Uniqueness": ('Uniqueness "id" = 1.0', 'Uniqueness "country" > 0.0'),
    "IsUnique": ('IsUnique "email"', 'IsUnique "month"'),
    "UniqueValueRatio": ('UniqueValueRatio "id" = 1.0', 'UniqueValueRatio "country" > 0.0'),
    "DistinctValuesCount": ('DistinctValuesCount "month" = 12', 'DistinctValuesCount "month" > 12'),
    "IsPrimaryKey": ('IsPrimaryKey "id"', 'IsPrimaryKey "vat_number"'),
    "Mean": ('Mean "id" = 99.5', 'Mean "id" > 99.5'),
    "Sum": ('Sum "id" = 19900', 'Sum "id" < 19900'),
    "StandardDeviation": (
        'StandardDeviation "id" between 57.73 and 57.74',
        'StandardDeviation "id" > 57.74',
    ),
    "Variance": ('Variance "id" = 3333.25', 'Variance "id" > 3333.25'),
    "Entropy": ('Entropy "country" between 1.386 and 1.387', 'Entropy "country" > 1.387'),
    "ColumnCorrelation": (
        'ColumnCorrelation "id" "id" > 0.999',
        'ColumnCorrelation "id" "age" > 0.999',
    ),
    "ColumnLength": ('ColumnLength "country" = 2', 'ColumnLength "phone" > 0'),
    "ColumnValues": ('ColumnValues "age" between 17 and 81', 'ColumnValues "age" > 18'),
    "ColumnDataType": ('ColumnDataType "month" = "Integer"', 'ColumnDataType "email" = "Date"'),
    "ColumnExists": ('ColumnExists "age"', 'ColumnExists "Age"'),
    "ColumnNamesMatchPattern": (
        'ColumnNamesMatchPattern "^[a-z_]+$"',
        'ColumnNamesMatchPattern "^[a-m]"',
    ),
    "DataFreshness": (
        'DataFreshness "updated_at" < 24 hours',
        'DataFreshness "updated_at" < 2 hours',
    ),
    "CustomSql": (
        'CustomSql "select count(*) from primary where age < 18" = 0',
        'CustomSql "select count(*) from primary" = 0',
    ),
    "ReferentialIntegrity": (
        'ReferentialIntegrity "country" "countries.code" = 1.0',
        'ReferentialIntegrity "country" "reference.country" > 1.0',
    ),
    "DatasetMatch": (
        'DatasetMatch "reference" "id" "country" = 0.99',
        'DatasetMatch "reference" "id" = 1.0',
    ),
    "SchemaMatch": ('SchemaMatch "reference" = 1.0', 'SchemaMatch "countries" > 0.0'),
    "AggregateMatch": (
        'AggregateMatch "sum(total)" "sum(reference.total)" = 1.0',
        'AggregateMatch "sum(total)" "sum(reference.age)" = 1.0',
    ),
    "FileFreshness": (
        'FileFreshness "{folder}" > "2020-01-01"',
        'FileFreshness "{folder}" > "2999-01-01"',
    ),
    "FileSize": ('FileSize "{folder}/orders.csv" > 1 KB', 'FileSize "{folder}" > 1 MB'),
    "FileMatch": (
        'FileMatch "{folder}/orders.csv" "{folder}/orders.csv"',
        'FileMatch "{folder}/orders.csv" "{folder}/countries.csv"',
    ),
    "FileUniqueness": ('FileUniqueness "{folder}" = 1.0', 'FileUniqueness "{folder}" > 1.0'),
}
# These compare with a history, or record without a condition; their own tests run them.
ELSEWHERE = {"DetectAnomalies", "AllStatistics", "Distribution"}


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sample")
    orders, others = SAMPLE["write"](folder)
    return folder, orders, others


def outcome(rule, sample):
    folder, orders, others = sample
    text = f"Rules = [ {rule.replace('{folder}', str(folder))} ]"
    (found,) = check(text, orders, datasets=others, now=SAMPLE["NOW"]).outcomes
    return found


def test_every_rule_type_has_its_cases():
    assert set(RULE_TYPES) == set(CASES) | (ELSEWHERE & set(RULE_TYPES))
    assert set(GUIDE) == set(RULE_TYPES)
    assert set(expressible()) == set(RULE_TYPES)


@pytest.mark.parametrize("name", RULE_TYPES)
def test_it_parses_prints_and_parses_again(name):
    listed = "Analyzers" if RULE_TYPES[name].only_analyzer else "Rules"
    ruleset = parse(f"{listed} = [ {GUIDE[name].example} ]")
    assert parse(write(ruleset)) == ruleset
    assert {leaf.type for leaf in ruleset.leaves} == {name}


@pytest.mark.parametrize("name", CASES)
def test_it_passes_and_fails(name, sample):
    passing, failing = CASES[name]
    for rule, expected in ((passing, "PASS"), (failing, "FAIL")):
        found = outcome(rule, sample)
        assert found.outcome == expected, found.message
        assert bool(found.message) == (expected == "FAIL")


@pytest.mark.parametrize("name", [name for name in CASES if not name.startswith("File")])
def test_without_rows_it_is_what_the_guide_says(name, sample):
    folder, _, others = sample
    types = {"id": "integer", "age": "integer", "month": "integer"}
    types |= {"income": "number", "total": "number", "updated_at": "timestamp"}
    empty = open_source(folder / "empty.csv", types=types)
    text = f"Rules = [ {GUIDE[name].example} ]"
    (found,) = check(text, empty, datasets=others, now=SAMPLE["NOW"]).outcomes
    assert found.outcome == GUIDE[name].no_rows, found.message


@pytest.mark.parametrize("name", RULE_TYPES)
def test_each_target_takes_it_or_says_why_not(name):
    assert set(expressible()[name]) == set(TARGETS)
    for said in expressible()[name].values():
        assert re.fullmatch(r"same|(differs|no): .+", said)


def blocks(kind):
    page = (DOCS / "dqdl.md").read_text()
    return re.findall(rf"^```{kind}\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", blocks("dqdl"))
def test_every_document_on_the_page_parses(text):
    assert parse(write(parse(text))) == parse(text)


@pytest.mark.parametrize("text", blocks("dqdl-wrong"))
def test_what_the_page_calls_wrong_is_wrong(text):
    with pytest.raises(DqdlErrors):
        parse(text)


@pytest.mark.parametrize("name", RULE_TYPES)
def test_the_page_explains_it(name):
    page = (DOCS / "dqdl.md").read_text()
    assert f"\n### {name}\n" in page
    assert f"```dqdl-rule\n{GUIDE[name].example}\n```" in page
