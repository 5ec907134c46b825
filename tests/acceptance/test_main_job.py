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


def test_iris_is_trained_once_and_then_only_replaced_by_something_better(user, tmp_path):
    project = started(user, tmp_path, "iris")

    first = user.types("trigger", "training", "--follow", folder=project)
    assert first.code == 0, first.text
    version = champion(user, project)
    assert version["version"] == 1
    assert {name: version["metrics"][name] for name in IRIS} == IRIS
    assert version["stages"] == dict.fromkeys(("train", "evaluate", "audit", "deploy"), "Complete")

    # The same data and the same seed give the same model: a tie, which does not win.
    again = user.types("trigger", "training", folder=project)
    assert again.code == 1
    assert "f1_score 0.955737 does not beat champion version 1's 0.955737" in again.text
    assert champion(user, project)["version"] == 1

    # Data with a value that is no class stops the run before anything is trained.
    bad = tmp_path / "bad.csv"
    text = (project / "data" / "iris.csv").read_text(encoding="utf-8")
    bad.write_text(text.replace("setosa", "tulip", 3), encoding="utf-8")
    stopped = user.types("trigger", "training", "--conf", f"source={bad}", folder=project)
    assert stopped.code == 1
    assert 'ColumnValues "species" in ["setosa","versicolor","virginica"]' in stopped.text
    assert "3 of 150 rows of `species`" in stopped.text
    assert "one has the value `tulip`" in stopped.text
    assert state_of(user, project, "fit") in {None, "upstream_failed"}

    # A worse model: refused by its threshold and by the champion.
    manifest = project / "mlops.yaml"
    weak = "random_forest: {n_estimators: [1], max_depth: [1], max_features: [1]}"
    manifest.write_text(manifest.read_text().replace("random_forest: {}", weak), encoding="utf-8")
    assert user.types("deploy", folder=project).code == 0
    worse = user.types("trigger", "training", folder=project)
    assert worse.code == 1
    assert "outside at least 0.9" in worse.text
    assert "does not beat champion version 1" in worse.text
    assert champion(user, project)["version"] == 1

    # A ruleset the data cannot meet stops the run; one that is no DQDL stops the deploy.
    ruleset = project / "quality" / "raw.dqdl"
    good = ruleset.read_text(encoding="utf-8")
    ruleset.write_text(good.replace("RowCount >= 50", "RowCount >= 5000"), encoding="utf-8")
    assert user.types("deploy", folder=project).code == 0
    strict = user.types("trigger", "training", folder=project)
    assert strict.code == 1
    assert "RowCount is 150, and should be >= 5000" in strict.text
    ruleset.write_text(good.replace("RowCount >=", "RowCuont >="), encoding="utf-8")
    broken = user.types("deploy", folder=project)
    assert broken.code == 1
    assert "RowCuont" in broken.text
    assert "Did you mean" in broken.text


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
