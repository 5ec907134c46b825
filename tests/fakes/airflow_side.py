"""What an Airflow does with a DAGs folder: load the pointers, and show what they load."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .airflow_server import Dag, FakeAirflow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_STUB = Path(__file__).parent / "airflow_stub"
_LOAD = """
import importlib.util, json, sys
for pointer in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("pointer_" + str(abs(hash(pointer))), pointer)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for dag in [value for value in vars(module).values() if type(value).__name__ == "DAG"]:
        tags = sorted(dag.tags)
        print(json.dumps({"dag_id": dag.dag_id, "tags": tags, "word": getattr(dag, "word", None)}))
"""


_OBSERVE = """
import importlib.util, json, os, sys, traceback
import airflow.sdk

def look(pointer):
    spec = importlib.util.spec_from_file_location("pointer", pointer)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    dags = [value for value in vars(module).values() if type(value).__name__ == "DAG"]
    return sorted({getattr(dag, "word", None) for dag in dags})

package, path = os.path.basename(sys.argv[1])[:-3], list(sys.path)
while os.getppid() == int(sys.argv[2]):
    try:
        told = {"words": look(sys.argv[1])}
    except BaseException:
        told = {"trace": traceback.format_exc()}
    os.write(1, (json.dumps(told) + "\\n").encode())
    # As if it were a process of its own, which would cost fifty times as much.
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]
    sys.path[:] = path
    sys.path_importer_cache.clear()
"""


@dataclass(frozen=True)
class Loaded:
    """What one process got from some pointers."""

    dags: dict[str, dict[str, Any]]
    trace: str


def load(*pointers: Path) -> Loaded:
    """Import pointers in a fresh process, with a stub of Airflow."""
    child = subprocess.run(
        [sys.executable, "-c", _LOAD, *map(str, pointers)],
        env={**os.environ, "PYTHONPATH": str(_STUB)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    found = [json.loads(line) for line in child.stdout.splitlines()]
    return Loaded({dag["dag_id"]: dag for dag in found}, child.stderr)


@contextmanager
def observing(pointer: Path) -> Iterator[list[dict[str, Any]]]:
    """Import a pointer over and over, each time with none of its modules; what each one got."""
    child = subprocess.Popen(
        [sys.executable, "-c", _OBSERVE, str(pointer), str(os.getpid())],
        env={**os.environ, "PYTHONPATH": str(_STUB)},
        stdout=subprocess.PIPE,
        text=True,
    )
    seen: list[dict[str, Any]] = []
    assert child.stdout is not None
    lines = iter(child.stdout.readline, "")
    thread = threading.Thread(target=lambda: seen.extend(map(json.loads, lines)), daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        child.kill()
        child.wait()
        thread.join(10)


@contextmanager
def parsing(
    fake: FakeAirflow, dags: Path, version: Callable[[], str | None] = lambda: None
) -> Iterator[None]:
    """Keep the fake's DAGs as the DAG processor would, parsing each pointer that changes.

    `version` is what is checked out there, where that is a repository.
    """
    stop = threading.Event()
    known: dict[Path, tuple[bytes, str | None]] = {}

    def watch() -> None:
        while not stop.wait(0.02):
            for pointer in dags.glob("*/*.py"):
                text, at = pointer.read_bytes(), version()
                if known.get(pointer) != (text, at) and not getattr(fake, "frozen", False):
                    whole = _parse(fake, pointer, dags, version)
                    # Airflow parses a file every so often: also one whose release came later.
                    known[pointer] = (text if whole else b"", at)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


def _parse(fake: FakeAirflow, pointer: Path, dags: Path, version: Callable[[], str | None]) -> bool:
    """Whether it loaded the release that the pointer names first."""
    commit = version()
    text = pointer.read_text()
    file = pointer.relative_to(dags).as_posix()
    loaded = load(pointer)
    with fake.lock:
        fake.import_errors[:] = [e for e in fake.import_errors if e["filename"] != file]
        if loaded.trace:
            error = {"filename": file, "bundle_name": "dags-folder", "stack_trace": loaded.trace}
            fake.import_errors.append(error)
        for dag_id, dag in loaded.dags.items():
            there = fake.dags.get(dag_id) or fake.add(Dag(dag_id, relative_fileloc=file))
            there.tags = set(dag["tags"])
            there.bundle_version = commit
    tags = {tag for dag in loaded.dags.values() for tag in dag["tags"]}
    current = [tag for tag in tags if f'CURRENT, PREVIOUS = "{tag.partition(":")[2]}"' in text]
    return bool(current) and not loaded.trace and version() == commit
