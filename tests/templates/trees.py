"""A folder as a value, to tell whether anything in it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def tree(root: Path, *, without: tuple[str, ...] = (".git",)) -> dict[str, bytes]:
    """Relative path to content, of every file."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and not set(without) & set(path.relative_to(root).parts)
    }
