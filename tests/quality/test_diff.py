"""`mlops quality diff`: which rules and which verdicts change between two rulesets."""

from __future__ import annotations

import json

import pytest

from mlops_cli.checks.quality.matching import match_rules
from mlops_cli.cli.app import main
from mlops_cli.quality import parse

OLD = (
    'IsComplete "id"',
    'ColumnValues "age" >= 10',
    'ColumnValues "age" < 100',
    'IsUnique "plan"',
    'Mean "age" < 50',
)


@pytest.fixture
def diff(tmp_path, monkeypatch, capsys):
    """Compare two lists of rules; get the code, stdout and stderr."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "d.csv").write_text("id,age,plan\n1,20,a\n2,30,b\n3,40,a\n")
    (tmp_path / "young.csv").write_text("id,age,plan\n1,2,a\n2,3,b\n3,4,c\n")

    def run(old, new, *arguments):
        for name, rules in (("o.dqdl", old), ("n.dqdl", new)):
            text = rules if isinstance(rules, str) else f"Rules = [ {', '.join(rules)} ]"
            (tmp_path / name).write_text(text)
        capsys.readouterr()
        code = main(["quality", "diff", "o.dqdl", "n.dqdl", *arguments])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return run


def kinds(old, new):
    texts = [parse(f"Rules = [ {', '.join(rules)} ]").rules for rules in (old, new)]
    return [(one.kind, one.old_text, one.new_text) for one in match_rules(*texts)]


@pytest.mark.parametrize(
    ("new", "code"),
    [
        (OLD, 0),
        ([*OLD[:1], 'ColumnValues "age" >= 15', *OLD[2:]], 0),
        ([*OLD[:1], 'ColumnValues "age" >= 25', *OLD[2:]], 1),
        ([*OLD[:1], 'ColumnValues "nowhere" >= 10', *OLD[2:]], 1),
        ([*OLD, "RowCount = 3"], 0),
        ([*OLD, "RowCount > 3"], 1),
        ([*OLD, 'Mean "nowhere" > 3'], 1),
        (OLD[1:], 0),
        ([*OLD[:3], OLD[4]], 1),
        ([*OLD[:3], 'Uniqueness "plan" > 0.1', OLD[4]], 1),
    ],
    ids=[
        "nothing changes",
        "another bound still passes",
        "a rule that passed fails",
        "a rule that passed has no verdict",
        "a new rule passes",
        "a new rule fails",
        "a new rule has no verdict",
        "a rule that passed is gone",
        "a rule that failed is gone",
        "a rule that failed became one of another type",
    ],
)
def test_the_exit_code_says_whether_a_verdict_is_worse(diff, new, code):
    assert diff(OLD, new, "--data", "d.csv")[0] == code


def test_a_rule_that_failed_and_passes_now_is_better(diff):
    loosened = [*OLD[:3], 'IsUnique "id"', OLD[4]]
    assert diff(['IsUnique "plan"'], ['IsUnique "plan" where "id < 3"'], "--data", "d.csv")[0] == 0
    _, out, _ = diff(['Mean "age" > 35'], ['Mean "age" > 25'], "--data", "d.csv")
    assert "FAIL → PASS (better)" in out
    assert diff(OLD, loosened, "--data", "d.csv")[0] == 1, "it is about another column"


def test_a_verdict_that_is_lost_is_worse(diff):
    code, out, _ = diff(['Mean "age" > 35'], ['Mean "plan" > 35'], "--data", "d.csv")
    assert code == 1, out
    code, out, _ = diff(['Mean "age" > 35'], ['Mean "age" > 1 / 0'], "--data", "d.csv")
    assert code == 1
    assert "FAIL → ERROR (worse)" in out


def test_the_table_shows_both_rules_and_both_verdicts_and_sums_up_the_rest(diff):
    new = ('IsComplete "id"', 'ColumnValues "age" < 35', *OLD[1:2], *OLD[3:])
    code, out, err = diff(OLD, new, "--data", "d.csv")
    assert code == 1
    for words in (
        '- ColumnValues "age" < 100',
        '+ ColumnValues "age" < 35',
        "PASS → FAIL (worse)",
        "1 of 3 rows of `age` do not meet",
        "unchanged rules: 4 (verdicts: 3 PASS, 1 FAIL)",
        "✗ rules: 1 changed; verdicts: 1 worse, 0 better",
    ):
        assert words in out
    assert err == "Checking `d.csv`\n"


def test_without_data_only_the_texts_are_compared(diff):
    code, out, err = diff(OLD, [*OLD[:4], 'Mean "age" < 5', "RowCount > 99"])
    assert (code, err) == (0, "")
    assert "✓ rules: 1 changed, 1 added" in out
    assert "verdict" not in out


def test_each_data_file_has_its_own_verdict(diff):
    code, out, _ = diff(
        ['ColumnValues "age" >= 1'],
        ['ColumnValues "age" >= 10'],
        *("--data", "d.csv", "--data", "young.csv", "--json"),
    )
    said = json.loads(out)
    assert (code, said["worse"], said["better"]) == (1, 1, 0)
    (change,) = said["changes"]
    assert (change["kind"], change["effect"]) == ("changed", "worse")
    assert [one["data"] for one in change["verdicts"]] == ["d.csv", "young.csv"]
    assert [one["effect"] for one in change["verdicts"]] == ["same", "worse"]
    assert change["verdicts"][1]["new"]["metrics"]["Column.age.Maximum"] == 4
    assert said["unchanged"] == {"rules": 0, "outcomes": {}}


def test_the_same_text_with_another_meaning_is_a_change(diff):
    rule = 'Rules = [ ColumnValues "plan" in $plans ]'
    code, out, _ = diff(f'plans = ["a", "b"]\n{rule}', f'plans = ["a"]\n{rule}', "--data", "d.csv")
    assert code == 1
    assert "PASS → FAIL (worse)" in out


def test_rules_are_matched_by_what_they_are_about():
    assert kinds(OLD, OLD) == [("same", one, one) for one in OLD]
    assert kinds(OLD[1:3], ['ColumnValues "age" < 5', 'ColumnValues "age" > 3']) == [
        ("changed", 'ColumnValues "age" < 100', 'ColumnValues "age" < 5'),
        ("changed", 'ColumnValues "age" >= 10', 'ColumnValues "age" > 3'),
    ]
    assert kinds(["RowCount > 1"], ['RowCount > 1 where "a > 1"']) == [
        ("changed", "RowCount > 1", 'RowCount > 1 where "a > 1"')
    ]
    assert kinds(['IsComplete "a"'], ['IsComplete "b"']) == [
        ("added", None, 'IsComplete "b"'),
        ("removed", 'IsComplete "a"', None),
    ]
    assert kinds(
        ["(RowCount > 1) and (ColumnCount = 3)"], ["(RowCount > 2) and (ColumnCount = 3)"]
    ) == [
        (
            "changed",
            "(RowCount > 1) AND (ColumnCount = 3)",
            "(RowCount > 2) AND (ColumnCount = 3)",
        )
    ]


def test_of_equal_rules_each_has_one_partner():
    twice = ["RowCount > 1", "RowCount > 1"]
    assert [one[0] for one in kinds(twice, twice[:1])] == ["same", "removed"]
    assert [one[0] for one in kinds(twice[:1], twice)] == ["same", "added"]


@pytest.mark.parametrize(
    ("new", "arguments", "code", "said"),
    [
        ("Rules = [ Bad ]", [], 3, "There is no rule type `Bad`"),
        (OLD, ["--data", "nothere.csv"], 3, "no such file"),
        (OLD, ["--data", "d.csv", "--dataset", "x"], 2, "it is not of the form `NAME=FILE`"),
        (OLD, ["--dataset", "x=d.csv"], 2, "there is no `--data`"),
    ],
)
def test_what_cannot_be_compared_says_why(diff, new, arguments, code, said):
    ended, out, err = diff(OLD, new, *arguments)
    assert (ended, out) == (code, "")
    assert said in err
