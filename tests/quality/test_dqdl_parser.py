"""What the language means: parsing and printing."""

from __future__ import annotations

import pytest

from mlops_cli.quality import DqdlErrors, parse, write
from mlops_cli.quality.language import model
from mlops_cli.quality.language.printer import write_condition, write_rule

SAME = [
    "RowCount >= 50",
    "RowCount = -5",
    "RowCount > 10 - 3 - 2",
    "RowCount between (0.9 * avg(last(10))) and 1.1 * avg(last(10))",
    "RowCount > last()",
    "Completeness of col_1 not between 0.5 and 0.8",
    'ColumnCorrelation of a and "b c" between 0.4 and 0.8',
    'IsPrimaryKey id "the other"',
    'IsComplete "a" where "b = \'x\'" labels=["team"="risk", "tier"="1"] with name = "r1"',
    'ColumnValues "a" in ["x","y \\" z",NULL,EMPTY,WHITESPACES_ONLY] with ignoreCase = "true"',
    'ColumnValues "a" not in [1,2.5,NULL] with threshold not between 0.4 and 0.8',
    'ColumnValues "a" not matches "\\d+|a\\.b"',
    'ColumnValues "a" != NULL',
    'ColumnValues "d" between "2026-01-01" and (now() - 3 days)',
    'ColumnDataType "a" = "DATE" with threshold > 0.9 with format = "dd/MM/yyyy"',
    'DataFreshness "d" between 2 days and 48 hours',
    'FileSize "s3://bucket/" not in [500 KB,150 GB]',
    'FileFreshness > "9:30 AM" with timeZone = "America/New_York" with recentFiles = 1',
    'FileMatch "a" "b"',
    'FileMatch in ["3ee0"] with hashAlgorithm = "MD5"',
    'CustomSql "select count(*)\n from primary" > 0',
    'CustomSql "select id from primary" with threshold > 0.5',
    'DatasetMatch "reference" "id->id2" "a,b" >= 0.9',
    'AggregateMatch "sum(a)" "sum(reference.a)" = 1.0',
    'DetectAnomalies "Mean" "a"',
    '(RowCount > 1) AND (IsComplete "a")',
    '(RowCount > 1) OR ((IsComplete "a") AND (IsUnique "b"))',
    '((RowCount > 1) AND (IsComplete "a")) labels=["k"="v"]',
]


@pytest.mark.parametrize("text", SAME)
def test_a_rule_is_printed_as_it_was_written(text):
    ruleset = parse(f"Rules = [ {text} ]")
    assert write_rule(ruleset.rules[0]) == text
    assert parse(write(ruleset)) == ruleset


def test_a_whole_document_is_read_and_printed():
    text = """# comment
Metadata = { "Version": "1.0" }
DataSources = { "Primary": "orders", "AdditionalDataSources": [ "ref 1", "ref2" ] }
codes = ["a", "b"]
sql = "select 1"
DefaultLabels = ["env"="prod"]
Rules = [ ColumnValues "c" in $codes, CustomSql $sql > 0 ] # last, without line end
Analyzers = [ RowCount, Mean of "x", AllStatistics "x" ]  # end"""
    ruleset = parse(text)
    assert ruleset.metadata == (("Version", "1.0"),)
    assert ruleset.sources == model.DataSources("orders", ("ref 1", "ref2"))
    assert ruleset.default_labels == (("env", "prod"),)
    assert [analyzer.type for analyzer in ruleset.analyzers] == [
        "RowCount",
        "Mean",
        "AllStatistics",
    ]
    assert ruleset.rules[0].condition.items == (model.Text("a"), model.Text("b"))
    assert ruleset.rules[1].parameters[0].value == "select 1"
    assert ruleset.columns == ("c", "x")
    assert parse(write(ruleset)) == ruleset


def test_and_binds_tighter_than_or():
    (rule,) = parse('Rules = [ IsComplete "a" or RowCount > 1 and RowCount < 9 ]').rules
    assert write_rule(rule) == '(IsComplete "a") OR ((RowCount > 1) AND (RowCount < 9))'


def test_arithmetic_is_read_from_left_to_right():
    (rule,) = parse("Rules = [ RowCount > 1 + 2 * 3 ]").rules
    outer = rule.condition.operand
    assert (outer.operator, outer.left.operator) == ("*", "+")


def test_windows_line_ends_and_a_byte_order_mark_are_accepted():
    ruleset = parse("\ufeffRules = [\r\n  RowCount > 1,\r\n  ColumnCount = 2\r\n]\r\n")
    assert [rule.type for rule in ruleset.rules] == ["RowCount", "ColumnCount"]


def test_a_rule_knows_where_it_stands():
    _, second = parse('Rules = [\n  RowCount > 1,\n  IsComplete "a"\n]').rules
    assert (second.span.line, second.span.column) == (3, 3)


def test_escapes_are_undone_in_text_and_kept_in_patterns():
    equal, matches = parse(
        'Rules = [ ColumnValues "a" = "x\\"y\\\\z", ColumnValues "a" matches "\\\\d\\." ]'
    ).rules
    assert equal.condition.operand.value == 'x"y\\z'
    assert matches.condition.pattern.raw == "\\\\d\\."
    assert write_condition(equal.condition) == '= "x\\"y\\\\z"'


def test_several_errors_are_reported_in_order():
    with pytest.raises(DqdlErrors) as caught:
        parse("""Rules = [
    RowCont > 1,
    IsComplete "a",
    Mean "x" between 1,
    ColumnValues "s" in ["a", 1]
]
extra""")
    assert [(error.line, error.column) for error in caught.value.errors] == [
        (2, 5),
        (4, 23),
        (5, 31),
        (7, 1),
    ]


def test_five_thousand_rules_parse():
    text = "Rules = [" + ",".join('ColumnValues "a" > 1' for _ in range(5000)) + "]"
    assert len(parse(text).rules) == 5000
