"""What `mlops quality` does: rulesets against data files, rulesets from data, rules explained."""

from __future__ import annotations

from .checking import check
from .comparing import RulesetDiff, diff
from .evaluating import Keeping, RowOptions
from .explaining import RuleExplanation, RuleTypeList, explain
from .exporting import ExportedRuleset, export
from .linting import RulesetLints, lint
from .proposing import SuggestedRuleset, suggest
from .results import QualityCheck

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
