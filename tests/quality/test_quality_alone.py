"""The room works when it is copied alone into another project."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import mlops_cli.quality

# Imported where they are needed, and never missed where they are not.
OPTIONAL = ("duckdb", "sqlglot", "fsspec", "boto3", "botocore", "pyarrow")
ROOM = Path(mlops_cli.quality.__file__).parent


def python(code: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_copied_alone_it_imports_and_checks(tmp_path):
    shutil.copytree(ROOM, tmp_path / "churn" / "_mlops" / "dqdl")
    for package in (tmp_path / "churn", tmp_path / "churn" / "_mlops"):
        (package / "__init__.py").write_text("")
    data = tmp_path / "data.csv"
    data.write_text("a,b\n1,x\n2,y\n")
    code = """
import json, sys
sys.path.insert(0, sys.argv[1])
from churn._mlops import dqdl
early = sorted(name for name in sys.modules if name.split(".")[0] in ("duckdb", "mlops_cli"))
report = dqdl.check('Rules = [ IsUnique "a", ColumnValues "b" in ["x", "y"] ]', sys.argv[2])
print(json.dumps([early, report.passed, "mlops_cli" in sys.modules]))
"""
    assert json.loads(python(code, str(tmp_path), str(data))) == [[], True, False]


def test_it_imports_only_itself_and_the_standard_library():
    for path in ROOM.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                deepest = len(path.relative_to(ROOM).parts)
                names = [] if 1 <= node.level <= deepest else [node.module or "beyond"]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            else:
                continue
            for name in names:
                top = name.split(".")[0]
                assert top in sys.stdlib_module_names or top in OPTIONAL, f"{path.name}: {name}"


def test_importing_it_is_cheap():
    code = """
import sys, time
sys.path.insert(0, sys.argv[1])
import dataclasses, typing, pathlib, datetime, tempfile, decimal, json, urllib.parse, contextlib
start = time.perf_counter()
import quality
print(time.perf_counter() - start)
"""
    best = min(float(python(code, str(ROOM.parent))) for _ in range(5))
    assert best < 0.15  # about 0.03 on an idle machine
