"""`mlops new --data`: the project fits the file, or the file is refused."""

from __future__ import annotations

import json
import sys
from datetime import date

import pexpect
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn import datasets
from trees import tree

from mlops_cli import quality
from mlops_cli.project.loader import load


def table(name):
    bunch = getattr(datasets, f"load_{name}")()
    names = [str(column) for column in getattr(bunch, "feature_names", range(bunch.data.shape[1]))]
    columns = dict(zip(names, bunch.data.T.tolist(), strict=True))
    return pa.table(columns | {"target": bunch.target.tolist()})


def write_csv(path, columns):
    lines = [
        ",".join(columns),
        *(",".join(map(str, row)) for row in zip(*columns.values(), strict=True)),
    ]
    path.write_text("\n".join(lines) + "\n")


def customers(rows=80):
    return {
        "customer_id": [1000 + 7 * n for n in range(rows)],
        "row": list(range(rows)),
        "name": [f"person {n}" for n in range(rows)],
        "joined": [date(2020, 1, 1 + n % 28).isoformat() for n in range(rows)],
        "country": ["de" if n % 3 else "fr" for n in range(rows)],
        "Monthly charge [€]": [20.5 + n % 17 for n in range(rows)],
        "version": ["v1"] * rows,
        "active": ["true" if n % 2 else "false" for n in range(rows)],
        "left": ["yes" if n % 4 == 0 else "no" for n in range(rows)],
    }


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("name", "task", "threshold"),
    [
        ("wine", "classification", "accuracy"),
        ("breast_cancer", "classification", "accuracy"),
        ("digits", "classification", "accuracy"),
        ("diabetes", "regression", "r2"),
    ],
)
def test_a_real_table_becomes_a_valid_project(here, mlops, name, task, threshold, suffix):
    data, path = table(name), here / f"{name}.{suffix}"
    if suffix == "parquet":
        pq.write_table(data, path)
    else:
        write_csv(path, data.to_pydict())
    outcome = mlops(
        "new", "model", "--data", path.name, "--target", "target", "--defaults", "--json"
    )
    assert outcome.code == 0, outcome.err
    model = load(here / "model").model
    assert model.task == task
    assert set(model.features) <= set(data.column_names) - {"target"}
    assert len(model.training.families) == 4
    assert list(model.evaluation.thresholds) == [threshold]
    assert model.source == f"data/{path.name}"
    assert (here / "model" / model.source).read_bytes() == path.read_bytes()
    found = outcome.json()["found"]
    assert (found["rows"], found["columns"]) == (data.num_rows, data.num_columns)


def test_the_proposed_rules_pass_on_what_training_reads(here, mlops):
    write_csv(here / "customers.csv", customers())
    mlops("new", "churn", "--data", "customers.csv", "--target", "left", "--defaults")
    project = load(here / "churn")
    columns = project.model.columns
    source = quality.open_source(here / "customers.csv", types=dict(columns))
    quoted = ", ".join(f'"{column}"' for column in columns)
    rows = source.connect(list(columns)).execute(f"SELECT {quoted} FROM data").fetchall()
    read = dict(zip(columns, zip(*rows, strict=True), strict=True))
    pq.write_table(pa.table(read), here / "raw.parquet")
    rules = (here / "churn/quality/raw.dqdl").read_text()
    report = quality.check(rules, str(here / "raw.parquet"))
    assert report.passed, report.to_dict()
    assert 'ColumnValues "left" in ["no", "yes"]' in rules


def test_columns_nothing_can_be_learned_from_are_left_out_and_named(here, mlops):
    write_csv(here / "customers.csv", customers())
    outcome = mlops(
        "new", "churn", "--data", "customers.csv", "--target", "left", "--defaults", "--json"
    )
    assert load(here / "churn").model.features == {
        "country": "text",
        "Monthly charge [€]": "number",
        "active": "boolean",
    }
    left_out = [said for said in outcome.json()["warnings"] if "left out" in said]
    assert left_out == [
        "`customer_id` was left out: it looks like an identifier: every row has another number",
        "`row` was left out: it looks like an identifier: every row has another number",
        "`name` was left out: it has 80 different texts, like an identifier",
        "`joined` was left out: it is a date; derive what matters of it in `features.py`",
        "`version` was left out: it is the same in every row",
    ]


