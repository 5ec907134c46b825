"""The pointer: the one small file that makes a release live, and loads it inside Airflow."""

from __future__ import annotations

import re
from string import Template
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

RELEASES: Final = "_releases"
HISTORY: Final = "_history"
IGNORE: Final = ".airflowignore"
# Airflow must not parse the files of releases by themselves: the pointer loads the right ones.
IGNORED: Final = f"{RELEASES}/\n{HISTORY}/\n"

_NAMES = re.compile(r'^CURRENT, PREVIOUS = "([^"]*)", (?:"([^"]*)"|None)$', re.M)

_TEXT = Template('''\
"""Loads the pipelines of `$project` into Airflow: the newest release that is here in full.

`mlops deploy` writes this file; it is the only one that changes. A DAG's own source is in the
release, under `$releases/<release>/dags/`. `mlops rollback` makes the previous one current.
"""

import importlib.util
import json
import sys
from pathlib import Path

from airflow.sdk import DAG
from airflow.sdk.definitions._internal.contextmanager import DagContext

CURRENT, PREVIOUS = "$current", $previous

PACKAGE = "$package"
HERE = Path(__file__).resolve().parent / "$releases"


def complete(release):
    """All files are here: while a release is still being copied, the previous one stays live."""
    try:
        manifest = json.loads((HERE / release / "MANIFEST.json").read_text(encoding="utf-8"))
        for name, (size, _) in manifest["files"].items():
            if (HERE / release / name).stat().st_size != size:
                return None
    except (OSError, ValueError):
        return None
    return manifest


def load(root, manifest):
    """Import the release's DAG files; each DAG says by its tag which release it is from."""
    # Another release of this project may have been imported by this process before.
    sys.path[:] = [str(root), *(entry for entry in sys.path if Path(entry).parent != HERE)]
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        if not str(getattr(sys.modules[name], "__file__", None) or "").startswith(str(root)):
            del sys.modules[name]
    importlib.invalidate_caches()
    for name in sorted({dag["file"] for dag in manifest["dags"]}):
        path = root / name
        spec = importlib.util.spec_from_file_location(f"{PACKAGE}_dags_{path.stem}", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        yield from (value for value in vars(module).values() if isinstance(value, DAG))
    # A DAG that nothing in its module names, such as the result of a bare `training()`.
    yield from (dag for dag, _ in DagContext.autoregistered_dags)


def show_source(sources):
    """Have the web interface show a DAG's own file instead of this one, as a cluster policy."""
    try:
        from airflow.policies import hookimpl
        from airflow.settings import get_policy_plugin_manager
    except ImportError:  # a nicety; everything works without it
        return

    class ShowSource:
        @hookimpl
        def dag_policy(self, dag):
            if dag.fileloc == __file__:
                dag.fileloc = sources.get(dag.dag_id, __file__)

    policies = get_policy_plugin_manager()
    policies.unregister(name=__file__)
    policies.register(ShowSource(), name=__file__)


for candidate in filter(None, (CURRENT, PREVIOUS)):
    found = complete(candidate)
    if found is not None:
        for dag in list(load(HERE / candidate, found)):
            dag.tags.add(f"release:{candidate}")
            # Airflow may show new tags long before it replaces the tasks; this, only with them.
            dag.default_args = {**dag.default_args, "mlops_release": candidate}
            globals()[dag.dag_id] = dag
        show_source({dag["dag_id"]: str(HERE / candidate / dag["file"]) for dag in found["dags"]})
        break
else:
    raise ImportError(f"no release of $project is complete here: {CURRENT}, {PREVIOUS}")
''')


def pointer_key(project: str) -> str:
    """What the pointer is called; it is the entry DAG file."""
    return f"{project}.py"


def pointer(
    project: str,
    package: str,
    current: str,
    previous: str | None = None,
    *,
    lengths: Collection[int] = (),
) -> bytes:
    """The pointer's text.

    Args:
        project: The project's name.
        package: Its Python package.
        current: The release to use.
        previous: The release to use where `current` is not complete yet.
        lengths: Sizes of the last pointers. This one gets another: a node that syncs by size and
            time alone must notice the change.
    """
    text = _TEXT.substitute(
        project=project,
        package=package,
        current=current,
        previous=f'"{previous}"' if previous else "None",
        releases=RELEASES,
    )
    padding = 0
    while len(text) + padding in lengths:
        padding += 2
    return (text + ("#" * (padding - 1) + "\n" if padding else "")).encode()


def names(text: bytes) -> tuple[str, str | None] | None:
    """The current and previous release a pointer names; None when it is not one of ours."""
    match = _NAMES.search(text.decode("utf-8", errors="replace"))
    return (match[1], match[2]) if match else None
