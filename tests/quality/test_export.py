"""Rulesets in other tools' languages: nothing is dropped silently."""

from __future__ import annotations

import ast
import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from mlops_cli.cli.app import main
from mlops_cli.quality import RULE_TYPES, parse
from mlops_cli.quality.exporters import (
    DIFFERS,
    LOST,
    SAME,
    TARGETS,
    export,
    expressible,
    lock_file,
    runner_files,
)
from mlops_cli.quality.exporters.examples import EXAMPLES

FORMS = [(target, form) for target, forms in TARGETS.items() for form in forms]
EVERY = [rule for rules in EXAMPLES.values() for rule in rules if not rule.startswith("AllSt")]
ODD = [
    "RowCount in [1, 5]",
    "RowCount > 1.5",
    "RowCount between 5 and 1",
    "RowCount > last(3)",
    "RowCount = 1 / 0",
    'ColumnValues "a" in [NULL]',
    'ColumnValues "a" not between "2026-01-01" and "2026-02-01"',
    'ColumnValues "a" between "2026-02-01" and "2026-01-01"',
    'ColumnValues "a" in ["x\\"y", "it\'s"] with ignoreCase = "true"',
    'ColumnValues "a\\"b" matches "(a|b)\\\\d+" where "c = \'x\'"',
    'ColumnValues "a" > 1 where "upper(b) = \'X\' or not (c is null)"',
    'ColumnValues "a" > 1 where "this is no sql ("',
    'ColumnValues "a" > 1 with threshold < 0.5',
    'ColumnLength "a" not in [1, 2.5]',
    'ColumnDataType "a" = "DATE" with format = "dd/MM/yyyy"',
    'ColumnDataType "a" != "DECIMAL(3,2)"',
    'DataFreshness "a" not between 1 hours and 2 days',
    'CustomSql "not sql" > 3',
    'AggregateMatch "nope" "sum(b)" = 1',
    '(IsComplete "a") and ((IsUnique "b") and (RowCount > 3))',
    '(IsComplete "a") or (IsUnique "b")',
]


def ruleset(*rules):
    return parse(f"Rules = [ {', '.join(rules)} ]")


def one(rule, target, form=None):
    made = export(ruleset(rule), target, form=form)
    return made.text, made.rules[0]


@pytest.mark.parametrize(("target", "form"), FORMS)
@settings(max_examples=60, deadline=None)
@given(rules=st.lists(st.sampled_from(EVERY + ODD), min_size=1, max_size=8))
def test_every_rule_has_one_status_and_a_reason_unless_it_means_the_same(target, form, rules):
    made = export(ruleset(*rules), target, form=form)
    assert [one.name for one in made.rules] == [f"Rule_{n + 1}" for n in range(len(rules))]
    for rule in made.rules:
        assert rule.status in (SAME, DIFFERS, LOST)
        assert (rule.status == SAME) == (not rule.reasons)
    assert bool(made.text) == bool(made.mapped)
    assert len(made.mapped) + len(made.of(LOST)) == len(rules)
    if not made.text:
        return
    if made.language == "python":
        ast.parse(made.text)
    elif made.language == "json":
        known = {rule["name"] for rule in json.loads(made.text)["meta"]["dqdl"]["rules"]}
        assert known == {rule.name for rule in made.mapped}
    elif made.language == "yaml":
        contract = YAML(typ="safe", pure=True).load(made.text)
        named = set(re.findall(r"Rule_\d+", json.dumps(contract)))
        assert named == {rule.name for rule in made.mapped}
    else:
        assert len(parse(made.text).rules) == len(made.mapped)


def test_the_table_knows_every_rule_type():
    assert set(expressible()) == set(RULE_TYPES)
    for targets in expressible().values():
        assert set(targets) == set(TARGETS)
        for said in targets.values():
            assert said == "same" or re.match(r"(differs|no): .", said)


