"""Rulesets from data: profiles, the rules they suggest, and rows held out to judge them."""