def test_the_copied_data_is_not_committed(here, mlops):
    write_csv(here / "iris.csv", customers())
    outcome = mlops(
        "new", "churn", "--data", "iris.csv", "--target", "left", "--defaults", "--json"
    )
    assert (
        "`data/training.csv` is a copy of your data; git ignores it" in outcome.json()["warnings"]
    )
    assert [path.name for path in (here / "churn/data").iterdir()] == ["training.csv"]
    objects = (here / "churn/.git/index").read_bytes()
    assert b"data/training.csv" not in objects


def test_a_uri_stays_where_it_is(here, mlops):
    path = here / "my customers.csv"
    write_csv(path, customers())
    outcome = mlops("new", "churn", "--data", path.as_uri(), "--target", "left", "--defaults")
    assert load(here / "churn").model.source == path.as_uri()
    assert not (here / "churn/data").exists()
    assert "git ignores it" not in outcome.out


def test_a_large_file_stays_where_it_is(here, mlops):
    rows = 600
    columns = {"x": [n / 7 for n in range(rows)], "y": [n % 2 for n in range(rows)]}
    pad = {"text": [("a" if n % 2 else "b") * 90_000 for n in range(rows)]}
    write_csv(here / "large.csv", columns | pad)
    mlops("new", "churn", "--data", "large.csv", "--target", "y", "--defaults")
    assert load(here / "churn").model.source == (here / "large.csv").as_uri()
    assert sum(len(content) for content in tree(here / "churn").values()) < 2_000_000


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([n % 3 for n in range(60)], "classification"),
        (list(range(60)), "regression"),
        ([n % 3 + 0.5 for n in range(60)], "regression"),
        (["a" if n % 2 else "b" for n in range(60)], "classification"),
        (["true" if n % 2 else "false" for n in range(60)], "classification"),
    ],
)
def test_the_task_follows_from_the_target(here, mlops, values, task):
    write_csv(here / "d.csv", {"x": [n / 7 for n in range(60)], "y": values})
    outcome = mlops("new", "m1", "--data", "d.csv", "--target", "y", "--defaults", "--json")
    assert outcome.json()["found"]["task"] == task
    assert load(here / "m1").model.task == task


def test_rare_classes_are_judged_by_balanced_accuracy(here, mlops):
    write_csv(
        here / "d.csv",
        {
            "x": [n / 7 for n in range(200)],
            "y": ["rare" if n % 20 == 0 else "usual" for n in range(200)],
        },
    )
    mlops("new", "m1", "--data", "d.csv", "--target", "y", "--defaults")
    thresholds = load(here / "m1").model.evaluation.thresholds
    assert {name: bound.minimum for name, bound in thresholds.items()} == {
        "balanced_accuracy": 0.55
    }


@pytest.mark.parametrize(
    ("target", "options", "code", "said"),
    [
        ("lefd", (), 3, "Did you mean `left`?"),
        ("joined", (), 3, "is a date column"),
        ("version", (), 3, "is the same in every row"),
        ("name", (), 3, "80 different values in 80 rows"),
        ("left", ("--task", "regression"), 3, "regression needs numbers"),
        ("left", ("--task", "clasification"), 3, "must be one of `classification`, `regression`"),
        ("left", ("--set", "source=x.csv"), 2, "both say where the data lies"),
        ("left", ("--set", "features={left: text}"), 3, "the model would see it"),
        (None, (), 2, "Add `--target COLUMN`"),
    ],
)
def test_a_wish_that_does_not_fit_the_data_is_refused(here, mlops, target, options, code, said):
    write_csv(here / "customers.csv", customers())
    wanted = ("--target", target) if target else ()
    outcome = mlops("new", "churn", "--data", "customers.csv", *wanted, *options)
    assert outcome.code == code
    assert said in outcome.err
    assert [path.name for path in here.iterdir()] == ["customers.csv"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a,b\n1,2,3\n",
        b'a,b\n1,"2\n',
        b"a,a\n1,2\n",
        b"\x1f\x8b\x08\x00rest",
        "a,b\n1,é\n".encode("latin-1"),
        b"a;b\n" + b"1;2\n" * 50,
        b"a,b\n" + b"1,2\n" * 5,
    ],
    ids=["empty", "ragged", "open quote", "twice", "gzip", "latin-1", "semicolon", "few rows"],
)
def test_a_file_that_must_be_guessed_at_is_refused(here, mlops, content):
    (here / "d.csv").write_bytes(content)
    outcome = mlops("new", "churn", "--data", "d.csv", "--target", "b", "--defaults")
    assert outcome.code == 3
    assert "d.csv" in outcome.err
    assert "Traceback" not in outcome.err
    assert [path.name for path in here.iterdir()] == ["d.csv"]