def test_glue_gets_what_airflows_operator_takes():
    made = export(
        parse(
            '# a comment\nDataSources = { "Primary": "p", "AdditionalDataSources": ["q"] }\n'
            'kinds = ["a", "it\'s"]\nDefaultLabels = ["team"="x"]\n'
            'Rules = [ ColumnValues "s" in $kinds, RowCount > 1 + 2 * 3, RowCount > last(5) ]\n'
            'Analyzers = [ Mean "x" ]'
        ),
        "glue",
    )
    text = made.text.strip()
    assert text.startswith("Rules")
    assert text.endswith("]")
    assert text == (
        'Rules = [\n    ColumnValues "s" in ["a","it\'s"],\n    RowCount > (1 + 2) * 3\n]'
    )
    found = {rule.name: (rule.status, rule.reasons) for rule in made.rules}
    assert [status for status, _ in found.values()] == [DIFFERS, DIFFERS, LOST, LOST, DIFFERS]
    assert "labels" in found["Rule_1"][1][0]
    assert "AdditionalDataSources" in found["DataSources"][1][0]
    assert "`q`" in found["DataSources"][1][0]


def test_expectations_are_combined_until_they_mean_the_same():
    text, rule = one('ColumnValues "n" between 0 and 9', "great-expectations")
    suite = json.loads(text)
    assert rule.status == SAME
    assert [(one["type"], one["kwargs"]) for one in suite["expectations"]] == [
        (
            "expect_column_values_to_be_between",
            {"column": "n", "min_value": 0, "max_value": 9, "strict_min": True, "strict_max": True},
        ),
        ("expect_column_values_to_not_be_null", {"column": "n"}),
        ("expect_table_row_count_to_be_between", {"min_value": 1}),
    ]


def test_an_expectation_that_two_rules_need_stands_once_and_names_both():
    made = export(ruleset('IsComplete "a"', 'IsPrimaryKey "a"'), "great-expectations")
    found = {one["type"]: one["meta"] for one in json.loads(made.text)["expectations"]}
    assert found["expect_column_values_to_not_be_null"] == {"dqdl": {"rules": ["Rule_1", "Rule_2"]}}
    assert len(json.loads(made.text)["expectations"]) == 3


@pytest.mark.parametrize(
    ("where", "condition"),
    [
        ("a > 1", [["a > 1"]]),
        ("1 < a", [["a > 1"]]),
        ("not (a > 1)", [["a <= 1"]]),
        ("a != 1", [["a != 1", "a NOT NULL"]]),
        ("not (a = 1 or b is null)", [["a != 1", "a NOT NULL", "b NOT NULL"]]),
        ("a between 1 and 2", [["a >= 1", "a <= 2"]]),
        ("a not in ('x') and (b or c)", [["a NOT_IN ['x']", "a NOT NULL", "b == True"],
                                         ["a NOT_IN ['x']", "a NOT NULL", "c == True"]]),
    ],
)  # fmt: skip
def test_a_where_becomes_alternatives_that_keep_the_same_rows(where, condition):
    def words(found):
        if found["type"] in ("or", "and"):
            return [word for part in found["conditions"] for word in words(part)]
        name = found["column"]["name"]
        if found["type"] == "nullity":
            return [f"{name} {'NULL' if found['is_null'] else 'NOT NULL'}"]
        return [f"{name} {found['operator']} {found['parameter']!r}"]

    text, rule = one(f'RowCount > 3 where "{where}"', "great-expectations")
    assert rule.status == SAME
    found = json.loads(text)["expectations"][0]["kwargs"]["row_condition"]
    groups = found["conditions"] if found["type"] == "or" else [found]
    assert [words(group) for group in groups] == condition


def test_text_of_any_kind_arrives_in_soda_and_python():
    odd = "a \"b' \\\\ ü: #{x} % $"
    written = odd.replace('"', '\\"')
    text, _ = one(f'ColumnValues "c: d" in ["{written}"]', "soda")
    contract = YAML(typ="safe", pure=True).load(text)
    (column,) = contract["columns"]
    assert column["name"] == "c: d"
    assert column["checks"][0]["invalid"]["valid_values"] == ["a \"b' \\ ü: #{x} % $"]
    code, _ = one(f'ColumnValues "c`d" in ["{written}"]', "pydeequ")
    call = next(
        node for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "satisfies"
    )  # fmt: skip
    assert "`c``d`" in ast.literal_eval(call.args[0])
    assert "'a \"b\\' \\\\ ü: #{x} % $'" in ast.literal_eval(call.args[0])


