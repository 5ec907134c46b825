"""DQDL, the language of data-quality rulesets: parse it, run it on DuckDB, propose it from data.

This room is copied into generated projects, so it imports nothing of ours, only the standard
library at the top, and DuckDB inside the functions that need it.
"""

from __future__ import annotations

from .engine import check
from .errors import DataReadError, DqdlErrors, DqdlSyntaxError, QualityError
from .model import Ruleset
from .parser import parse
from .printer import write
from .profile import ColumnProfile, Profile, profile
from .report import QualityReport, RuleOutcome
from .rules import RULE_TYPES, RuleType
from .source import Column, Source, open_source
from .suggest import Suggestion, render, suggest

__all__ = [
    "RULE_TYPES",
    "Column",
    "ColumnProfile",
    "DataReadError",
    "DqdlErrors",
    "DqdlSyntaxError",
    "Profile",
    "QualityError",
    "QualityReport",
    "RuleOutcome",
    "RuleType",
    "Ruleset",
    "Source",
    "Suggestion",
    "check",
    "open_source",
    "parse",
    "profile",
    "render",
    "suggest",
    "write",
]
