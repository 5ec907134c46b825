"""DQDL, the language of data-quality rulesets: parse it, run it on DuckDB, propose it from data.

This room is copied into generated projects, so it imports nothing of ours, only the standard
library at the top, and DuckDB inside the functions that need it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .data.source import Column, Source, open_source
from .engine.run import check
from .errors import (
    DataReadError,
    DqdlErrors,
    DqdlSyntaxError,
    HistoryError,
    QualityError,
    RowsError,
    RowsNotWrittenError,
)
from .history import FileHistory, History, history_key
from .language.model import Ruleset
from .language.parser import parse
from .language.printer import write
from .language.rules import RULE_TYPES, RuleType
from .report import QualityReport, RuleOutcome

if TYPE_CHECKING:
    from .engine.failed_rows import FailedRows
    from .proposal.profile import ColumnProfile, Profile, profile
    from .proposal.propose import Proposal, propose
    from .proposal.suggest import suggest
    from .proposal.wording import Hint, Suggestion, render

# A gate proposes nothing and writes no rows, and is fast because it loads none of this.
_LATER = {
    "FailedRows": "engine.failed_rows",
    "ColumnProfile": "proposal.profile",
    "Profile": "proposal.profile",
    "profile": "proposal.profile",
    "Proposal": "proposal.propose",
    "propose": "proposal.propose",
    "suggest": "proposal.suggest",
    "Hint": "proposal.wording",
    "Suggestion": "proposal.wording",
    "render": "proposal.wording",
}

__all__ = [
    "RULE_TYPES",
    "Column",
    "ColumnProfile",
    "DataReadError",
    "DqdlErrors",
    "DqdlSyntaxError",
    "FailedRows",
    "FileHistory",
    "Hint",
    "History",
    "HistoryError",
    "Profile",
    "Proposal",
    "QualityError",
    "QualityReport",
    "RowsError",
    "RowsNotWrittenError",
    "RuleOutcome",
    "RuleType",
    "Ruleset",
    "Source",
    "Suggestion",
    "check",
    "history_key",
    "open_source",
    "parse",
    "profile",
    "propose",
    "render",
    "suggest",
    "write",
]


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module `{__name__}` has no attribute `{name}`")
    from importlib import import_module

    return getattr(import_module(f".{_LATER[name]}", __name__), name)