def test_pydeequs_dqdl_holds_the_very_rules():
    rules = [
        'IsComplete "a"',
        'ColumnValues "b" matches "\\\\d\\"x"',
        '(RowCount > 1) or (IsUnique "a")',
    ]
    made = export(ruleset(*rules), "pydeequ", form="dqdl")
    (assigned,) = [one for one in ast.parse(made.text).body if isinstance(one, ast.Assign)]
    assert parse(ast.literal_eval(assigned.value)) == ruleset(*rules)
    assert [one.status for one in made.rules] == [SAME, DIFFERS, SAME]


def test_a_tool_that_runs_exports_has_its_scripts_and_its_lock():
    for tool in ("great-expectations", "soda"):
        assert all(path.is_file() for path in runner_files(tool))
        lock = lock_file(tool).read_text()
        assert "==" in lock
        assert "://" not in lock


@pytest.fixture
def mlops(capsys, tmp_path, monkeypatch):
    """Type a command in a folder with a ruleset; get its code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "raw.dqdl").write_text(
        'Rules = [\n    RowCount > 2,\n    StandardDeviation "n" < 2,\n    RowCount > last(3)\n]\n'
    )

    def run(*arguments):
        capsys.readouterr()
        code = main(["quality", "export", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def test_the_text_goes_to_stdout_and_the_losses_to_stderr(mlops):
    code, out, err = mlops("raw.dqdl", "--to", "great-expectations")
    assert code == 0
    assert json.loads(out)["name"] == "raw"
    assert 'differs Rule_2 (line 3): StandardDeviation "n" < 2' in err
    assert "lost Rule_3 (line 4): RowCount > last(3)" in err
    assert "needs the results of earlier runs" in err


def test_strict_fails_when_a_rule_is_lost_and_not_when_one_differs(mlops, tmp_path):
    assert mlops("raw.dqdl", "--to", "soda", "--strict")[0] == 1
    (tmp_path / "less.dqdl").write_text('Rules = [ StandardDeviation "n" < 2 ]')
    assert mlops("less.dqdl", "--to", "great-expectations", "--strict")[0] == 0


def test_a_file_is_written_and_the_report_shown(mlops, tmp_path):
    code, out, _ = mlops("raw.dqdl", "--to", "soda", "--output", "contract.yml")
    assert code == 0
    assert "contract.yml: 2 the same, 0 with a difference, 1 lost" in out
    assert (tmp_path / "contract.yml").read_text().startswith("# dqdl: ")


def test_nothing_expressible_is_no_success_and_writes_no_file(mlops, tmp_path):
    (tmp_path / "none.dqdl").write_text("Rules = [ RowCount > last(3) ]")
    code, out, _ = mlops("none.dqdl", "--to", "great-expectations", "--output", "suite.json")
    assert code == 1
    assert "nothing was written" in out
    assert not (tmp_path / "suite.json").exists()


def test_json_says_what_became_of_each_rule(mlops):
    code, out, _ = mlops("raw.dqdl", "--to", "pydeequ", "--form", "checks", "--json")
    assert code == 0
    found = json.loads(out)
    found = found.get("result", found)
    assert [one["status"] for one in found["rules"]] == ["same", "same", "lost"]
    assert "VerificationSuite" in found["text"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--to", "glue", "--form", "json"),
        ("--to", "soda", "--table", "customers"),
        ("--to", "glue", "--output", "raw.dqdl"),
    ],
)
def test_a_wrong_use_is_said(mlops, tmp_path, arguments):
    before = (tmp_path / "raw.dqdl").read_text()
    code, out, err = mlops("raw.dqdl", *arguments)
    assert code == 2
    assert not out
    assert err.startswith("error: Could not ")
    assert (tmp_path / "raw.dqdl").read_text() == before


def test_a_broken_ruleset_is_shown_with_its_line(mlops, tmp_path):
    (tmp_path / "broken.dqdl").write_text("Rules = [ RowCuont > 2 ]")
    code, _, err = mlops("broken.dqdl", "--to", "glue")
    assert code == 3
    assert "Did you mean `RowCount`?" in err
