"""What `mlops quality` does: rulesets against data files, rulesets from data, rules explained."""

from __future__ import annotations

from .checking import Keeping, QualityCheck, RowOptions, check
from .comparing import RulesetDiff, diff
from .explaining import RuleExplanation, RuleTypeList, explain
from .exporting import ExportedRuleset, export
from .linting import RulesetLints, lint
from .proposing import SuggestedRuleset, suggest

__all__ = [
    "ExportedRuleset",
    "Keeping",
    "QualityCheck",
    "RowOptions",
    "RuleExplanation",
    "RuleTypeList",
    "RulesetDiff",
    "RulesetLints",
    "SuggestedRuleset",
    "check",
    "diff",
    "explain",
    "export",
    "lint",
    "suggest",
]
