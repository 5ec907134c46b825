"""Writes plain values as YAML: every text in quotes, as JSON has them."""

from __future__ import annotations

import json
from typing import Any


def write_yaml(value: Any, depth: int = 0) -> str:  # noqa: ANN401 -- whatever JSON can hold
    """Write mappings and lists in blocks, and the rest as JSON, which is YAML too."""
    pad = "  " * depth
    if isinstance(value, dict) and value:
        return "".join(f"{pad}{key}:{_after(one, depth)}" for key, one in value.items())
    if isinstance(value, list) and value:
        return "".join(f"{pad}- {write_yaml(one, depth + 1).lstrip()}" for one in value)
    return f"{pad}{json.dumps(value, ensure_ascii=False)}\n"


def _after(value: Any, depth: int) -> str:  # noqa: ANN401
    if isinstance(value, dict | list) and value:
        plain = isinstance(value, list) and not any(isinstance(one, dict | list) for one in value)
        if not plain:
            return f"\n{write_yaml(value, depth + 1)}"
    return f" {json.dumps(value, ensure_ascii=False)}\n"
