"""DQDL, the language of data-quality rulesets: parse it, run it on DuckDB, propose it from data.

This room is copied into generated projects, so it imports nothing of ours, only the standard
library at the top, and DuckDB inside the functions that need it.
"""

from __future__ import annotations

from .errors import DataReadError, DqdlErrors, DqdlSyntaxError, QualityError
from .parser import parse

__all__ = ["DataReadError", "DqdlErrors", "DqdlSyntaxError", "QualityError", "parse"]
