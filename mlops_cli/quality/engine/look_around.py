"""Searches with Python's patterns, in a process that is stopped when it takes too long."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Final

from .values import CannotEvaluateError

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS: Final = 5.0
# As in Java, \d, \w, \s and \b know ASCII alone.
_SEARCH: Final = """
import json, re, sys
pattern, texts, filled = json.load(sys.stdin)
try:
    search = re.compile(pattern, re.ASCII).search
except (re.error, OverflowError, RecursionError) as error:
    json.dump({"error": str(error)}, sys.stdout)
else:
    found = [search(text) for text in texts]
    json.dump([one is not None and (not filled or one[0] != "") for one in found], sys.stdout)
"""


def search_each(
    pattern: str, texts: Sequence[str], reason: str, *, filled: bool = False
) -> list[bool]:
    """Search every text.

    Args:
        pattern: The pattern; Python knows look-around, possessive signs and back-references.
        texts: The texts.
        reason: Why DuckDB does not know the pattern.
        filled: An empty finding is none.

    Raises:
        CannotEvaluateError: Python does not know the pattern either, or needs too long.
    """
    import subprocess  # hardly any rule comes here, and a check should start at once

    try:
        child = subprocess.run(
            [sys.executable, "-I", "-S", "-c", _SEARCH],
            input=json.dumps([pattern, list(texts), filled]),
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CannotEvaluateError(
            f"The pattern is none of DuckDB's ({reason}), and trying it on {len(texts)} values "
            f"took longer than {_SECONDS:g} seconds"
        ) from error
    found = json.loads(child.stdout) if child.returncode == 0 else {"error": "it was too much"}
    if isinstance(found, dict):
        raise CannotEvaluateError(
            f"The pattern cannot be used: {reason}; and tried value by value: {found['error']}"
        )
    return [bool(one) for one in found]
