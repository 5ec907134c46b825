"""The main job as a user sees it: new, validate, deploy, trigger, models; on a real Airflow."""

from __future__ import annotations

import csv

import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes

from mlops_cli.quality import parse

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

# The talk's table: weighted scores of a random forest on 90 held-out rows of Iris.
IRIS = {
    "accuracy": 0.9555555555555556,
    "precision": 0.9573302469135803,
    "recall": 0.9555555555555556,
    "f1_score": 0.9557368557368557,
}


def champion(user, project):
    """The version the alias names, as `mlops models show` has it."""
    shown = user.types("models", "show", project.name, "--json", folder=project)
    assert shown.code == 0, shown.text
    return next(one for one in shown.result["versions"] if "champion" in one["aliases"])


def started(user, folder, name, *options):
    """A new project, validated and deployed."""
    assert user.types("new", name, "--defaults", *options, folder=folder).code == 0
    project = folder / name
    validated = user.types("validate", folder=project)
    assert validated.code == 0, validated.text
    deployed = user.types("deploy", "--env", "local", folder=project)
    assert deployed.code == 0, deployed.text
    return project


@pytest.fixture(scope="module")
def iris(user, tmp_path_factory):
    """The example, deployed and trained once."""
    project = started(user, tmp_path_factory.mktemp("main"), "iris")
    first = user.types("trigger", "training", "--follow", folder=project)
    assert first.code == 0, first.text
    return project


def test_iris_is_trained_once_and_then_only_replaced_by_something_better(user, iris, tmp_path):
    version = champion(user, iris)
    assert version["version"] == 1
    assert {name: version["metrics"][name] for name in IRIS} == IRIS
    assert version["stages"] == dict.fromkeys(("train", "evaluate", "audit", "deploy"), "Complete")

    # The same data and the same seed give the same model: a tie, which does not win.
    again = user.types("trigger", "training", folder=iris)
    assert again.code == 1
    assert "f1_score 0.955737 does not beat champion version 1's 0.955737" in again.text
    assert champion(user, iris)["version"] == 1

    # Data with a value that is no class stops the run before anything is trained.
    bad = tmp_path / "bad.csv"
    text = (iris / "data" / "iris.csv").read_text(encoding="utf-8")
    bad.write_text(text.replace("setosa", "tulip", 3), encoding="utf-8")
    stopped = user.types("trigger", "training", "--conf", f"source={bad}", folder=iris)
    assert stopped.code == 1
    assert 'ColumnValues "species" in ["setosa","versicolor","virginica"]' in stopped.text
    assert "3 of 150 rows of `species`" in stopped.text
    assert "one has the value `tulip`" in stopped.text
    assert state_of(user, iris, "fit") in {None, "upstream_failed"}


@pytest.mark.long
def test_a_worse_model_and_rules_that_nothing_meets_change_nothing(user, iris):
    files = [iris / "mlops.yaml", iris / "quality" / "raw.dqdl"]
    manifest, ruleset = files
    before = [file.read_text(encoding="utf-8") for file in files]
    try:
        # A worse model: refused by its threshold and by the champion.
        weak = "random_forest: {n_estimators: [1], max_depth: [1], max_features: [1]}"
        manifest.write_text(before[0].replace("random_forest: {}", weak), encoding="utf-8")
        assert user.types("deploy", folder=iris).code == 0
        worse = user.types("trigger", "training", folder=iris)
        assert worse.code == 1
        assert "outside at least 0.9" in worse.text
        assert "does not beat champion version 1" in worse.text
        assert champion(user, iris)["version"] == 1

        # A ruleset the data cannot meet stops the run; one that is no DQDL stops the deploy.
        strict = before[1].replace("RowCount >= 50", "RowCount >= 5000")
        ruleset.write_text(strict, encoding="utf-8")
        assert user.types("deploy", folder=iris).code == 0
        stopped = user.types("trigger", "training", folder=iris)
        assert stopped.code == 1
        assert "RowCount is 150, and should be >= 5000" in stopped.text
        ruleset.write_text(before[1].replace("RowCount >=", "RowCuont >="), encoding="utf-8")
        broken = user.types("deploy", folder=iris)
        assert broken.code == 1
        assert "RowCuont" in broken.text
        assert "Did you mean" in broken.text
    finally:
        for file, text in zip(files, before, strict=True):
            file.write_text(text, encoding="utf-8")
        user.types("deploy", folder=iris)


def state_of(user, project, task):
    """The state of a task in the newest run; None when it has none."""
    shown = user.types("status", "training", "--json", folder=project)
    tasks = shown.result.get("tasks") or []
    return next((one["state"] for one in tasks if one["task"] == task), None)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "load", "task", "metric"),
    [
        ("tumour", load_breast_cancer, "classification", "accuracy"),
        ("diabetes", load_diabetes, "regression", "r2"),
    ],
)
def test_a_table_of_ones_own_becomes_a_promoted_model(user, tmp_path, name, load, task, metric):
    data = tmp_path / "table.csv"
    write_table(load(), data, classes=task == "classification")
    project = started(user, tmp_path, name, "--data", data, "--target", "outcome")
    manifest = (project / "mlops.yaml").read_text(encoding="utf-8")
    assert f"task: {task}" in manifest
    assert len(parse((project / "quality" / "raw.dqdl").read_text(encoding="utf-8")).rules) > 10

    run = user.types("trigger", "training", folder=project)
    assert run.code == 0, run.text
    version = champion(user, project)
    floor = {"accuracy": 0.9, "r2": 0.3}[metric]
    assert version["metrics"][metric] > floor


def write_table(bunch, path, *, classes):
    """A scikit-learn table as the CSV a user would have."""
    names = [name.replace(" ", "_") for name in bunch.feature_names]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*names, "outcome"])
        for row, target in zip(bunch.data, bunch.target, strict=True):
            outcome = bunch.target_names[target] if classes else repr(float(target))
            writer.writerow([*(repr(float(value)) for value in row), outcome])
