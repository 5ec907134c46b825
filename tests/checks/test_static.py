"""Each check has a pair: the valid project passes; with one thing broken it says exactly that."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from mlops_cli.core.diagnostics import Severity

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Case:
    """One thing broken, and the one finding it must give."""

    name: str
    code: str
    file: str
    """Which file is edited."""
    pattern: str | None
    """What is replaced in it; None to write `text` as the whole file."""
    text: str | None
    """What takes its place; None to delete the file."""
    says: str
    at: str | None = None
    """`file:line`, when it is not just the file."""
    severity: Severity = Severity.ERROR


W = Severity.WARNING
DAG = "dags/training.py"
SECRET = "AKIA" + "IOSFODNN7EXAMPLQ"
TOP = r"from datetime import timedelta\n"
CASES = [
    Case(
        "unknown key",
        "MLP101",
        "mlops.yaml",
        r"  target: ",
        "  tagret: x\n  target: ",
        "Unknown key `tagret`",
    ),
    Case("source missing", "MLP103", "data/iris.csv", "", None, "`data/iris.csv`", "mlops.yaml", W),
    Case(
        "column missing",
        "MLP104",
        "data/iris.csv",
        "petal_width",
        "petal_wide",
        "no column `petal_width`",
        "mlops.yaml",
    ),
    Case("no lock", "MLP201", "requirements.lock", "", None, "no `requirements.lock`"),
    Case("no main", "MLP201", "iris/__main__.py", "", None, "no `iris/__main__.py`"),
    Case("no dags", "MLP202", "dags", "", None, "no DAG file", "dags"),
    Case(
        "conflict",
        "MLP203",
        "README.md",
        r"\A",
        "<<<<<<< ours\na\n=======\nb\n>>>>>>> theirs\n",
        "merge conflict",
        "README.md:1",
    ),
    Case("syntax", "MLP204", "iris/data.py", r"\A", "def (:\n", "Not valid", "iris/data.py:1"),
    Case("toml", "MLP205", "pyproject.toml", r"\A", "= 1\n", "Not valid TOML", "pyproject.toml:1"),
    Case(
        "no dag made",
        "MLP301",
        "dags/other.py",
        None,
        '"""Says dag and airflow."""\n',
        "no DAG",
    ),
    Case(
        "dag never called",
        "MLP302",
        DAG,
        r"\ntraining\(\)\n",
        "\n",
        "`training` has `@dag` and is never called",
        f"{DAG}:",
    ),
    Case(
        "variable at the top",
        "MLP303",
        DAG,
        r"\nSETTINGS = ",
        '\nfrom airflow.sdk import Variable\nTEAM = Variable.get("team")\nSETTINGS = ',
        "`Variable.get` is called",
    ),
    Case(
        "heavy import",
        "MLP304",
        DAG,
        TOP,
        "from datetime import timedelta\nimport pandas as pd  # noqa: F401\n",
        "`pandas` is imported",
        f"{DAG}:4",
    ),
    Case(
        "removed template name",
        "MLP305",
        DAG,
        r'"retries": 1,',
        '"retries": 1, "pool": "{{ execution_date }}",',
        "`execution_date` was removed",
    ),
    Case(
        "conf in a command",
        "MLP306",
        DAG,
        r"\Z",
        "\ndef bash(operator):\n"
        '    return operator(task_id="x", bash_command="echo {{ dag_run.conf[\'x\'] }}")\n',
        "`bash_command` holds text",
    ),
    Case(
        "undeclared variable",
        "MLP307",
        "iris/platforms/local.py",
        r"\Z",
        '\n\ndef team(Variable):\n    return Variable.get("team")\n',
        "The variable `team` is not declared",
        None,
        W,
    ),
    Case(
        "removed in Airflow 3",
        "MLP380",
        DAG,
        r"schedule=None",
        "schedule_interval=None",
        "AIR301",
    ),
    Case(
        "undefined name",
        "MLP381",
        "iris/training/fit.py",
        r"\Z",
        "\n\ndef broken():\n    return nobody_knows\n",
        "F821: Undefined name `nobody_knows`",
    ),
    Case(
        "unused import",
        "MLP382",
        "iris/training/fit.py",
        r"\nimport ",
        "\nimport wave\nimport ",
        "F401",
        None,
        W,
    ),
    Case("gate without ruleset", "MLP401", "quality/raw.dqdl", "", None, "`raw`", "mlops.yaml"),
    Case(
        "ruleset syntax",
        "MLP402",
        "quality/raw.dqdl",
        "RowCount >= 50",
        "RowCount >=",
        "",
        "quality/raw.dqdl:",
    ),
    Case(
        "empty ruleset", "MLP403", "quality/features.dqdl", None, "Analyzers = [ RowCount ]\n", ""
    ),
    Case(
        "unknown column",
        "MLP404",
        "quality/raw.dqdl",
        'IsComplete "species"',
        'IsComplete "specis"',
        "column `specis`",
        "quality/raw.dqdl:",
    ),
    Case(
        "rule not evaluated",
        "MLP405",
        "quality/raw.dqdl",
        'IsComplete "species"',
        'DetectAnomalies "RowCount"',
        "`DetectAnomalies`",
    ),
    Case(
        "ruleset of no gate",
        "MLP406",
        "quality/extra.dqdl",
        None,
        "Rules = [ RowCount > 0 ]\n",
        "",
        None,
        W,
    ),
    Case(
        "vendored file changed",
        "MLP601",
        "iris/_mlops/quality/engine/run.py",
        r"\Z",
        "\n# by hand\n",
        "run.py",
    ),
    Case(
        "secret",
        "MLP701",
        "iris/training/fit.py",
        r"\Z",
        f'\nKEY = "{SECRET}"\n',
        "looks like a secret",
    ),
    Case("key file", "MLP702", "iris/server.pem", None, "nothing\n", "server.pem"),
]


def break_it(project: Path, case: Case) -> None:
    path = project / case.file
    if case.text is None:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    elif case.pattern is None:
        path.write_text(case.text)
    else:
        text, count = re.subn(case.pattern, lambda _: case.text, path.read_text(), count=1)
        assert count == 1, f"{case.pattern} is not in {case.file}"
        path.write_text(text)


def test_the_generated_project_passes(static):
    report = static(strict=True)
    assert [item.summary for item in report.diagnostics] == []
    assert report.exit_code == 0
    assert len(report.checks_run) > 25
    assert report.skipped == ()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_one_thing_broken_gives_one_finding(case, project, static):
    break_it(project, case)
    report = static()
    found = report.diagnostics
    assert [(item.code, item.severity) for item in found] == [(case.code, case.severity)], found
    assert case.says in found[0].summary
    place = str(found[0].at)
    assert place.startswith(case.at or case.file), place
    assert report.exit_code == {"MLP101": 3}.get(case.code, int(case.severity is Severity.ERROR))


def test_a_declared_variable_is_no_finding(project, static):
    path = project / "iris/platforms/local.py"
    path.write_text(f'{path.read_text()}\n\ndef team(Variable):\n    return Variable.get("team")\n')
    manifest = project / "mlops.yaml"
    manifest.write_text(manifest.read_text() + "variables: [team]\n")
    assert static().diagnostics == ()


def test_a_warning_fails_only_when_strict(project, static):
    (project / "quality/extra.dqdl").write_text("Rules = [ RowCount > 0 ]\n")
    assert static().exit_code == 0
    assert static(strict=True).exit_code == 1


def test_missing_tests_are_a_warning(project, static):
    for path in (project / "tests").glob("*.py"):
        path.unlink()
    (found,) = static().diagnostics
    assert (found.code, found.severity) == ("MLP206", Severity.WARNING)


def test_all_problems_are_reported_at_once(project, static):
    (project / "quality/raw.dqdl").write_text('Rules = [ IsComplete "a", IsComplete "b" ]')
    (project / "iris/extra.py").write_text("print(unknown)\n")
    codes = [item.code for item in static().diagnostics]
    assert codes == ["MLP381", "MLP404", "MLP404"]


def test_a_broken_manifest_does_not_hide_other_problems(project, static):
    (project / "mlops.yaml").write_text("name: [\n")
    (project / "iris/extra.py").write_text("print(unknown)\n")
    report = static()
    assert {item.code for item in report.diagnostics} == {"MLP101", "MLP381"}
    assert report.exit_code == 3
    assert {"MLP401", "MLP601"} <= {item.code for item in report.skipped}


def test_the_value_of_a_secret_is_never_shown(project, static):
    (project / "iris/extra.py").write_text(f'KEY = "{SECRET}"\n')
    (project / "config.yaml").write_text('password: "dG9wc2VjcmV0IQx7Kp2"\n')
    report = static()
    assert [item.code for item in report.diagnostics] == ["MLP701", "MLP701"]
    assert SECRET not in repr(report)
    assert "dG9wc2VjcmV0IQx7Kp2" not in repr(report)


@pytest.mark.parametrize("scheme", ["env", "keyring", "file", "aws-secretsmanager"])
def test_where_a_secret_is_may_be_written_in_quotes(project, static, scheme):
    (project / "config.yaml").write_text(f"auth: {{password: '{scheme}:STAGING_PASSWORD/x7Kp2'}}\n")
    assert static().diagnostics == ()


def test_a_placeholder_is_no_secret(project, static):
    (project / "config.yaml").write_text(
        'password: "${DATABASE_PASSWORD}"\ntoken: "<your-token>"\n'
    )
    assert static().diagnostics == ()


def test_an_env_file_has_to_be_ignored_by_git(project, static):
    (project / ".env").write_text("TOKEN=1\n")
    assert static().diagnostics == ()
    ignore = project / ".gitignore"
    lines = [line for line in ignore.read_text().splitlines() if ".env" not in line]
    ignore.write_text("\n".join(lines) + "\n")
    (found,) = static().diagnostics
    assert found.code == "MLP703"


def test_template_names_in_documentation_are_no_finding(project, static):
    path = project / DAG
    path.write_text(path.read_text().replace('"""Trains', '"""Not {{ execution_date }}: trains', 1))
    assert static().diagnostics == ()


def test_params_beside_a_command_are_no_finding(project, static):
    path = project / DAG
    path.write_text(
        path.read_text()
        + "\ndef bash(operator):\n"
        + '    return operator(bash_command="echo $X", env={"X": "{{ params.x }}"})\n'
    )
    assert static().diagnostics == ()
