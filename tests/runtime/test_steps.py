"""A step gets its inputs from the command line or from a file, however long they are."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mlops_cli.core.processes import child_environment
from mlops_cli.core.progress import Silent
from mlops_cli.environments.interpreters import DEFAULT_AIRFLOW, airflow_interpreter
from mlops_cli.runtime.steps import DONE, main
from mlops_cli.templates import Answers, create

STEP = """
from __future__ import annotations

def echo(run, *, input: str, number: int = 0, asked: list[dict[str, str]] | None = None):
    return [input, number, asked]
"""
SETTINGS = {
    "project": "stepped",
    "package": "stepped",
    "owner": "ada",
    "model": {
        "task": "classification",
        "target": "n",
        "features": {"n": "number"},
        "source": "n.csv",
        "training": {"families": {}},
        "evaluation": {"thresholds": {}},
    },
}


@pytest.fixture
def echo(tmp_path, monkeypatch):
    """Runs a step that returns its inputs, with these arguments."""
    (tmp_path / "stepped").mkdir()
    (tmp_path / "stepped/__init__.py").write_text("")
    (tmp_path / "stepped/said.py").write_text(STEP)
    (tmp_path / "settings.json").write_text(json.dumps(SETTINGS))
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("stepped", "stepped.said"):
        monkeypatch.delitem(sys.modules, name, raising=False)

    def run(*arguments):
        result = tmp_path / "result.json"
        given = ["echo", f"--run={tmp_path.as_uri()}", f"--result={result}", *arguments]
        assert main("stepped", {"echo": "said"}, given) == DONE
        return json.loads(result.read_text())["value"]

    return run


def in_file(folder, **inputs):
    path = folder / "inputs.json"
    path.write_text(json.dumps(inputs))
    return f"--inputs={path}"


def test_inputs_are_typed_or_come_in_a_file(echo, tmp_path):
    asked = [{"input": "--a\nb", "partition": "ä"}]
    assert echo("--input", "x.csv") == ["x.csv", 0, None]
    assert echo("--input=x.csv", f"--asked={json.dumps(asked)}") == ["x.csv", 0, asked]
    assert echo(in_file(tmp_path, input="--x\n", asked=asked)) == ["--x\n", 0, asked]
    # What a template of Airflow became is text.
    assert echo(in_file(tmp_path, input=1, number="2")) == ["1", 2, None]


def test_what_is_typed_counts_more_than_the_file(echo, tmp_path):
    assert echo(in_file(tmp_path, input="a", number=1), "--number=3") == ["a", 3, None]


@pytest.mark.parametrize("inputs", [{}, {"input": "x", "unknown": 1}])
def test_wrong_inputs_are_named(echo, tmp_path, capsys, inputs):
    with pytest.raises(SystemExit):
        echo(in_file(tmp_path, **inputs))
    assert f"--{'unknown' if inputs else 'input'}" in capsys.readouterr().err


OPERATED = """
import dataclasses, sys
from pathlib import Path
from iris.platforms import local
from iris._mlops.runtime.settings import Paths
from iris._mlops.runtime.steps import Run

def run_of(context):
    runs = Path(sys.argv[2]).as_uri()
    paths = Paths(python=sys.argv[1], runs=runs, tracking_uri="", artifacts="")
    return Run(dataclasses.replace(local.load(local.ROOT), paths=paths), local.ROOT, "r", runs)

local.run_of = run_of
asked = [{"input": f"s3://bucket/{number}.csv"} for number in range(10_000)]
task = local.StepOperator(task_id="echo", step="echo", inputs={"input": "x", "asked": asked})
given, asked_again, mode = task.execute({})
assert (given, asked_again, mode) == ("x", asked, "0o600"), mode
print("the same")
"""
OBSERVED = """
import stat, sys
from pathlib import Path

def echo(run, *, input: str, asked: list):
    [path] = [one.partition("=")[2] for one in sys.argv if one.startswith("--inputs=")]
    return input, asked, oct(stat.S_IMODE(Path(path).stat().st_mode))
"""


@pytest.mark.real
@pytest.mark.timeout(900)
def test_a_task_hands_on_more_than_an_argument_can_hold(tmp_path):
    answers = Answers(git=False)
    root = create("iris", template="tabular", into=tmp_path, answers=answers, progress=Silent())
    (root.path / "iris/observed.py").write_text(OBSERVED)
    main_file = root.path / "iris/__main__.py"
    named = 'STEPS = {\n    "echo": "observed",'
    main_file.write_text(main_file.read_text().replace("STEPS = {", named))
    airflow = airflow_interpreter(DEFAULT_AIRFLOW, progress=Silent())
    done = subprocess.run(
        [airflow, "-c", OPERATED, sys.executable, tmp_path / "runs"],
        cwd=root.path,
        env=child_environment({"AIRFLOW_HOME": str(tmp_path)}),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout.endswith("the same\n"), done.stdout + done.stderr
