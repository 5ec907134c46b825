"""Selecting, caching, and what the command line prints and writes."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest

from mlops_cli.checks import validate
from mlops_cli.checks.base import Stage
from mlops_cli.checks.registry import checks
from mlops_cli.cli.app import main
from mlops_cli.core.errors import ProjectError, UsageError
from mlops_cli.core.progress import Silent

QUICK = ["--select", "MLP1", "--select", "MLP4", "--quiet"]


def unused_ruleset(project):
    (project / "quality/extra.dqdl").write_text("Rules = [ RowCount > 0 ]\n")


def test_every_check_explains_itself():
    for code, check in checks().items():
        assert len(check.title) < 100, code
        assert "\nWhy: " in check.documentation, code
        assert "\nFix: " in check.documentation, code


def test_requirements_are_known_and_run_before():
    seen = set()
    for code, check in checks().items():
        assert set(check.requires) <= seen, code
        seen.add(code)


def test_every_import_check_needs_a_release():
    for check in checks().values():
        if check.stage is Stage.IMPORT and check.code != "MLP350":
            assert "MLP350" in check.requires


def test_a_code_means_itself_and_a_prefix_its_family(project):
    report = validate(project, select=["MLP40"], ignore=["MLP406"], progress=Silent())
    assert report.checks_run == ("MLP101", "MLP401", "MLP402", "MLP403", "MLP404", "MLP405")
    report = validate(project, select=["mlp2xx"], progress=Silent())
    assert set(report.checks_run) == {f"MLP20{n}" for n in range(1, 7)}


def test_an_unknown_code_offers_near_ones(project):
    with pytest.raises(UsageError) as caught:
        validate(project, select=["MLP3004"], progress=Silent())
    assert "MLP304" in (caught.value.hint or "")


def test_nothing_left_to_check_is_a_usage_error(project):
    with pytest.raises(UsageError, match="Nothing is left"):
        validate(project, select=["MLP4"], ignore=["MLP4"], progress=Silent())


def test_what_others_stand_on_cannot_be_ignored(project):
    with pytest.raises(UsageError, match="cannot be ignored"):
        validate(project, ignore=["MLP101"], progress=Silent())


def test_an_ignored_check_is_silent(project):
    unused_ruleset(project)
    report = validate(project, select=["MLP4"], ignore=["MLP406"], progress=Silent())
    assert report.diagnostics == ()


def test_an_unknown_environment_is_a_usage_error(project):
    with pytest.raises(UsageError, match="staging"):
        validate(project, environment="staging", select=["MLP1"], progress=Silent())


def test_a_folder_without_a_project_is_refused(tmp_path):
    with pytest.raises(ProjectError, match=r"mlops\.yaml"):
        validate(tmp_path, progress=Silent())


def test_static_errors_keep_the_dags_from_being_imported(project):
    (project / "quality/raw.dqdl").unlink()
    report = validate(project, progress=Silent())
    assert [item.code for item in report.diagnostics] == ["MLP401"]
    skipped = {item.code: item.reason for item in report.skipped}
    assert "not imported" in skipped["MLP350"]
    assert skipped["MLP351"] == skipped["MLP350"]


def test_an_unchanged_project_is_not_checked_again(project):
    (project / "quality/raw.dqdl").unlink()
    first = validate(project, progress=Silent())
    second = validate(project, progress=Silent())
    assert (first.cached, second.cached) == (False, True)
    assert second.diagnostics == first.diagnostics
    assert second.skipped == first.skipped
    assert second.exit_code == 1


def test_a_change_of_any_file_is_noticed(project):
    (project / "quality/raw.dqdl").unlink()
    validate(project, progress=Silent())
    (project / "README.md").write_text("<<<<<<< ours\n")
    report = validate(project, progress=Silent())
    assert not report.cached
    assert {item.code for item in report.diagnostics} == {"MLP203", "MLP401"}


def test_validation_leaves_the_project_as_it_was(project):
    def state():
        return {
            path.relative_to(project): path.read_bytes() if path.is_file() else None
            for path in project.rglob("*")
        }

    before = state()
    (validate(project, select=["MLP1", "MLP2", "MLP3", "MLP4"], ignore=["MLP35", "MLP36"],
              progress=Silent()))  # fmt: skip
    assert state() == before


def test_the_command_sums_up_in_a_line(project, capsys):
    unused_ruleset(project)
    assert main(["validate", "--project", str(project), *QUICK]) == 0
    shown = capsys.readouterr().out
    assert "warning[MLP406]: No gate uses the ruleset" in shown
    assert "at quality/extra.dqdl" in shown
    assert "✓ iris for local: 13 checks, no errors, 1 warning" in shown


def test_strict_is_an_exit_code(project, capsys):
    unused_ruleset(project)
    assert main(["validate", "--project", str(project), "--strict", *QUICK]) == 1
    assert "✗ iris" in capsys.readouterr().out


def test_json_is_the_whole_report(project, capsys):
    unused_ruleset(project)
    assert main(["validate", "--json", "--project", str(project), *QUICK]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["kind"] == "CheckReport"
    assert report["diagnostics"][0]["code"] == "MLP406"
    assert report["diagnostics"][0]["at"]["path"] == "quality/extra.dqdl"
    assert report["exit_code"] == 0


def test_sarif_and_junit_say_the_same(project, tmp_path, capsys):
    (project / "quality/raw.dqdl").write_text('Rules = [ IsComplete "nope" ]\n')
    sarif, junit = tmp_path / "out/report.sarif", tmp_path / "out/report.xml"
    files = ["--sarif", str(sarif), "--junit", str(junit)]
    assert main(["validate", "--project", str(project), *QUICK, *files]) == 1
    run = json.loads(sarif.read_text())["runs"][0]
    (result,) = run["results"]
    assert (result["ruleId"], result["level"]) == ("MLP404", "error")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "quality/raw.dqdl"
    assert place["region"]["startLine"] == 1
    assert "MLP404" in [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    suite = ET.parse(junit).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("13", "1")
    assert [c.get("name") for c in suite if c.find("failure") is not None] == ["MLP404"]


def test_explain_prints_a_checks_documentation(capsys):
    assert main(["validate", "--explain", "MLP304"]) == 0
    shown = capsys.readouterr().out
    assert "MLP304 No DAG file imports a machine-learning library at its top" in shown
    assert "Why: " in shown
    assert main(["validate", "--explain", "MLP999"]) == 2


def test_an_invalid_manifest_is_exit_code_3(project, capsys):
    (project / "mlops.yaml").write_text("version: 1\nnmae: iris\n")
    assert main(["validate", "--project", str(project), "--quiet"]) == 3
    shown = capsys.readouterr().out
    assert "at mlops.yaml:2:1" in shown
    assert "Unknown key `nmae`" in shown
