"""Agreement with verdicts recorded from the public parser and Deequ, where they are at hand."""

from __future__ import annotations

import importlib.util
import sys
from collections import Counter
from pathlib import Path

import pytest

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "dqdl"
recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded verdicts are not here")


def load():
    """Import the script, which stands beside this file and is no test."""
    spec = importlib.util.spec_from_file_location(
        "agreement", Path(__file__).with_name("agreement.py")
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["agreement"] = module
    spec.loader.exec_module(module)
    return module


agreement = load()

NO_BETWEEN = "a `between` that nothing can meet, or everything, is an ERROR here"
NESTED = "columns inside of columns are not read here"
BACKTICKS = "backticks round the name of a column are Spark's; here it stands as it is"
NO_HISTORY = "Deequ has no dynamic rules, and gives the metric all the same; an ERROR has none"
CASE = "a metric has the column's own name here, in Deequ the one in the rule"
NO_NULL = "a number is compared with NULL, which the parser refuses here"

# Everything that is expected to differ, and why: the script prints these tables.
PARSED_OTHERWISE = {
    "parse_cases 237": "a second `]` is dropped there without a word",
    "parse_edge 1": "a second list of rules is dropped there without a word",
    "parse_edge 43": "2022-13-45 is not a day",
    "parse_edge 80": "a blank `where` is dropped there without a word",
    "parse_edge 81": "a threshold with `=` and a text is no threshold",
    "parse_edge 122": "rules after analyzers are dropped there without a word",
    "parse_edge 159": "a byte order mark is harmless, and Windows editors write it",
}
OTHER_OUTCOMES = {
    "t98": NO_BETWEEN,
    "t269": "the second data set was not recorded",
    "t272": NESTED,
    "t273": BACKTICKS,
    "t288": NESTED,
    "t289": BACKTICKS,
    "p930": "an ERROR inside of `or` is not outvoted here",
}
OTHER_METRICS = {
    "t100": NO_BETWEEN,
    "t114": "several statements were recorded together, and each shows the value of one",
    "t302": "a format of dates that is none is an ERROR here",
    "p340": NO_HISTORY,
    "p341": NO_HISTORY,
    "p367": NO_NULL,
    "p676": "several patterns were recorded together, and each shows the value of one",
    "p934": CASE,
    "p945": NO_HISTORY,
    "p946": NO_HISTORY,
    "p972": NO_NULL,
    "p1082": NO_NULL,
    "p1271": NO_HISTORY,
    "p1272": NO_HISTORY,
    "p1532": CASE,
    "p1543": NO_HISTORY,
}
REASONS = {
    **PARSED_OTHERWISE,
    **OTHER_OUTCOMES,
    **{f"{case} metric": reason for case, reason in OTHER_METRICS.items()},
}
# How many rules are compared; the tables without columns cannot be.
RULES, METRICS = 1235, 951


@pytest.fixture(scope="module")
def parsed():
    return {name: list(agreement.parsed(RECORDED, name)) for name in agreement.PARSED}


@recorded
@pytest.mark.parametrize("name", agreement.PARSED)
def test_verdicts_of_the_parser_agree_but_for_the_listed_ones(name, parsed):
    other = {f"{name} {one.id}" for one in parsed[name] if not one.agrees}
    assert other == {listed for listed in PARSED_OTHERWISE if listed.startswith(f"{name} ")}


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    return list(agreement.compared(RECORDED, tmp_path_factory.mktemp("recorded")))


@recorded
def test_outcomes_agree_but_for_the_listed_ones(compared):
    other = [one for one in compared if not one.agrees]
    assert {one.case for one in other} == set(OTHER_OUTCOMES)
    assert len(compared) == RULES
    assert 1 - len(other) / len(compared) >= 0.99
    # Nothing passes here that Deequ fails: where we part, we are the stricter ones.
    assert Counter(one.ours for one in other) == {"ERROR": len(other)}


@recorded
def test_metrics_agree_to_nine_digits_but_for_the_listed_ones(compared):
    agreeing = [one for one in compared if one.agrees]
    assert {one.case for one in agreeing if one.unequal} == set(OTHER_METRICS)
    assert sum(len(one.metrics) for one in agreeing) == METRICS


@pytest.mark.long
@recorded
def test_the_script_prints_the_figures_and_a_reason_for_every_difference(parsed, compared):
    printed = "\n".join(agreement.figures(parsed, compared, reasons=REASONS))
    assert f"of {RULES} (99." in printed
    assert "NO REASON" not in printed


def test_the_script_wants_a_folder(capsys):
    assert agreement.main(["nowhere"]) == 2
    assert capsys.readouterr().err.startswith("Usage: ")
