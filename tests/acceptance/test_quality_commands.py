"""`mlops quality` as a user types it: exit codes, what is printed, what is written."""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import time
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlops_cli.checks.quality import explain
from mlops_cli.checks.quality.guide import GUIDE
from mlops_cli.cli.app import main
from mlops_cli.core.errors import UsageError
from mlops_cli.quality import RULE_TYPES, check, parse

# What of the examples needs more than the one table.
OTHER_DATA = {"RowCountMatch", "ReferentialIntegrity", "DatasetMatch", "SchemaMatch"} | {
    "AggregateMatch", "DetectAnomalies", "FileFreshness", "FileSize", "FileMatch", "FileUniqueness",
}  # fmt: skip


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a table of customers, and somebody who works in it."""
    monkeypatch.chdir(tmp_path)
    dice = random.Random(7)
    lines = ["id,age,income,country,email,updated_at,left"]
    for number in range(200):
        income = "" if number % 25 == 0 else round(dice.uniform(1e3, 9e4), 2)
        country, left = dice.choice(["DE", "FR", "IT"]), dice.choice(["yes", "no"])
        day = f"2026-0{number % 9 + 1}-11"
        age = dice.randint(18, 80)
        lines.append(f"{number},{age},{income},{country},u{number}@example.org,{day},{left}")
    text = "\n".join(lines) + "\n"
    (tmp_path / "customers.csv").write_text(text)
    (tmp_path / "semicolons.csv").write_text(text.replace(",", ";"))
    return tmp_path


@pytest.fixture
def mlops(capsys):
    """Type a command; get its code, stdout and stderr."""

    def run(*arguments):
        capsys.readouterr()
        code = main(["quality", *map(str, arguments)])
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return code, said.out, said.err

    return run


def rules(folder, *lines, name="r.dqdl"):
    """Write a ruleset."""
    (folder / name).write_text("Rules = [\n    " + ",\n    ".join(lines) + "\n]\n")
    return name


PIECES = [
    "RowCount", "ColumnValues", '"a"', ">", "3", "between", "and", "not", "in", "[", "]", "(", ")",
    "where", '"x = 1"', "with threshold", "last(2)", "(now() - 3 days)", ",", "Rules = [", "\n",
]  # fmt: skip

GOOD = 'IsComplete "age"'
FAILING = 'Completeness "income" > 0.99'
BROKEN = 'Mean "nowhere" > 3'


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([GOOD], 0),
        ([GOOD, FAILING], 1),
        ([GOOD, BROKEN], 3),
        ([BROKEN, FAILING], 1),
    ],
)
def test_the_exit_code_tells_a_failed_rule_from_one_without_a_verdict(folder, mlops, lines, code):
    assert mlops("check", rules(folder, *lines), "customers.csv")[0] == code


def test_the_table_shows_outcome_rule_metric_bound_reason_and_line(folder, mlops):
    name = rules(folder, GOOD, FAILING, BROKEN, "RowCount > 1000000000")
    _, out, err = mlops("check", name, "customers.csv")
    assert re.search(r'PASS +IsComplete "age" +Completeness 1 += 1 +2\b', out)
    assert re.search(r'FAIL +Completeness "income" > 0\.99 +Completeness 0\.96 +> 0\.99 +3\b', out)
    assert "Completeness of `income` is 0.96, and should be > 0.99" in " ".join(out.split())
    assert re.search(r'ERROR +Mean "nowhere" > 3 +> 3 +4\b', out)
    assert "The data has no column `nowhere`" in out
    assert "1 of 4 rules passed, 2 failed, 1 could not be evaluated (score 0.25, 200 rows)" in out
    assert err == "Checking `customers.csv`\n"


def test_the_json_of_a_file_has_the_shape_of_glues_result(folder, mlops):
    code, out, _ = mlops(
        "check", rules(folder, GOOD, FAILING, BROKEN), "customers.csv", "--json", "--quiet"
    )
    said = json.loads(out)
    assert (code, said["schema"], said["kind"], said["outcome"]) == (1, 1, "QualityCheck", "FAIL")
    (result,) = said["results"]
    assert result["RulesetName"] == "r.dqdl"
    assert result["DataSource"] == {"Uri": "customers.csv"}
    assert result["Score"] == pytest.approx(1 / 3)
    assert [one["Result"] for one in result["RuleResults"]] == ["PASS", "FAIL", "ERROR"]
    failed = result["RuleResults"][1]
    assert failed["Name"] == "Rule_2"
    assert failed["Description"] == failed["EvaluatedRule"] == FAILING
    assert failed["EvaluatedMetrics"] == {"Column.income.Completeness": 0.96}


def test_every_data_file_is_reported_also_behind_one_that_cannot_be_read(folder, mlops):
    (folder / "short.csv").write_text("age\n")
    name = rules(folder, GOOD)
    code, out, _ = mlops("check", name, "nothere.parquet", "customers.csv", "short.csv")
    assert code == 1, "the rule fails without rows"
    assert "! nothere.parquet: Could not read `nothere.parquet`: no such file" in out
    assert "✓ customers.csv: 1 of 1 rule passed" in out
    assert "✗ short.csv: 0 of 1 rule passed, 1 failed" in out
    assert "1 of 3 files passed" in out


def test_a_file_that_cannot_be_read_is_never_green(folder, mlops):
    name = rules(folder, GOOD)
    for data in ("nothere.csv", ".", "s3://bucket/x.csv", "\udcff.csv"):
        code, out, _ = mlops("check", name, data, "--json", "--junit", "q.xml")
        (result,) = json.loads(out)["results"]
        assert code == 3
        assert result["Score"] == 0
        assert result["RuleResults"] == []
        assert result["Error"]["Message"].startswith("Could not read")
        assert ET.parse(folder / "q.xml").find(".//error") is not None


def test_rules_compare_with_another_data_set(folder, mlops):
    (folder / "countries.csv").write_text("code\nDE\nFR\n")
    rule = 'ReferentialIntegrity "country" "countries.code" = 1.0'
    name = rules(folder, rule)
    code, out, _ = mlops("check", name, "customers.csv", "--dataset", "countries=countries.csv")
    assert code == 1
    assert 'FAIL     ReferentialIntegrity "country"' in out
    (folder / "countries.csv").write_text("code\nDE\nFR\nIT\n")
    assert mlops("check", name, "customers.csv", "--dataset", "countries=countries.csv")[0] == 0
    code, out, _ = mlops("check", name, "customers.csv")
    assert code == 3
    assert "`countries`" in out


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (["countries"], 2),
        (["=customers.csv"], 2),
        (["a="], 2),
        (["a=customers.csv", "a=semicolons.csv"], 2),
        (["a=nothere.csv"], 3),
    ],
)
def test_another_data_set_that_cannot_be_meant_or_read_is_refused(folder, mlops, given, code):
    options = [word for one in given for word in ("--dataset", one)]
    ended, out, err = mlops("check", rules(folder, GOOD), "customers.csv", *options)
    assert (ended, out) == (code, "")
    assert err.startswith("error: Could not read `")


def test_another_delimiter_is_asked_for_and_can_be_given(folder, mlops):
    name = rules(folder, GOOD)
    code, out, _ = mlops("check", name, "semicolons.csv")
    assert code == 3
    assert "hint: Set the delimiter to `;`" in out
    assert mlops("check", name, "semicolons.csv", "--delimiter", ";")[0] == 0
    (folder / "tabs.csv").write_text((folder / "customers.csv").read_text().replace(",", "\t"))
    assert mlops("check", name, "tabs.csv", "--delimiter", r"\t")[0] == 0


def test_junit_has_a_suite_for_each_file_and_a_case_for_each_rule(folder, mlops):
    name = rules(folder, GOOD, FAILING, BROKEN, r'ColumnValues "email" matches "<\w+>&.*"')
    assert mlops("check", name, "customers.csv", "nothere.csv", "--junit", "out/q.xml")[0] == 1
    read, missing = ET.parse(folder / "out/q.xml").getroot()
    assert read.get("name") == "customers.csv"
    assert [read.get(one) for one in ("tests", "failures", "errors")] == ["4", "2", "1"]
    assert [case.get("name") for case in read][:2] == [f"Rule_1: {GOOD}", f"Rule_2: {FAILING}"]
    assert "0.96" in read[1].find("failure").get("message")
    assert [missing.get(one) for one in ("tests", "failures", "errors")] == ["1", "0", "1"]


def test_each_error_of_a_ruleset_is_shown_at_its_place(folder, mlops):
    (folder / "bad.dqdl").write_text('Rules = [\n  IsComplte "a",\n  Mean "x" >\n]\n')
    code, _, err = mlops("check", "bad.dqdl", "customers.csv")
    assert code == 3
    assert "Could not read the ruleset `bad.dqdl`: it has 2 errors" in err
    assert (
        "error[MLP402]: There is no rule type `IsComplte`\n"
        "  at bad.dqdl:2:3\n"
        '  |     IsComplte "a",\n'
        "  |     ^\n"
        "  hint: Did you mean `IsComplete`?\n"
    ) in err
    assert "at bad.dqdl:4:1" in err
    code, out, _ = mlops("check", "bad.dqdl", "customers.csv", "--json")
    places = [one["at"] for one in json.loads(out)["error"]["diagnostics"]]
    assert (code, [one["line"] for one in places]) == (3, [2, 4])


def test_a_ruleset_that_is_none_ends_in_a_sentence(folder, mlops):
    (folder / "binary.dqdl").write_bytes(b"\xff\xfe\x00")
    (folder / "empty.dqdl").write_text("")
    for name in ("nothere.dqdl", ".", "binary.dqdl", "empty.dqdl", "/dev/zero"):
        code, out, err = mlops("check", name, "customers.csv")
        assert (code, out) == (3, "")
        assert err.startswith(f"error: Could not read the ruleset `{name}`: ")


def test_exchanged_arguments_are_recognized(folder, mlops):
    name = rules(folder, GOOD)
    code, _, err = mlops("check", "customers.csv", name)
    assert code == 3
    assert f"`mlops quality check {name} customers.csv`" in err


def test_a_ruleset_without_a_rule_judges_nothing_and_is_not_green(folder, mlops):
    (folder / "a.dqdl").write_text('Analyzers = [ Mean "age" ]\n')
    code, out, _ = mlops("check", "a.dqdl", "customers.csv", "--junit", "q.xml")
    assert code == 3
    assert "nothing was judged" in out
    assert ET.parse(folder / "q.xml").find(".//error") is not None


def test_what_is_suggested_can_be_sent_to_a_file_and_checked(folder, mlops):
    code, out, err = mlops("suggest", "customers.csv")
    assert code == 0
    assert out.startswith("Rules = [\n    # ")
    assert "rules: each passes on the data (rows: 200)" in err
    (folder / "s.dqdl").write_text(out)
    assert mlops("check", "s.dqdl", "customers.csv")[0] == 0


def test_a_suggestion_keeps_values_of_the_data_as_they_are(folder, mlops):
    long = "x" * 150
    values = ["[bold]a[/bold]", ":smile:", "caf\u00e9 \u4f60", long, 'q"q\\']
    cells = [value.replace('"', '""') for value in values]
    (folder / "odd.csv").write_text("kind\n" + "".join(f'"{cell}"\n' for cell in cells * 20))
    _, out, _ = mlops("suggest", "odd.csv")
    for value in values:
        assert value.replace("\\", "\\\\").replace('"', '\\"') in out
    (folder / "s.dqdl").write_text(out)
    assert mlops("check", "s.dqdl", "odd.csv")[0] == 0


def test_a_target_gets_the_rules_of_what_is_learned(folder, mlops):
    _, out, err = mlops("suggest", "customers.csv", "--target", "left")
    assert "The task is classification" in err
    assert 'DistinctValuesCount "left" >= 2' in out
    _, out, _ = mlops("suggest", "customers.csv", "--target", "age", "--task", "regression")
    assert 'StandardDeviation "age"' in out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nothere.csv"], 3, "no such file"),
        (["customers.csv", "--target", "lft"], 3, "Did you mean `left`?"),
        (["customers.csv", "--target", "zzz"], 3, "It has `id`, `age`"),
        (["customers.csv", "--task", "regression"], 2, "Add `--target COLUMN`"),
        (["customers.csv", "--target", "left", "--task", "forecast"], 2, "forecast"),
        (["customers.csv", "--output", "customers.csv"], 2, "it is the data"),
        (["\udcff.csv"], 3, "is not UTF-8"),
    ],
)
def test_a_suggestion_that_cannot_be_made_says_why(folder, mlops, arguments, code, said):
    ended, out, err = mlops("suggest", *arguments)
    assert (ended, out) == (code, "")
    assert said in err


def test_a_suggestion_is_written_to_a_new_file_and_never_over_one(folder, mlops):
    code, out, _ = mlops("suggest", "customers.csv", "--output", "quality/raw.dqdl")
    assert (code, out.startswith("quality/raw.dqdl: ")) == (0, True)
    written = folder / "quality/raw.dqdl"
    assert mlops("check", written, "customers.csv")[0] == 0
    before = written.read_text()
    code, _, err = mlops("suggest", "customers.csv", "--target", "left", "--output", written)
    assert code == 5
    assert "replaces it" in err
    assert written.read_text() == before
    code, _, err = mlops("suggest", "customers.csv", "--output", "customers.csv")
    assert (code, "it is the data" in err, "replaces" in err) == (2, True, False)


def test_the_json_of_a_suggestion_has_the_ruleset_and_each_reason(folder, mlops):
    _, out, _ = mlops("suggest", "customers.csv", "--json")
    said = json.loads(out)
    assert said["left_out"] == []
    assert len(parse(said["ruleset"]).rules) == len(said["rules"])
    assert all(one["reason"] for one in said["rules"])


def test_without_an_argument_all_rule_types_are_listed(mlops):
    code, out, _ = mlops("explain")
    assert code == 0
    for kind in RULE_TYPES.values():
        said = "with" if kind.with_datasets or kind.with_history else "no"
        said = "yes" if kind.evaluated_here else said
        assert re.search(rf"^ {kind.name}\b.* {said} ", out, re.MULTILINE)


def test_a_rule_type_is_explained_by_its_form_an_example_and_notes(mlops):
    code, out, _ = mlops("explain", "CustomSql")
    assert code == 0
    for line in (
        "CustomSql",
        '  written   CustomSql "SQL statement" [CONDITION on a number] [with threshold CONDITION]',
        f"  example   {GUIDE['CustomSql'].example}",
        "  note      `primary` is the data; one SELECT, without files, settings or network",
    ):
        assert f"{line}\n" in out


def test_every_rule_type_has_an_example_that_parses():
    assert set(GUIDE) == set(RULE_TYPES)
    for kind in RULE_TYPES.values():
        example = GUIDE[kind.name].example
        (said,) = explain([kind.name]).types
        assert (said.name, said.example) == (kind.name, example)
        assert said.form.startswith(kind.name)
        section = "Analyzers" if kind.only_analyzer else "Rules"
        (leaf,) = parse(f"{section} = [ {example} ]").leaves
        assert leaf.type == kind.name


def test_the_examples_of_what_is_evaluated_here_run(folder):
    for name, entry in GUIDE.items():
        if name in OTHER_DATA or not RULE_TYPES[name].evaluated_here:
            continue
        section = "Analyzers" if RULE_TYPES[name].only_analyzer else "Rules"
        report = check(f"{section} = [ {entry.example} ]", "customers.csv")
        for outcome in (*report.outcomes, *report.analyzers):
            assert outcome.outcome != "ERROR", outcome.message


def test_a_rule_type_in_another_case_is_found_and_an_unknown_one_gets_near_names(mlops):
    code, out, _ = mlops("explain", "rowcount")
    assert (code, out.split("\n")[0]) == (0, "RowCount")
    code, out, err = mlops("explain", "Completenes")
    assert (code, out) == (2, "")
    assert "Did you mean `Completeness`" in err
    code, _, err = mlops("explain", "Xyz")
    assert code == 2
    assert "`mlops quality explain` lists them all" in err


def test_a_rule_is_said_in_words(mlops):
    code, out, _ = mlops(
        "explain", 'ColumnValues "age" between 1 and 3 where "x = 1" with threshold > 0.5'
    )
    assert code == 0
    for words in (
        "greater than 1 and less than 3 (`between` excludes both ends)",
        "only rows where x = 1",
        "it passes when the share of rows that meet it is greater than 0.5",
        "written   ColumnValues",
    ):
        assert words in out
    _, out, _ = mlops("explain", "RowCount", ">", "1 + 2 * 2")
    assert "DQDL calculates from left to right: 6" in out
    _, out, _ = mlops("explain", '(RowCount > 1) and ((IsUnique "a") or (IsComplete "a"))')
    assert "all of these must hold:\n  RowCount > 1\n" in out
    assert "  at least one of these must hold:\n    IsUnique" in out


@pytest.mark.parametrize("rule", ["last(3)", "avg(last(5)) * 2", "1 / 0", "9" * 400])
def test_a_number_that_only_a_history_or_nobody_knows_is_shown_as_written(mlops, rule):
    code, out, _ = mlops("explain", f"RowCount > {rule}")
    assert (code, rule in out.replace("\n", "")) == (0, True)


def test_an_error_in_a_rule_is_at_its_place_in_what_was_typed(mlops):
    code, out, err = mlops("explain", 'Completenes "a" > 3,\n RowCount >')
    assert (code, out) == (2, "")
    assert "at rule:1:1\n" in err
    assert "Expected a number after `>`, found the end\n  at rule:2:12\n" in err
    assert "  |    RowCount >\n  |              ^\n" in err


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=12).map(" ".join))
@settings(max_examples=200, deadline=None)
def test_whatever_is_typed_is_explained_or_refused_at_a_line_of_it(text):
    try:
        explain([text])
    except UsageError as error:
        for one in error.diagnostics:
            assert 1 <= one.at.line <= text.count("\n") + 1


def test_a_whole_document_can_be_explained(mlops):
    _, out, _ = mlops("explain", 'Rules = [ RowCount > 1 ] Analyzers = [ Mean "age", RowCount ]')
    assert "Mean of `age` is recorded" in out
    assert "RowCount is recorded" in out


def test_ctrl_c_ends_a_query_that_takes_long(folder):
    name = rules(folder, 'CustomSql "SELECT count(*) FROM range(100000000000)" > 0')
    command = [sys.executable, "-m", "mlops_cli", "quality", "check", name, "customers.csv"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert "Checking" in running.stderr.readline()
        time.sleep(1)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=30) == 130
        assert "crashed" not in running.stderr.read()


def test_help_has_examples_and_loads_nothing_heavy():
    script = (
        "import sys; from mlops_cli.cli.app import main; code = main(sys.argv[1:]);"
        "heavy = {'duckdb', 'copier', 'boto3', 'httpx'} & set(sys.modules);"
        "sys.exit(code or str(heavy) if heavy else 0)"
    )
    for name in ("check", "suggest", "explain"):
        done = subprocess.run(
            [sys.executable, "-c", script, "quality", name, "--help"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "Examples: `mlops" in done.stdout


def test_lint_tells_who_takes_a_ruleset_differently(mlops, folder):
    path = folder / "raw.dqdl"
    path.write_text(
        '# ours\nRules = [\n    RowCount between 1 and 5,\n    IsPrimaryKey "a" "b"\n]\n'
    )
    code, out, _ = mlops("lint", path)
    assert code == 0
    assert "3:5  `between 1 and 5` lets in neither 1 nor 5" in out
    assert "The operator refuses a text that does not start with `Rules`: `# ours`" in out
    assert "4:5  Deequ asks only that the columns together are unique" in out

    assert mlops("lint", path, "--target", "catalog")[0] == 0
    assert mlops("lint", path, "--target", "airflow")[0] == 1
    assert mlops("lint", path, "--target", "deequ")[0] == 0
    assert mlops("lint", path, "--target", "deequ", "--strict")[0] == 1
    code, _, err = mlops("lint", path, "--target", "spark")
    assert code == 2
    assert "There is no target `spark`" in err

    code, out, _ = mlops("lint", path, "--json", "--target", "airflow")
    (found,) = json.loads(out)["lints"]
    assert (code, found["code"], found["refused"]) == (1, "first-word", True)


def test_lint_reads_the_very_characters_of_the_file(mlops, folder):
    path = folder / "raw.dqdl"
    path.write_bytes(b"Rules = [ RowCount > 0 ]\r\n")
    code, out, _ = mlops("lint", path, "--target", "glue")
    assert code == 1
    assert "carriage returns" in out


def test_the_page_shows_rules_history_and_the_rows_that_may_be_shown(mlops, folder):
    (folder / "raw.dqdl").write_text('Rules = [ Completeness "income" > 0.99, IsUnique "id" ]')
    options = ("--history", "--html", "page.html", "--rows", "failed.csv", "--redact", "email")
    for _ in range(2):
        assert mlops("check", "raw.dqdl", "customers.csv", *options)[0] == 1
    page = (folder / "page.html").read_text()
    assert "score in 2 runs" in page
    assert "Completeness of <code>income</code> is 0.96" in page
    assert "<th>DataQualityRulesFail</th>" in page
    assert "<td>***</td>" in page
    assert "u25@example.org" not in page
    assert mlops("check", "raw.dqdl", "customers.csv", "--html", "raw.dqdl/page.html")[0] == 2


@pytest.mark.parametrize(("profile", "code"), [("aws", 1), ("deequ", 0)])
def test_a_profile_decides_where_documents_and_library_differ(mlops, folder, profile, code):
    (folder / "phones.csv").write_text("id,phone\n1,\n2,a12345\n")
    (folder / "raw.dqdl").write_text('Rules = [ ColumnLength "phone" > 4 ]')
    assert mlops("check", "raw.dqdl", "phones.csv", "--profile", profile)[0] == code
