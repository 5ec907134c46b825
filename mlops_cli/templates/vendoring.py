"""Copies the DQDL engine and the step runner into a project, and tells when they were changed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlops_cli import __version__

FOLDER: Final = "_mlops"
STAMP: Final = "STAMP.json"
ROOMS: Final = ("quality", "runtime")
_LEFT_OUT: Final = ("exporters", "__pycache__")
_INIT: Final = '"""The data-quality engine and the step runner; see `STAMP.json`, do not edit."""\n'


@dataclass(frozen=True, slots=True)
class Stamp:
    """What was copied, from which version."""

    mlops: str
    digest: str
    """SHA-256 over all paths and digests below."""
    files: dict[str, str]
    """Path in `_mlops/` to the SHA-256 of its content."""


def vendor(package: Path) -> Stamp:
    """Write `_mlops/` into a project's package.

    Args:
        package: The package's folder; an older copy in it is not removed.

    Raises:
        OSError: A file could not be written.
    """
    folder = package / FOLDER
    contents = current()
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    stamp = _stamp(__version__, {name: _sha256(content) for name, content in contents.items()})
    body = {"mlops": stamp.mlops, "digest": stamp.digest, "files": stamp.files}
    (folder / STAMP).write_text(json.dumps(body, indent=2) + "\n", encoding="utf-8")
    return stamp


def current() -> dict[str, bytes]:
    """What this version of the tool copies: path in `_mlops/` to content."""
    source = Path(__file__).resolve().parents[1]
    files = (path for room in ROOMS for path in sorted((source / room).rglob("*.py")))
    contents = {path.relative_to(source).as_posix(): path for path in files}
    return {"__init__.py": _INIT.encode()} | {
        name: path.read_bytes()
        for name, path in contents.items()
        if not set(_LEFT_OUT) & set(path.parts)
    }


def find(root: Path) -> Path | None:
    """A project's `_mlops` folder, or None when it has no stamped one."""
    return next((path.parent for path in sorted(root.glob(f"*/{FOLDER}/{STAMP}"))), None)


def read(folder: Path) -> Stamp:
    """The stamp in a project's `_mlops` folder.

    Raises:
        OSError: There is none.
        ValueError: It is not what `vendor` wrote.
    """
    body = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    if not isinstance(body, dict) or not isinstance(body.get("files"), dict):
        raise ValueError(f"{STAMP} holds no list of files")
    return Stamp(str(body.get("mlops")), str(body.get("digest")), dict(body["files"]))


def verify(root: Path) -> tuple[Path, ...]:
    """The vendored files of a project that were changed, removed or added, relative to `root`.

    The stamp itself is one of them when it is missing, unreadable or not consistent.
    """
    folder = find(root)
    if folder is None:
        return (Path(FOLDER) / STAMP,)
    try:
        stamp = read(folder)
    except (OSError, ValueError):
        return ((folder / STAMP).relative_to(root),)
    there = {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != STAMP
    }
    drifted = {
        name
        for name in stamp.files.keys() | there.keys()
        if name not in there or stamp.files.get(name) != _sha256(there[name].read_bytes())
    }
    if _stamp(stamp.mlops, stamp.files).digest != stamp.digest:
        drifted.add(STAMP)
    return tuple((folder / name).relative_to(root) for name in sorted(drifted))


def _stamp(version: str, files: dict[str, str]) -> Stamp:
    lines = "".join(f"{name} {files[name]}\n" for name in sorted(files))
    return Stamp(version, _sha256(lines.encode()), dict(sorted(files.items())))


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