@pytest.mark.parametrize("data", ["nowhere.csv", "notes.txt", "s3://bucket/d.csv", ".", "pipe.csv"])
def test_what_is_no_data_file_is_refused(here, mlops, data):
    import os

    os.mkfifo(here / "pipe.csv")
    outcome = mlops("new", "churn", "--data", data, "--target", "b", "--defaults")
    assert outcome.code == 3
    assert not (here / "churn").exists()


ANSWERS = {
    "wrong types": ({"random_state": "x", "families": [1], "owner": 3}, 3),
    "unknown": ({"_tasks": ["touch x"], "_src_path": "/etc", "ownr": "a"}, 3),
    "reserved": ({"name": "other", "package": "x", "template": "y"}, 3),
    "unsafe text": ({"owner": 'a"b', "description": "a\nb", "target": "a\\b"}, 3),
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_every_answer_that_cannot_be_used_is_named(here, mlops, kind):
    answers, count = ANSWERS[kind]
    (here / "a.json").write_text(json.dumps(answers))
    outcome = mlops("new", "iris", "--answers", "a.json")
    assert outcome.code == 3
    assert outcome.err.count("MLP901") == count
    for name in answers:
        assert f"`{name}`" in outcome.err
    assert [path.name for path in here.iterdir()] == ["a.json"]


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("a.yaml", "a: &a [1]\nb: *a\n", "anchors"),
        ("a.yaml", "owner: [1\n", "line"),
        ("a.yaml", "owner: a\nowner: b\n", "duplicate"),
        ("a.yaml", "- owner\n", "mapping"),
        ("a.yaml", "!!python/object/apply:os.system [id]\n", "could not determine a constructor"),
        ("a.yaml", "owner: " + "[" * 5000, "a.yaml"),
        ("a.json", '{"owner": ', "a.json:1:11"),
        ("a.json", "[" * 100_000, "nested too deeply"),
        ("nowhere.yaml", None, "No such file"),
    ],
)
def test_an_answers_file_that_cannot_be_read_says_why(here, mlops, file, text, said):
    if text is not None:
        (here / file).write_text(text)
    outcome = mlops("new", "iris", "--answers", file)
    assert outcome.code == 3, outcome.err
    assert said in outcome.err
    assert "Traceback" not in outcome.err


def test_a_flag_wins_over_set_and_set_over_the_file(here, mlops):
    (here / "a.yaml").write_text("owner: file\nrandom_state: 1\nbalance: none\n")
    mlops(
        "new", "iris", "--answers", "a.yaml", "--set", "random_state=2", "--set", "owner=set",
        "--owner", "flag",
    )  # fmt: skip
    project = load(here / "iris")
    assert (project.owner, project.model.training.random_state, project.model.balance) == (
        "flag",
        2,
        "none",
    )


def test_answers_that_make_no_valid_project_are_refused_with_their_place(here, mlops):
    outcome = mlops("new", "iris", "--set", "families={randm_forest: {}}", "--set", "compare_by=f2")
    assert outcome.code == 3
    assert "no family `randm_forest`" in outcome.err
    assert "no metric `f2`" in outcome.err
    assert "iris/mlops.yaml" in outcome.err
    assert ".mlops-new" not in outcome.err
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    "text", ["{{ 7*7 }}", "{% raw %}", "it's #1: yes", "<b>&amp;</b>", "naïve Σ", "- a: [b", "no"]
)
def test_text_means_the_same_in_the_project_as_it_was_typed(here, mlops, text):
    outcome = mlops("new", "iris", "--owner", text, "--description", text)
    assert outcome.code == 0, outcome.err
    project = load(here / "iris")
    assert (project.owner, project.description) == (text, text)


def test_a_person_chooses_target_and_task_from_what_is_in_the_file(here):
    write_csv(here / "customers.csv", customers())
    child = pexpect.spawn(
        sys.executable,
        ["-m", "mlops_cli", "new", "churn", "--data", "customers.csv"],
        timeout=60,
        dimensions=(40, 300),
    )
    child.expect(r"Which column is predicted\? \(customer_id, row, ")
    child.sendline("lost")
    child.expect("Which column is predicted")
    child.sendline("left")
    child.expect("Enter for classification: `left` is a text column with 2 values")
    child.sendline("")
    child.expect("Who looks after")
    child.sendline("")
    child.expect("What is it for")
    child.sendline("")
    child.expect(
        "mlops new churn --data customers.csv --target left --task classification --defaults"
    )
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert load(here / "churn").owner == "data-team"
