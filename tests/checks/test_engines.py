"""What runs the gates in an environment: a project that is right, and one thing wrong with it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlops_cli.checks import validate
from mlops_cli.core.progress import Silent
from mlops_cli.templates import Answers, create

GLUE = {"quality": "glue", "glue_location": "s3://flowers/iris"}


@pytest.fixture(scope="module")
def pristine_glue(tmp_path_factory):
    """The Iris project with the answer `glue`."""
    folder = tmp_path_factory.mktemp("pristine")
    answers = Answers(values=GLUE, git=False)
    return create("iris", template="tabular", into=folder, answers=answers, progress=Silent()).path


@pytest.fixture
def project(pristine_glue, tmp_path):
    """A copy that may be broken."""
    return Path(shutil.copytree(pristine_glue, tmp_path / "iris"))


def found(project, environment="glue"):
    report = validate(project, environment=environment, select=("MLP4",), progress=Silent())
    return [(one.code, one.severity, one.summary) for one in report.diagnostics]


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize("environment", ["local", "glue"])
def test_the_generated_project_is_right_for_both_engines(project, environment):
    assert found(project, environment) == []


def test_the_place_for_the_data_has_to_be_filled_in(project):
    edit(project / "mlops.yaml", "s3://flowers/iris", "s3://YOUR-BUCKET/iris")
    ((code, severity, summary),) = found(project)
    assert (code, severity) == ("MLP411", "error")
    assert "`s3://YOUR-BUCKET/iris` names no bucket" in summary
    assert found(project, "local") == []


def test_without_the_tasks_for_glue_nothing_would_run_the_gates(project):
    (project / "iris/platforms/glue.py").unlink()
    ((code, _, summary),) = found(project)
    assert (code, summary) == (
        "MLP411",
        "The project has no tasks for Glue: `iris/platforms/glue.py` is missing",
    )


@pytest.mark.parametrize(
    ("old", "new", "severity", "says"),
    [
        ("Rules = [", "# First\nRules = [", "error", "start with `Rules`"),
        ("RowCount >= 50", "RowCount >= avg(last(3))", "error", "asks for a history"),
        ("RowCount >= 50", 'RowCount >= 50 labels=["a"="b"]', "warning", "ETL jobs only"),
    ],
)
def test_what_glue_does_not_take_is_said_for_glue_alone(project, old, new, severity, says):
    edit(project / "quality/raw.dqdl", old, new)
    ((code, level, summary),) = found(project)
    assert (code, level) == ("MLP412", severity)
    assert says in summary
    assert found(project, "local") == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("workers: 2", "workers: 1", "`glue.workers` must be at least 2"),
        ("s3://flowers/iris", "/flowers", "`glue.location` must begin with s3://"),
        ("    quality: glue\n", "    quality: spark\n", "'local', 'glue', 'great-expectations'"),
        ("      role:", "      rule:", "Unknown key `rule`"),
    ],
)
def test_the_section_of_an_environment_is_checked(project, old, new, says):
    edit(project / "mlops.yaml", old, new)
    report = validate(project, select=("MLP101",), progress=Silent())
    assert any(says in one.summary for one in report.diagnostics)


@pytest.fixture(scope="module", params=["great-expectations", "soda"])
def pristine_tool(request, tmp_path_factory):
    """The Iris project with the answer of a tool, and the tool."""
    folder = tmp_path_factory.mktemp("pristine")
    answers = Answers(values={"quality": request.param}, git=False)
    made = create("iris", template="tabular", into=folder, answers=answers, progress=Silent())
    return request.param, made.path


def test_a_tool_needs_its_lock(pristine_tool, tmp_path):
    tool, pristine = pristine_tool
    project = Path(shutil.copytree(pristine, tmp_path / "iris"))
    assert {severity for _, severity, _ in found(project, tool)} <= {"note"}
    (project / f"quality/{tool}.lock").unlink()
    lost = f"The packages of `{tool}` are not locked: `quality/{tool}.lock` is missing"
    assert ("MLP413", "error", lost) in found(project, tool)
    assert found(project, "local") == []


def test_a_rule_that_a_tool_cannot_express_is_noted(pristine_tool, tmp_path):
    tool, pristine = pristine_tool
    project = Path(shutil.copytree(pristine, tmp_path / "iris"))
    edit(project / "quality/raw.dqdl", "RowCount >= 50", "(RowCount > 9) or (RowCount > 5)")
    notes = [summary for code, _, summary in found(project, tool) if code == "MLP414"]
    said = f"`(RowCount > 9) OR (RowCount > 5)` is evaluated locally with `{tool}`: "
    assert any(note.startswith(said) for note in notes)
