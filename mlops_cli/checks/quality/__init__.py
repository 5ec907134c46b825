"""What `mlops quality` does: rulesets against data files, rulesets from data, rules explained."""

from __future__ import annotations

from .checking import Keeping, QualityCheck, RowOptions, check
from .explaining import RuleExplanation, RuleTypeList, explain
from .linting import RulesetLints, lint
from .proposing import SuggestedRuleset, suggest

__all__ = [
    "Keeping",
    "QualityCheck",
    "RowOptions",
    "RuleExplanation",
    "RuleTypeList",
    "RulesetLints",
    "SuggestedRuleset",
    "check",
    "explain",
    "lint",
    "suggest",
]
