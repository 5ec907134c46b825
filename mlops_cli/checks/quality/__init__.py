"""What `mlops quality` does: rulesets against data files, rulesets from data, rules explained."""

from __future__ import annotations

from .checking import QualityCheck, check
from .explaining import RuleExplanation, RuleTypeList, explain
from .proposing import SuggestedRuleset, suggest

__all__ = [
    "QualityCheck",
    "RuleExplanation",
    "RuleTypeList",
    "SuggestedRuleset",
    "check",
    "explain",
    "suggest",
]
