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
_SIZES = re.compile(r"^# Sizes before:((?: \d+)*)$", re.M)
_REMEMBERED: Final = 5
"""How many pointers back a node may be."""

_TEXT = Template('''\
"""Loads the pipelines of `$project` into Airflow: the newest release that is here in full.

`mlops deploy` writes this file; it is the only one that changes. A DAG's own source is in the
release, in `$releases/<release>/`. `mlops rollback` makes the previous one current.
"""

import hashlib
import importlib.util
import json
import logging
import os
import secrets
import shutil
import stat
import sys
import tempfile
import time
import zipfile
from contextlib import suppress
from pathlib import Path

from airflow.sdk import DAG
from airflow.sdk.definitions._internal.contextmanager import DagContext

CURRENT, PREVIOUS = "$current", $previous

PROJECT, PACKAGE = "$project", "$package"
HERE = Path(__file__).resolve().parent / "$releases"
MARK = hashlib.sha256(str(HERE).encode()).hexdigest()[:8]
UNPACKED = Path(tempfile.gettempdir()) / f"mlops-{os.getuid()}" / f"{PROJECT}-{MARK}"
HOUR = 3600
TROUBLES = []


def complete(release):
    """Where a release is in full, and its manifest; None while it is still being copied."""
    try:
        manifest = json.loads((HERE / release / "MANIFEST.json").read_text(encoding="utf-8"))
        if "archive" not in manifest:
            root = HERE / release
            return None if any(missing(root, manifest)) else (root, manifest)
        own(UNPACKED.parent)
        root = UNPACKED / f"{release}-{manifest['archive'][2][:12]}"
        if left := list(missing(root, manifest)):
            unpack(HERE / release, manifest["archive"], root, left)
        return root, manifest
    except FileNotFoundError:
        return None
    except (OSError, ValueError, LookupError, zipfile.BadZipFile) as error:
        if isinstance(error, OSError):  # anything else may be half a copy
            TROUBLES.append(f"{release}: {error}")
        logging.getLogger(__name__).warning("release %s cannot be used here: %s", release, error)
        return None


def missing(root, manifest):
    """The files that are not there in their size."""
    for name, (size, _) in manifest["files"].items():
        try:
            if os.stat(f"{root}/{name}").st_size == size:
                continue
        except OSError:
            pass
        yield name


def unpack(source, archive, root, names):
    """Write files of an archive where Python finds them, once for all processes of this node.

    Each is written in full and then renamed: others may be at it too, or be killed half way.
    """
    name, size, sha256 = archive
    if (source / name).stat().st_size != size:
        raise FileNotFoundError(name)
    digest = hashlib.sha256()
    with (source / name).open("rb") as file:
        while chunk := file.read(1024 * 1024):
            digest.update(chunk)
        if digest.hexdigest() != sha256:
            raise ValueError(f"{name} is damaged")
        with zipfile.ZipFile(file) as opened:
            for path in names:
                target = root / path
                target.parent.mkdir(parents=True, exist_ok=True)
                part = target.with_name(f".{secrets.token_hex(4)}.part")
                try:
                    part.write_bytes(opened.read(path))
                    part.replace(target)
                finally:
                    part.unlink(missing_ok=True)


def own(folder):
    """Nobody but this user may write where code is loaded from."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
        raise PermissionError(f"somebody else may write to {folder}")


def clean(root):
    """Remove what was unpacked of releases that are gone from here, a day after their last use."""
    if root.parent != UNPACKED:
        return
    now = time.time()
    with suppress(OSError):  # another process may be at it, too
        if now - root.stat().st_mtime > HOUR:
            os.utime(root)
        for old in UNPACKED.iterdir():
            release = HERE / old.name.rpartition("-")[0]
            if not release.exists() and now - old.stat().st_mtime > 24 * HOUR:
                shutil.rmtree(old, ignore_errors=True)


def load(root, manifest):
    """Import the release's DAG files; each DAG says by its tag which release it is from."""
    # Another release of this project may have been imported by this process before.
    ours = (HERE, UNPACKED)
    sys.path[:] = [str(root), *(entry for entry in sys.path if Path(entry).parent not in ours)]
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        if not str(getattr(sys.modules[name], "__file__", None) or "").startswith(f"{root}/"):
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
        root, manifest = found
        for dag in list(load(root, manifest)):
            dag.tags.add(f"release:{candidate}")
            # Airflow may show new tags long before it replaces the tasks; this, only with them.
            dag.default_args = {**dag.default_args, "mlops_release": candidate}
            globals()[dag.dag_id] = dag
        show_source({dag["dag_id"]: str(root / dag["file"]) for dag in manifest["dags"]})
        clean(root)
        break
else:
    if TROUBLES:
        raise ImportError(f"no release of {PROJECT} can be used here: {'; '.join(TROUBLES)}")
    raise ImportError(f"no release of {PROJECT} is complete here: {CURRENT}, {PREVIOUS}")
# Sizes before:$sizes
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
        lengths: Sizes of the last pointers, the newest last. This one gets another: a node that
            syncs by size and time alone must notice the change.
    """
    before = list(lengths)[-_REMEMBERED:]
    text = _TEXT.substitute(
        project=project,
        package=package,
        current=current,
        previous=f'"{previous}"' if previous else "None",
        releases=RELEASES,
        sizes="".join(f" {size}" for size in before),
    )
    padding = 0
    while len(text) + padding in before:
        padding += 2
    return (text + ("#" * (padding - 1) + "\n" if padding else "")).encode()


def names(text: bytes) -> tuple[str, str | None] | None:
    """The current and previous release a pointer names; None when it is not one of ours."""
    match = _NAMES.search(text.decode("utf-8", errors="replace"))
    return (match[1], match[2]) if match else None


def sizes(text: bytes) -> tuple[int, ...] | None:
    """The sizes of the pointers before this one; None where an older tool did not note them."""
    match = _SIZES.search(text.decode("utf-8", errors="replace"))
    return tuple(int(size) for size in match[1].split()) if match else None
