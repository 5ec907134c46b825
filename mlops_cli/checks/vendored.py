"""MLP6xx: the vendored runtime is what this tool put there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .base import Finding, check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .subject import Subject


@check("MLP601", requires=("MLP101",))
def vendored_code_is_untouched(subject: Subject) -> Iterator[Finding]:
    """The files in `_mlops/` are as they were written.

    Why: the gates that stop bad data live there. A change made by hand is lost when
    newer ones replace them, and nobody reviewing the project expects one.

    Fix: `git checkout -- PACKAGE/_mlops`; put your own code beside it, in the package.
    """
    from mlops_cli.templates.vendoring import verify

    for drifted in verify(subject.root):
        path = Path(drifted)
        if path.is_absolute():
            path = path.relative_to(subject.root)
        yield Finding(
            f"`{path}` is not the file this tool wrote", path, hint=f"`git checkout -- {path}`"
        )
