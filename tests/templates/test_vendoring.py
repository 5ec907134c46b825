"""What is copied into a project is ours to the byte, works alone, and every change shows."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_cli.templates import vendoring

PACKAGE = Path("churn")


@pytest.fixture
def project(tmp_path):
    vendoring.vendor(tmp_path / PACKAGE)
    return tmp_path


def test_a_fresh_copy_is_untouched_and_bytecode_does_not_matter(project):
    cached = project / PACKAGE / "_mlops/quality/__pycache__"
    cached.mkdir()
    (cached / "model.cpython-311.pyc").write_bytes(b"x")
    assert vendoring.verify(project) == ()


def test_exporters_and_tests_are_not_copied(project):
    names = {path.name for path in (project / PACKAGE / "_mlops").rglob("*")}
    assert "exporters" not in names
    assert {"quality", "runtime", "STAMP.json"} <= names


@pytest.mark.parametrize("change", ["edited", "removed", "added"])
def test_a_change_is_named(project, change):
    path = project / PACKAGE / "_mlops/quality/engine/run.py"
    if change == "edited":
        path.write_text(path.read_text() + "\n")
    elif change == "removed":
        path.unlink()
    else:
        path = path.with_name("extra.py")
        path.write_text("")
    assert vendoring.verify(project) == (path.relative_to(project),)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": []}', None])
def test_a_broken_stamp_is_named(project, text):
    stamp = project / PACKAGE / "_mlops/STAMP.json"
    if text is None:
        stamp.unlink()
        assert vendoring.verify(project) == (Path("_mlops/STAMP.json"),)
    else:
        stamp.write_text(text)
        assert vendoring.verify(project) == (stamp.relative_to(project),)


def test_a_stamp_edited_together_with_its_file_does_not_agree_with_itself(project):
    stamp = project / PACKAGE / "_mlops/STAMP.json"
    body = json.loads(stamp.read_text())
    del body["files"]["quality/engine/run.py"]
    (project / PACKAGE / "_mlops/quality/engine/run.py").unlink()
    stamp.write_text(json.dumps(body))
    assert vendoring.verify(project) == (stamp.relative_to(project),)


def test_the_copy_imports_without_the_tool(project):
    script = (
        "import sys; sys.path.insert(0, '.')\n"
        "import churn._mlops.quality, churn._mlops.runtime.gate, churn._mlops.runtime.steps\n"
        "assert not [name for name in sys.modules if name.startswith('mlops_cli')]"
    )
    (project / PACKAGE / "__init__.py").write_text("")
    subprocess.run([sys.executable, "-I", "-c", script], cwd=project, check=True, timeout=60)
