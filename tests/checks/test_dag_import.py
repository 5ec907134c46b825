"""What only Airflow can tell: DAG files imported in its own interpreter, the bad ones survived."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from mlops_cli.checks import importing, validate
from mlops_cli.core.diagnostics import Severity
from mlops_cli.core.progress import Silent
from mlops_cli.environments.interpreters import airflow_interpreter

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

DAG = Path("dags/training.py")
# A pipeline of its own, which only ever has one thing wrong.
OTHER = '''"""One more."""

{top}
from airflow.sdk import BaseOperator, dag


class Work(BaseOperator):
    """Does nothing."""

    template_fields = ("text",)

    def __init__(self, *, text="", warehouse_conn_id=None, **kwargs):
        super().__init__(**kwargs)
        self.text = text
        self.warehouse_conn_id = warehouse_conn_id

    def execute(self, context):
        """Do nothing."""


@dag(dag_id={dag_id}, schedule=None, default_args={{{arguments}}})
def other():
    """One task."""
    {body}


other()
'''
GOOD = {
    "top": "",
    "dag_id": '"iris_other"',
    "arguments": '"owner": "me", "retries": 1',
    "body": 'Work(task_id="work")',
}


@pytest.fixture(scope="module", autouse=True)
def airflow():
    """Built before any test's clock runs."""
    return airflow_interpreter("3.3", progress=Silent())


def write(project, name="other", **changes):
    (project / f"dags/{name}.py").write_text(OTHER.format(**(GOOD | changes)))


def found(report):
    """What there is, less that the extra file is no pipeline of the project."""
    return [item for item in report.diagnostics if "not one of the project's" not in item.summary]


def test_the_generated_project_passes_everything(everything):
    report = everything(strict=True)
    assert report.diagnostics == ()
    assert report.skipped == ()
    assert report.exit_code == 0
    assert {"MLP350", "MLP364", "MLP701"} <= set(report.checks_run)


def test_dags_are_imported_under_the_airflow_they_go_to(project, everything):
    """What only the newer one has is an error for the older one."""
    write(project, top="from airflow.sdk import ExceptionRetryPolicy  # noqa: F401")
    assert not [item for item in found(everything()) if item.code == "MLP351"]
    manifest = project / "mlops.yaml"
    manifest.write_text(manifest.read_text().replace('airflow: "3.3"', 'airflow: "3.2"'))
    (problem,) = [item for item in found(everything()) if item.code == "MLP351"]
    assert "ExceptionRetryPolicy" in problem.summary
    assert problem.at.path == Path("dags/other.py")


def test_an_import_is_remembered_until_something_released_changes(project, everything, monkeypatch):
    everything()
    ran = []
    real = importing._import
    monkeypatch.setattr(importing, "_import", lambda *given: (ran.append(1), real(*given))[1])
    (project / "README.md").write_text("changed\n")
    assert not everything().cached
    assert ran == []
    path = project / "iris/training/fit.py"
    path.write_text(path.read_text() + "\n# changed\n")
    everything()
    assert ran == [1]


# Wrong, the code it must give, what the summary says, where.
BROKEN = [
    ("missing package", {"top": "import nope"}, "MLP351", "No module named 'nope'", 3),
    ("error", {"body": "1 / 0"}, "MLP351", "ZeroDivisionError", 24),
    ("bad argument", {"body": 'Work(task_id="work", nope=1)'}, "MLP351", "nope", 13),
    ("exit", {"top": "import sys\nsys.exit(3)"}, "MLP353", "sys.exit", 4),
    ("hard exit", {"top": "import os\nos._exit(3)"}, "MLP353", "exit code 3", None),
    (
        "segfault",
        {"top": "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"},
        "MLP353",
        "SIGKILL",
        None,
    ),
    ("memory", {"top": "held = bytearray(8 * 1024**3)"}, "MLP353", "GiB of memory", 3),
    ("cycle", {"body": 'a, b = Work(task_id="a"), Work(task_id="b")\n    a >> b >> a'}, "MLP357",
     "Cycle", None),
    ("owner", {"arguments": '"retries": 1'}, "MLP358", "no owner for `work`", None),
    ("retries", {"arguments": '"owner": "me"'}, "MLP359", "no retries for `work`", None),
    ("slow", {"top": "import time\ntime.sleep(3.5)"}, "MLP360", "The import took", None),
    ("connection", {"body": 'Work(task_id="work", warehouse_conn_id="lake")'}, "MLP361", "`lake`",
     None),
    ("connection in a template", {"body": 'Work(task_id="work", text="{{ conn.lake.host }}")'},
     "MLP361", "`lake`", None),
    ("variable in a template", {"body": 'Work(task_id="work", text="{{ var.value.team }}")'},
     "MLP362", "`team`", None),
    ("template", {"body": 'Work(task_id="work", text="{{ ds ")'}, "MLP363", "not valid Jinja",
     None),
    ("fork", {"top": "import os\nif os.fork() == 0:\n    os._exit(0)"}, "MLP364", "forks", 4),
    ("process", {"top": 'import subprocess\nsubprocess.run(["true"])'}, "MLP364", "starts", 4),
    ("network", {"top": "import socket\ntry:\n    socket.create_connection(('127.0.0.1', 9))\n"
                        "except OSError:\n    pass"}, "MLP364", "connects to", 5),
]  # fmt: skip
WARNINGS = {"MLP358", "MLP359", "MLP360", "MLP362"}


