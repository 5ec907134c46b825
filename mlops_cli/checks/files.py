"""Which files belong to a project, and the digest that says whether any of them changed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# Made by tools, never part of what is checked or released.
_OTHERS: Final = {
    ".git", ".hg", ".venv", "venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache",
    ".ipynb_checkpoints", ".tox", "node_modules", "mlruns", "dist", "build", ".idea", ".vscode",
}  # fmt: skip
_READ_BYTES: Final = 1024 * 1024


def project_files(root: Path) -> tuple[Path, ...]:
    """Every file of the project, sorted; links are listed, not followed."""
    found: list[Path] = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(
            name for name in folders if name not in _OTHERS and not name.endswith(".egg-info")
        )
        found += [Path(folder, name) for name in sorted(names) if not name.endswith(".pyc")]
    return tuple(found)


def read_text(path: Path) -> str | None:
    """A file as text; None when it is binary, too large to be source, or gone."""
    try:
        if path.stat().st_size > _READ_BYTES:
            return None
        content = path.read_bytes()
    except OSError:
        return None
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def digest(root: Path, files: Iterable[Path], *, extra: Iterable[str] = ()) -> str:
    """A digest of what the files hold and are called; large ones count by size and time."""
    whole = hashlib.sha256()
    for text in extra:
        whole.update(f"{text}\n".encode())
    for path in files:
        whole.update(f"{path.relative_to(root).as_posix()}\0".encode("utf-8", "surrogateescape"))
        try:
            state = path.stat()
            if state.st_size > _READ_BYTES:
                whole.update(f"{state.st_size} {state.st_mtime_ns}".encode())
            else:
                whole.update(hashlib.sha256(path.read_bytes()).digest())
        except OSError as error:
            whole.update(f"{error.errno}".encode())
    return whole.hexdigest()


def tool_digest() -> str:
    """A digest that changes whenever this tool's own code does: its cached answers then end."""
    package = Path(__file__).parents[1]
    whole = hashlib.sha256()
    for path in sorted(package.rglob("*")):
        if path.suffix in {".py", ".txt"}:
            state = path.stat()
            whole.update(f"{path} {state.st_size} {state.st_mtime_ns}\n".encode())
    return whole.hexdigest()
