"""`mlops new` without data: the Iris project, whole, clean and the same every time."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys

import pexpect
import pytest
from trees import tree

from mlops_cli.project.loader import load
from mlops_cli.templates import vendoring

WRITTEN = {
    ".copier-answers.yml",
    ".github/workflows/ci.yml",
    ".gitignore",
    ".gitlab-ci.yml",
    "Makefile",
    "README.md",
    "dags/inference.py",
    "dags/monitoring.py",
    "dags/training.py",
    "data/iris.csv",
    "mlops.yaml",
    "pyproject.toml",
    "quality/features.dqdl",
    "quality/input.dqdl",
    "quality/predictions.dqdl",
    "quality/raw.dqdl",
    "requirements.lock",
    "tests/conftest.py",
    "tests/test_ageing.py",
    "tests/test_evaluation.py",
    "tests/test_features.py",
    "tests/test_gates.py",
    "tests/test_inference.py",
    "tests/test_labels.py",
    "tests/test_leakage.py",
    "tests/test_monitoring.py",
    "tests/test_registry.py",
    "tests/test_training.py",
}
PACKAGE = {
    "__init__.py",
    "__main__.py",
    "data.py",
    "features.py",
    "inference/__init__.py",
    "inference/batches.py",
    "inference/partitioning.py",
    "inference/predict.py",
    "inference/publish.py",
    "inference/receive.py",
    "inference/rows.py",
    "inference/serving.py",
    "labels.py",
    "metrics.py",
    "monitoring/__init__.py",
    "monitoring/ageing/__init__.py",
    "monitoring/ageing/age.py",
    "monitoring/ageing/chart.py",
    "monitoring/ageing/curves.py",
    "monitoring/ageing/past.py",
    "monitoring/ageing/simulation.py",
    "monitoring/charts.py",
    "monitoring/drift.py",
    "monitoring/drift_methods.py",
    "monitoring/measure.py",
    "monitoring/performance.py",
    "monitoring/reference.py",
    "monitoring/report.html.j2",
    "monitoring/report.py",
    "monitoring/retrain.py",
    "monitoring/retraining_rule.py",
    "monitoring/windows.py",
    "partitions.py",
    "platforms/__init__.py",
    "platforms/approval.py",
    "platforms/assets.py",
    "platforms/local.py",
    "platforms/messages.py",
    "platforms/news.py",
    "platforms/notifications.py",
    "registry.py",
    "training/__init__.py",
    "training/backtest.py",
    "training/evaluate.py",
    "training/families.py",
    "training/fit.py",
    "training/ingest.py",
    "training/leakage.py",
    "training/prepare.py",
    "training/promotion.py",
    "training/report.html.j2",
    "training/report.py",
    "training/search.py",
    "training/tracking.py",
}


def git(folder, *arguments):
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=20
    )
    return done.stdout.strip()


def test_the_iris_project_has_exactly_these_files(here, mlops):
    assert mlops("new", "iris", "--defaults").code == 0
    vendored = {f"iris/_mlops/{name}" for name in (*vendoring.current(), "STAMP.json")}
    assert set(tree(here / "iris")) == WRITTEN | {f"iris/{name}" for name in PACKAGE} | vendored
    assert [path.name for path in here.iterdir()] == ["iris"]


@pytest.mark.parametrize(
    ("engine", "files"),
    [
        ("local", set()),
        ("glue", {"iris/platforms/glue.py"}),
        ("great-expectations", {"quality/great-expectations.lock"}),
        ("soda", {"quality/soda.lock"}),
    ],
)
def test_the_engine_of_the_gates_adds_an_environment_and_little_else(here, mlops, engine, files):
    mlops("new", "plain", "--defaults", "--no-git")
    assert mlops("new", "iris", "--quality", engine, "--defaults", "--no-git").code == 0
    made = set(tree(here / "iris"))
    assert made - {name.replace("plain/", "iris/") for name in tree(here / "plain")} == files
    environments = load(here / "iris").environments
    assert environments["local"].quality == "local"
    assert {name: spec.quality for name, spec in environments.items() if name != "local"} == (
        {} if engine == "local" else {engine: engine}
    )
    same = (here / "iris/dags/training.py").read_text().replace("iris", "plain")
    assert same == (here / "plain/dags/training.py").read_text()


def test_an_engine_nobody_has_is_refused(here, mlops):
    outcome = mlops("new", "iris", "--quality", "spark", "--defaults")
    assert outcome.code == 3
    assert "`quality` must be one of `local`, `glue`, `great-expectations`, `soda`" in outcome.err


def test_the_iris_project_is_valid_and_as_the_talk_has_it(here, mlops):
    mlops("new", "iris", "--defaults")
    project = load(here / "iris")
    model = project.model
    assert (model.task, model.target, list(model.features)) == (
        "classification",
        "species",
        ["sepal_length", "sepal_width", "petal_length", "petal_width"],
    )
    assert (model.split.test_size, model.split.random_state, model.split.stratify) == (
        0.6,
        145,
        False,
    )
    assert model.training.families == {"random_forest": {}}
    assert model.training.random_state == 42


def test_the_iris_rows_are_scikit_learns_in_their_order(here, mlops):
    from sklearn.datasets import load_iris

    mlops("new", "iris", "--defaults")
    header, *rows = (here / "iris/data/iris.csv").read_text().splitlines()
    iris = load_iris()
    assert header == "sepal_length,sepal_width,petal_length,petal_width,species"
    assert [[float(cell) for cell in row.split(",")[:4]] for row in rows] == iris.data.tolist()
    assert [row.split(",")[4] for row in rows] == [iris.target_names[n] for n in iris.target]


def test_nothing_shows_that_a_template_made_it(here, mlops):
    mlops("new", "iris", "--defaults")
    for name, content in tree(here / "iris", without=(".git", "_mlops")).items():
        if name == ".copier-answers.yml" or name.endswith(".j2"):
            continue
        text = content.decode()
        # What is left belongs to GitHub (`${{ … }}`), and to Airflow where its templates are made.
        if not name.startswith("iris/platforms/"):
            assert not re.search(r"(?<!\$)\{\{|\{%", text), name
        assert "copier" not in text.lower(), name
        assert str(here) not in text, name
        if name.endswith(".py"):
            ast.parse(text, name)


def test_it_is_one_commit_that_holds_everything(here, mlops):
    outcome = mlops("new", "iris", "--defaults", "--json")
    assert outcome.json()["repository"] == "committed"
    assert git(here / "iris", "status", "--porcelain") == ""
    assert git(here / "iris", "log", "--format=%an %s") == "Ada Start the project"
    assert git(here / "iris", "branch", "--show-current") == "main"
    assert "data/iris.csv" in git(here / "iris", "ls-files").splitlines()


def test_the_result_as_json_is_all_that_is_on_stdout(here, mlops):
    body = mlops("new", "my-model", "--json").json()
    assert body["kind"] == "NewProject"
    assert body["name"] == body["package"] == "my_model"
    assert body["path"] == str(here / "my_model")
    assert body["next_steps"][0] == "cd my_model"
    assert body["warnings"] == ["The project is called `my_model`: names use `_`, not `-`"]
    assert set(body["files"]) == set(tree(here / "my_model"))


def test_the_printed_command_writes_the_same_project_again(here, mlops):
    (here / "answers.yaml").write_text("random_state: 7\nbalance: none\n")
    first = mlops(
        "new", "iris", "--owner", "it's us", "--description", "Flowers, & more",
        "--answers", "answers.yaml", "--set", "thresholds={accuracy: {minimum: 0.8}}", "--no-git",
        "--json",
    )  # fmt: skip
    (here / "iris").rename(here / "before")
    again = shlex.split(first.json()["command"])
    assert again[:2] == ["mlops", "new"]
    assert mlops(*again[1:]).code == 0
    assert tree(here / "iris") == tree(here / "before")
    assert load(here / "iris").model.evaluation.thresholds["accuracy"].minimum == 0.8
    assert load(here / "iris").owner == "it's us"


@pytest.mark.parametrize("kind", ["folder", "empty folder", "file", "link", "broken link"])
def test_what_is_there_already_stays_as_it_is(here, mlops, kind):
    target = here / "churn"
    if "folder" in kind:
        target.mkdir()
    if kind == "folder":
        for name in ("b", "a", "d", "c"):
            (target / name).write_text(name)
    elif kind == "file":
        target.write_text("mine")
    elif kind == "link":
        (here / "elsewhere").mkdir()
        target.symlink_to("elsewhere")
    elif kind == "broken link":
        target.symlink_to("nowhere")
    before = tree(here)
    outcome = mlops("new", "churn", "--defaults")
    assert outcome.code == 5
    assert "--into" in outcome.err
    assert tree(here) == before
    assert os.path.lexists(target)
    if kind == "folder":
        assert "(it holds `a`, `b`, `c` and 1 more)" in outcome.err
    assert not list(here.glob(".mlops-new-*"))


def test_into_names_the_parent_folder(here, mlops):
    (here / "models [x]").mkdir()
    outcome = mlops("new", "iris", "--into", "models [x]", "--json")
    assert outcome.json()["path"] == str(here / "models [x]/iris")
    missing = mlops("new", "iris", "--into", "nowhere/at all")
    assert missing.code == 3
    assert "mkdir -p 'nowhere/at all'" in missing.err
    assert not (here / "nowhere").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("../evil",), 3, "not a path"),
        (("/abs",), 3, "not a path"),
        (("--", "-rf"), 3, "Try `mlops new rf`"),
        (("--", "--help"), 3, "Try `mlops new help`"),
        (("json",), 3, "Try `mlops new json_model`"),
        (("a\x1b[31mb",), 3, r"a\x1b[31mb"),
        ((), 2, "Missing argument"),
        (("iris", "--template", "tabulr"), 2, "`--template tabular`"),
        (("iris", "--target", "x"), 2, "`--target` needs the data"),
        (("iris", "--task", "regression"), 2, "`--task` needs the data"),
        (("iris", "--answers", "/dev/zero"), 3, "more than 262144 bytes"),
        (("iris", "--answers", "/"), 3, "Is a directory"),
        (("iris", "--set", "owner=" + "[" * 5000), 3, "nested too deeply"),
        (("iris", "--set", "owner=AKIAIOSFODNN7EXAMPLE"), 3, "looks like a secret"),
        (("iris", "--set", "_tasks=[id]"), 3, "no question `_tasks`"),
        (("iris", "--set", "_src_path=/etc"), 3, "no question `_src_path`"),
        (("iris", "--owner", "a\x1b[31mb"), 3, "control character"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(here, mlops, arguments, code, said):
    outcome = mlops("new", *arguments)
    assert (outcome.code, list(here.iterdir())) == (code, [])
    assert said in outcome.err
    assert "Traceback" not in outcome.err


def test_templates_are_listed_without_a_name(mlops):
    assert mlops("new", "--list-templates").code == 0
    listed = mlops("new", "--list-templates", "--json").json()["templates"]
    assert [template["name"] for template in listed] == ["tabular"]


def test_a_person_is_asked_only_for_what_is_missing(here):
    child = pexpect.spawn(
        sys.executable, ["-m", "mlops_cli", "new", "iris", "--owner", "ada"], timeout=60
    )
    child.expect("What is it for")
    child.sendline("Tells flowers apart")
    child.expect("mlops new iris --owner ada --description 'Tells flowers apart' --defaults")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert load(here / "iris").description == "Tells flowers apart"


def test_a_person_who_leaves_in_the_middle_gets_nothing(here):
    for goodbye, code in (("\x04", 2), ("\x03", 130)):
        child = pexpect.spawn(sys.executable, ["-m", "mlops_cli", "new", "iris"], timeout=60)
        child.expect("Who looks after")
        child.send(goodbye)
        child.expect(pexpect.EOF)
        child.close()
        assert child.exitstatus == code
        assert list(here.iterdir()) == []


def test_no_socket_is_opened_and_no_one_is_called(here):
    script = (
        "import sys\n"
        "sys.addaudithook(lambda event, args: event.startswith('socket.')\n"
        "    and event not in ('socket.__new__',) and sys.exit(f'socket: {event} {args}'))\n"
        "from mlops_cli.cli.app import main\n"
        "sys.exit(main(['new', 'iris', '--defaults']))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr.count("socket:")) == (0, 0), done.stderr
