"""Properties over made-up text."""

from __future__ import annotations

import os
import re

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlops_cli.quality import RULE_TYPES, DqdlErrors, parse, write
from mlops_cli.quality.language.printer import quote

# `DQDL_EXAMPLES=100000` for the long run.
EXAMPLES = int(os.environ.get("DQDL_EXAMPLES", "400"))
SETTINGS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
WORDS = r"""
[ ] { } ( ) , = != > >= < <= + - * / : $ # " ' \ // ;
Rules Analyzers Metadata DataSources DefaultLabels labels with threshold where
between not in matches and or of AND OR NULL EMPTY WHITESPACES_ONLY now() last
days hours minutes B KB GB name x 1 0.5 12 1e5 "a" "2026-01-01" "21:45" "x\"y"
"""
PIECES = st.sampled_from([*RULE_TYPES, *re.findall(r"\S+", WORDS), '"b c"', "\n", "Rules = ["])
RULES = st.lists(PIECES, max_size=25).map(" ".join)


def quoted(text: str) -> str:
    """A string that is text and not a date or a time."""
    return quote(f"v{text}")


def ends_well(text: str) -> None:
    """Parsing gives a ruleset that prints to itself, or errors with places; nothing else."""
    caught: DqdlErrors | None = None
    try:
        ruleset = parse(text)
    except DqdlErrors as error:
        caught = error
    if caught is None:
        assert parse(write(ruleset)) == ruleset
    else:
        assert str(caught)
        assert all(one.line >= 1 and one.column >= 1 for one in caught.errors)


@SETTINGS
@given(st.text(max_size=200))
def test_any_text_gives_a_ruleset_or_dqdl_errors(text):
    ends_well(text)


@SETTINGS
@given(RULES)
def test_any_words_of_the_language_give_a_ruleset_or_dqdl_errors(text):
    ends_well(f"Rules = [ {text} ]")
    ends_well(text)


@SETTINGS
@given(
    st.lists(
        st.one_of(
            st.builds(
                lambda kind, low, high: f"{kind} > ({low} - {high}) * 2",
                st.sampled_from(["RowCount", "ColumnCount"]),
                st.integers(-(10**30), 10**30),
                st.decimals(-1000, 1000, places=3, allow_nan=False).map(lambda one: f"{one:f}"),
            ),
            st.lists(st.text(max_size=20), min_size=1, max_size=5).map(
                lambda values: 'ColumnValues "c" not in [' + ", ".join(map(quoted, values)) + "]"
            ),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_printing_and_parsing_is_the_identity(rules):
    ruleset = parse(f"Rules = [ {', '.join(rules)} ]")
    assert parse(write(ruleset)) == ruleset


@SETTINGS
@given(st.text(max_size=60))
def test_a_quoted_string_means_itself(text):
    (rule,) = parse(f'Rules = [ ColumnValues "c" in [{quote("v" + text)}] ]').rules
    assert rule.condition.items[0].value == "v" + text
