"""Writes a ruleset in the languages of other tools, and says what of it is lost on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Final

_FOLDER: Final = Path(__file__).parent
_TOOLS: Final = {"great-expectations": "run_great_expectations.py", "soda": "run_soda.py"}


def runner_files(tool: str) -> tuple[Path, ...]:
    """The scripts that run an exported ruleset in the tool's own environment; the first is started.

    Raises:
        KeyError: There is none for that tool.
    """
    return (_FOLDER / _TOOLS[tool], _FOLDER / "tool_result.py")


def lock_file(tool: str) -> Path:
    """The packages of the tool's own environment, each with its version.

    Raises:
        KeyError: There is none for that tool.
    """
    return (
        _FOLDER / "locks" / f"{Path(_TOOLS[tool]).stem.removeprefix('run_').replace('_', '-')}.txt"
    )
