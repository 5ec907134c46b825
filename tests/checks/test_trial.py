"""`mlops test` end to end: real interpreters, real Airflow, the generated project."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_cli.checks.trial import _refusals, kill_marked
from mlops_cli.cli.app import main


def cli(project, capsys, *arguments):
    code = main(["test", "--project", str(project), *arguments])
    return code, capsys.readouterr()


def only_a_quick_test(project):
    for path in (project / "tests").glob("*.py"):
        path.unlink()
    (project / "tests/test_quick.py").write_text(
        "from iris._mlops.runtime.settings import load\n\n\n"
        "def test_package_is_importable():\n    assert load\n"
    )


@pytest.mark.real
@pytest.mark.timeout(900)
def test_the_generated_project_passes_and_leaves_nothing(project, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    only_a_quick_test(project)
    code, shown = cli(project, capsys, "--json")
    assert code == 0, shown.err
    report = json.loads(shown.out)
    assert report["tests"]["outcome"] == "passed"
    run = report["pipeline"]
    assert (run["state"], run["rows"]) == ("success", 150)
    assert [task["task"] for task in run["tasks"] if task["state"] != "success"] == []
    assert {"gate_raw", "fit[0]", "promote"} <= {task["task"] for task in run["tasks"]}
    assert "gate_raw" in shown.err
    assert not (tmp_path / "data").exists()
    assert not list(tmp_path.glob("mlops-test-*"))


@pytest.mark.long
@pytest.mark.real
@pytest.mark.timeout(900)
def test_nobody_is_asked_in_a_trial_and_it_says_so(project, capsys):
    only_a_quick_test(project)
    manifest = project / "mlops.yaml"
    manifest.write_text(manifest.read_text().replace("policy: auto", "policy: person"))
    code, shown = cli(project, capsys)
    assert code == 0, shown.err
    assert "approval: nobody is asked in a trial" in shown.out
    assert "promote" in shown.err


@pytest.mark.long
@pytest.mark.real
@pytest.mark.timeout(900)
def test_bad_data_stops_at_the_gate_with_rule_column_and_value(project, capsys):
    only_a_quick_test(project)
    path = project / "data/iris.csv"
    path.write_text(path.read_text().replace("virginica", "tulip"))
    code, shown = cli(project, capsys)
    assert code == 1
    assert "✗ iris_training: failed on 150 rows" in shown.out
    assert 'gate `raw`: ColumnValues "species" in' in shown.out
    assert "50 of 150 rows of `species`" in shown.out
    assert "task gate_raw: failed" in shown.out


@pytest.mark.real
@pytest.mark.timeout(900)
def test_failing_tests_keep_the_pipeline_from_running(project, capsys):
    only_a_quick_test(project)
    (project / "tests/test_bad.py").write_text("def test_no():\n    assert False\n")
    code, shown = cli(project, capsys)
    assert code == 1
    assert "tests.test_bad.test_no" in shown.out
    assert "The pipeline was not run" in shown.out


def test_an_invalid_manifest_is_exit_code_3(project, capsys):
    (project / "mlops.yaml").write_text("version: 1\n")
    assert cli(project, capsys)[0] == 3


def test_refusals_come_from_what_the_gates_wrote(tmp_path):
    folder = tmp_path / "runs/r1/quality"
    folder.mkdir(parents=True)
    rules = [
        {"Description": "RowCount > 9", "Result": "PASS"},
        {"Description": 'IsComplete "a"', "Result": "FAIL", "EvaluationMessage": "3 are missing"},
    ]
    (folder / "raw.json").write_text(json.dumps({"RuleResults": rules}))
    assert _refusals(tmp_path) == ('gate `raw`: IsComplete "a": 3 are missing',)


def test_everything_of_a_trial_is_killed(tmp_path):
    import subprocess

    mark = str(tmp_path / "trial")
    ours = subprocess.Popen(["sleep", "100"], env={"MLOPS_TRIAL": mark}, start_new_session=True)
    other = subprocess.Popen(["sleep", "100"], env={"MLOPS_TRIAL": f"{mark}-2"})
    try:
        kill_marked(mark)
        assert ours.wait(timeout=5) == -9
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()
    assert Path(f"/proc/{ours.pid}").exists() is False