def test_each_thing_broken_gives_one_finding_and_others_are_still_checked(project):
    for number, (_, changes, *_rest) in enumerate(BROKEN):
        write(project, f"other{number:02}", **{"dag_id": f'"iris_other{number}"'} | changes)
    report = _import_only(project)
    by_file = {}
    for item in found(report):
        by_file.setdefault(str(item.at.path), []).append(item)
    for number, (name, _, code, says, line) in enumerate(BROKEN):
        items = by_file.pop(f"dags/other{number:02}.py", [])
        assert [item.code for item in items] == [code], (name, items)
        assert says in items[0].summary, name
        if line:
            assert items[0].at.line == line, (name, items[0])
        expected = Severity.WARNING if code in WARNINGS or name in {"process", "network"} else None
        assert items[0].severity is (expected or Severity.ERROR), name
    assert by_file == {}
    assert report.exit_code == 1


def _import_only(project):
    return validate(project, select=["MLP35", "MLP36"], progress=Silent())


def test_a_missing_package_comes_with_the_way_out(project):
    write(project, top="import nope.deep")
    (item,) = found(_import_only(project))
    assert "add `nope` to requirements" in item.hint
    assert str(item.at) == "dags/other.py:3"


def test_a_hanging_import_is_killed_and_others_are_still_checked(project, monkeypatch):
    monkeypatch.setattr(importing, "IMPORT_SECONDS", 3)
    write(project, "late", top="import time\ntime.sleep(300)")
    write(
        project,
        "stubborn",
        dag_id='"iris_stubborn"',
        top="import os, subprocess, time\n"
        "child = subprocess.Popen(['sleep', '987'])\n"
        "while True:\n"
        "    try:\n"
        "        time.sleep(300)\n"
        "    except BaseException:\n"
        "        pass",
    )
    began = time.monotonic()
    report = _import_only(project)
    assert time.monotonic() - began < 60
    late = [item for item in found(report) if item.code == "MLP352"]
    assert [str(item.at) for item in late] == ["dags/late.py:4", "dags/stubborn.py"]
    assert "Top-level code took >" in late[0].summary
    assert not any("987" in text for text in _commands())
    assert not any("training" in str(item.at) for item in report.diagnostics)


def _commands():
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text.startswith("sleep "):
            yield text


def test_two_files_with_one_dag_id_are_both_named(project):
    write(project, "one")
    write(project, "two")
    (item,) = found(_import_only(project))
    assert item.code == "MLP355"
    assert "`dags/one.py` and `dags/two.py`" in item.summary


def test_a_pipeline_with_another_id_is_refused(project):
    path = project / DAG
    path.write_text(path.read_text().replace('dag_id=SETTINGS.dag_ids["training"]', 'dag_id="x"'))
    (item,) = found(_import_only(project))
    assert (item.code, item.at.path) == ("MLP356", DAG)
    assert "`iris_training`" in item.summary


def test_a_file_that_no_release_loads_is_a_warning(project):
    write(project)
    (item,) = _import_only(project).diagnostics
    assert (item.code, item.severity) == ("MLP356", Severity.WARNING)


def test_a_file_without_a_dag_is_an_error(project):
    path = project / DAG
    path.write_text(path.read_text().replace("\ntraining()\n", "\nif False:\n    training()\n"))
    (item,) = found(_import_only(project))
    assert item.code == "MLP354"


def test_an_import_cannot_write_into_the_project(project):
    target = project / "written.txt"
    write(project, top=f"from pathlib import Path\nPath({str(target)!r}).write_text('x')")
    report = _import_only(project)
    assert not target.exists()
    assert {item.code for item in found(report)} == {"MLP351", "MLP364"}


def test_home_and_working_folder_are_temporary(project):
    write(project, top="from pathlib import Path\nPath('here').write_text('x')\n"
                       "(Path.home() / 'there').write_text('x')")  # fmt: skip
    before = sorted(project.rglob("*"))
    _import_only(project)
    assert sorted(project.rglob("*")) == before
    assert not (Path.home() / "there").exists()


def test_what_must_not_be_released_is_said_before_the_import(project):
    (project / "iris/link.py").symlink_to("/etc/hostname")
    report = _import_only(project)
    assert {item.code for item in report.diagnostics} == {"MLP350"}
    assert "MLP351" in {item.code for item in report.skipped}
