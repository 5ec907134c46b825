"""Where a ruleset would be taken differently: by people, by Glue, by Airflow, by Deequ."""

from __future__ import annotations

import pytest

from mlops_cli.quality import parse
from mlops_cli.quality.engine.profiles import DIFFERENCES
from mlops_cli.quality.language.lints import EXPLAINED, TARGETS, Lint, lint

# One document for each lint, and a near one that is free of it.
CASES = {
    "precedence": ("Rules = [ RowCount > 1 + 2 * 2 ]", "Rules = [ RowCount > 1 + (2 * 2) ]"),
    "exclusive-between": (
        "Rules = [ RowCount between 0 and 6 ]",
        "Rules = [ RowCount not between 0 and 6 ]",
    ),
    "duplicate-rule": (
        'Rules = [ IsComplete "a", IsComplete  "a" ]',
        'Rules = [ IsComplete "a", IsComplete "b" ]',
    ),
    "too-long": (
        "Rules = [ RowCount > 0 ]" + " " * 65_536,
        "Rules = [ RowCount > 0 ]" + " " * 65_000,
    ),
    "line-ends": ("Rules = [ RowCount > 0 ]\r\n", "Rules = [ RowCount > 0 ]\n"),
    "last-comment": ("Rules = [ RowCount > 0 ]\n# ours", "Rules = [ RowCount > 0 ]\n# ours\n"),
    "first-word": (
        'kinds = ["a"]\nRules = [ ColumnValues "k" in $kinds ]',
        '\n Rules = [ ColumnValues "k" in ["a"] ]',
    ),
    "last-sign": ("Rules = [ RowCount > 0 ]\n# ours\n", "Rules = [ # ours\n RowCount > 0 ]\n\n"),
    "dynamic": ("Rules = [ RowCount > avg(last(3)) * 0.8 ]", "Rules = [ RowCount > 3 * 0.8 ]"),
    "analyzers": ("Rules = [ RowCount > 0 ] Analyzers = [ RowCount ]", "Rules = [ RowCount > 0 ]"),
    "labels": ('Rules = [ RowCount > 0 labels=["team"="a"] ]', "Rules = [ RowCount > 0 ]"),
    "null-length": ('Rules = [ ColumnLength "s" > 0 ]', 'Rules = [ ColumnValues "s" != EMPTY ]'),
    "length-ends": ('Rules = [ ColumnLength "s" != 3 ]', 'Rules = [ ColumnLength "s" = 3 ]'),
    "length-zero": (
        'Rules = [ ColumnLength "s" not in [0, 9] ]',
        'Rules = [ ColumnLength "s" not in [1, 9] ]',
    ),
    "threshold": (
        'Rules = [ ColumnValues "n" > 0 with threshold > 0.9 ]',
        'Rules = [ ColumnValues "d" > now() with threshold > 0.9 ]',
    ),
    "ignore-case": (
        'Rules = [ ColumnValues "s" in ["a"] with ignoreCase = "true" ]',
        'Rules = [ ColumnValues "s" in ["a"] ]',
    ),
    "key-columns": ('Rules = [ IsPrimaryKey "a" "b" ]', 'Rules = [ IsPrimaryKey "a" ]'),
    "date-range": (
        'Rules = [ ColumnValues "d" not between "2026-01-01" and "2026-02-01" ]',
        'Rules = [ ColumnValues "d" between "2026-01-01" and "2026-02-01" ]',
    ),
    "keyword-null": (
        'Rules = [ ColumnValues "s" not in ["a", EMPTY] ]',
        'Rules = [ ColumnValues "s" in ["a", EMPTY] ]',
    ),
    "pattern-group": (
        'Rules = [ ColumnValues "s" matches "a|b" ]',
        'Rules = [ ColumnValues "s" matches "[a|b]((a|b)|c)" ]',
    ),
    "pattern-negated": (
        'Rules = [ ColumnValues "s" not matches "a" ]',
        'Rules = [ ColumnValues "s" matches "a" ]',
    ),
    "one-operand": (
        'Rules = [ ColumnValues "n" > 1 + 1 ]',
        'Rules = [ ColumnValues "n" > -2, RowCount > 1 + 1 ]',
    ),
    "repeated-rows": (
        'Rules = [ CustomSql "select * from primary" ]',
        'Rules = [ CustomSql "select 1 from primary" = 1 ]',
    ),
    "apostrophe": (
        'Rules = [ ColumnValues "s" in ["it\'s"] ]',
        'Rules = [ ColumnValues "s" in ["its"] ]',
    ),
    "no-converter": ("Rules = [ FileSize < 3 MB ]", "Rules = [ RowCount < 3 ]"),
    "no-history": ("Rules = [ RowCount > avg(last(3)) ]", "Rules = [ RowCount > 3 ]"),
}


def found(text: str, *targets: str) -> tuple[Lint, ...]:
    return lint(parse(text), text, targets or TARGETS)


def test_every_lint_has_a_case():
    assert [one.code for one in EXPLAINED] == list(CASES)


@pytest.mark.parametrize("explained", EXPLAINED, ids=lambda one: one.code)
def test_each_is_found_where_it_is_and_only_there(explained):
    different, same = CASES[explained.code]
    assert explained.code in [one.code for one in found(different, explained.target)]
    assert explained.code not in [one.code for one in found(same, explained.target)]


@pytest.mark.parametrize("explained", EXPLAINED, ids=lambda one: one.code)
def test_it_is_for_its_target_alone(explained):
    others = [target for target in TARGETS if target != explained.target]
    assert explained.code not in [one.code for one in found(CASES[explained.code][0], *others)]


# What the data decides, not the text: nobody can be warned of it before.
SEEN_IN_DATA_ALONE = {"pattern-empty", "empty-data", "empty-where", "unknown-where"} | {
    "distinct-text", "doubles", "more-types",
}  # fmt: skip


def test_every_difference_from_deequ_that_a_text_shows_is_found():
    linted = {one.code for one in EXPLAINED if one.target == "deequ"}
    assert {one.name for one in DIFFERENCES} == linted | SEEN_IN_DATA_ALONE


def test_it_names_the_place_and_what_is_read():
    (one,) = found("Rules = [\n    RowCount > 0,\n    RowCount < 2 - 1 / 2\n]", "meaning")
    assert (one.line, one.column) == (3, 5)
    assert one.message == "`2 - 1 / 2` is worked out from left to right"
    assert one.hint is not None
    assert "(2 - 1) / 2" in one.hint


def test_the_second_of_two_equal_rules_is_the_one_too_many():
    (one,) = found("Rules = [ RowCount > 0,\n\n RowCount > 0 ]", "meaning")
    assert one.line == 3
    assert "line 1" in one.message


def test_a_plain_ruleset_is_the_same_everywhere():
    assert found('Rules = [\n    RowCount > 0,\n    IsComplete "id" # the key\n]\n') == ()
