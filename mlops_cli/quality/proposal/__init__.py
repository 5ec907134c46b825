"""Rulesets from data: profiles, and the rules they suggest."""
