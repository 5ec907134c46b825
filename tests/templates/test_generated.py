"""The project we write passes the checks it ships with, and nothing in it shows a template."""

from __future__ import annotations

import random
import re
import subprocess
from pathlib import Path

import pytest
from trees import tree

from mlops_cli.checks import validate
from mlops_cli.core.processes import child_environment
from mlops_cli.core.progress import Silent
from mlops_cli.environments.interpreters import (
    DEFAULT_AIRFLOW,
    airflow_interpreter,
    project_interpreter,
)
from mlops_cli.templates import Answers, create, prepare

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

LONGEST = "the_longest_name_that_a_project_can_have"
ENGINES = {
    "glue": {"glue_location": "s3://flowers/iris"},
    "great-expectations": {},
    "soda": {},
}
# What the data and the owner are named, and how a workflow reads a variable.
KEPT = {"{{ price }}", "{{ x }}", "{{ vars.MLOPS_PACKAGE }}"}
TEXT = {".py", ".toml", ".yaml", ".yml", ".md", ".dqdl", ".lock", ".json", "", ".j2"}


def awkward(path, rows=160):
    """A regression table whose columns are named as people name them."""
    chance = random.Random(7)
    columns = {
        "select": [chance.gauss(0, 1) for _ in range(rows)],
        "order by": [chance.randint(0, 9) for _ in range(rows)],
        "Größe in m²": [round(chance.uniform(1, 9), 3) for _ in range(rows)],
        "it's ours": [chance.choice(["a b", "ç", "d;e"]) for _ in range(rows)],
        "class": [chance.choice(["true", "false"]) for _ in range(rows)],
        "no": [chance.choice(["", "1.5", "2.5"]) for _ in range(rows)],
        "100%": [chance.choice(["low", "", "high"]) for _ in range(rows)],
        "yes: {really} #1": [chance.gauss(5, 2) for _ in range(rows)],
        "{{ price }}": [chance.randint(1, 900) / 8 for _ in range(rows)],
    }
    target = [3 * value + chance.gauss(0, 0.1) for value in columns["select"]]
    named = {**columns, "Preis [€]": target}
    lines = [
        ",".join(named),
        *(",".join(map(str, row)) for row in zip(*named.values(), strict=True)),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(autouse=True)
def here():
    """Unlike its neighbours, this file shares the environments of the user's cache folder."""


@pytest.fixture(scope="module")
def projects(tmp_path_factory):
    """Iris, Iris for each engine, and awkward columns in a project with the longest name."""
    folder = tmp_path_factory.mktemp("generated")
    awkward(folder / "table.csv")
    told = {"file": None, "settings": (), "git": False, "ask": None, "progress": Silent()}
    wanted = prepare(
        LONGEST,
        data=str(folder / "table.csv"),
        target="Preis [€]",
        task=None,
        owner="L'équipe {{ x }} #1",
        description="What a flat costs: 100 % of it",
        **told,
    )
    made = {
        "iris": create(
            "iris", template="tabular", into=folder, answers=Answers(git=False), progress=Silent()
        ),
        "awkward": create(
            LONGEST, template="tabular", into=folder, answers=wanted, progress=Silent()
        ),
    }
    for engine, more in ENGINES.items():
        answers = Answers(values={"quality": engine, **more}, git=False)
        made[engine] = create(
            f"iris_{engine[:4]}",
            template="tabular",
            into=folder,
            answers=answers,
            progress=Silent(),
        )
    return {kind: new.path for kind, new in made.items()}


@pytest.fixture(scope="module", params=["iris", "awkward", "glue"])
def project(request, projects):
    return projects[request.param]


@pytest.mark.long
@pytest.mark.parametrize("engine", ENGINES)
def test_the_dags_import_with_every_engine(projects, engine):
    for environment in ("local", engine):
        report = validate(projects[engine], environment=environment, progress=Silent())
        assert [one for one in report.diagnostics if one.severity != "note"] == []


def recipes(project, target):
    """The commands of a target of the project's own Makefile, those it depends on first."""
    text = (project / "Makefile").read_text()
    found = re.search(rf"^{target}:([^#\n]*).*\n((?:\t.*\n)*)", text, re.MULTILINE)
    assert found, target
    before = [line for name in found[1].split() for line in recipes(project, name)]
    return before + [line.strip() for line in found[2].splitlines()]


def run(project, command):
    """A command of the Makefile, in the environment `make setup` would build."""
    python = project_interpreter(project, progress=Silent())
    words = command.replace(".venv/bin/", f"{python.parent}/").split()
    done = subprocess.run(
        words,
        cwd=project,
        env=child_environment(),
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    assert "warning" not in done.stdout.lower(), done.stdout


@pytest.mark.parametrize(
    "kind",
    ["iris", *(pytest.param(name, marks=pytest.mark.long) for name in ("awkward", "glue"))],
)
def test_the_project_passes_its_own_make_check(projects, kind):
    project = projects[kind]
    commands = recipes(project, "check")
    assert [command.split()[0].rpartition("/")[2] for command in commands] == [
        "ruff",
        "ruff",
        "mypy",
        "python",
    ]
    # With another engine for the gates a project has the very same tests.
    for command in commands[:-1] if kind == "glue" else commands:
        run(project, command)


def test_formatting_and_sorting_change_nothing(project):
    before = tree(project)
    run(project, ".venv/bin/ruff check --quiet --fix --no-cache .")
    run(project, ".venv/bin/ruff format --quiet --no-cache .")
    assert tree(project) == before


def test_no_file_shows_that_a_template_made_it(project):
    for name, content in tree(project).items():
        ours = not name.startswith((".mlops/", "data/")) and Path(name).suffix in TEXT
        if "_mlops/" in name or "cache" in name or not ours:
            continue
        text = content.decode()
        assert text.endswith("\n"), name
        assert not text.endswith("\n\n"), name
        assert not text.startswith("\n"), name
        assert not re.search(r"[ \t]+$", text, re.MULTILINE), name
        blank = "\n\n\n\n" if name.endswith(".py") else "\n\n\n"
        assert blank not in text, name
        assert not re.search(r"jinja2?\b(?!>=|==| import|2>)|cookiecutter", text) or "lock" in name
        if name.endswith(".j2") or "/platforms/" in name:  # where Airflow's own templates are made
            continue
        assert set(re.findall(r"\{\{.*?\}\}|\{%.*?%\}", text)) <= KEPT, name


TIMED_OUT = """
import sys, time
from airflow.sdk.exceptions import AirflowTaskTimeout
from airflow.sdk.execution_time.timeout import timeout
from iris.platforms.local import StepOperator
task, began = StepOperator(task_id="slow", step="fit"), time.monotonic()
try:
    with timeout(1):
        task._run([sys.executable, "-c", "import time; time.sleep(60)"])
except AirflowTaskTimeout:
    task.on_kill()  # as Airflow does
    print("ended", time.monotonic() - began < 20)
"""


def test_a_task_whose_time_is_up_ends_its_step(projects, tmp_path):
    done = subprocess.run(
        [airflow_interpreter(DEFAULT_AIRFLOW, progress=Silent()), "-c", TIMED_OUT],
        cwd=projects["iris"],
        env=child_environment({"AIRFLOW_HOME": str(tmp_path)}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout.endswith("ended True\n"), done.stderr


def test_ci_runs_only_what_the_repository_has_the_data_for(projects):
    for name in (".github/workflows/ci.yml", ".gitlab-ci.yml"):
        assert "mlops test\n" in (projects["iris"] / name).read_text()
        assert "mlops test --no-pipeline\n" in (projects["awkward"] / name).read_text()


def test_the_ruleset_is_the_only_place_that_repeats_a_column(project):
    code = {name: text for name, text in tree(project).items() if name.endswith(".py")}
    for column in (b"petal_length", "Größe".encode()):
        assert [name for name, text in code.items() if column in text] == []
