"""Agreement with verdicts recorded from the public parser and Deequ, where they are at hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_cli.quality import DqdlErrors, parse, write

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "dqdl"
pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded verdicts are not here")

# Where the public parser drops text without a word, or reads a day that is none, we say so; and we
# read what Windows editors write.
DIFFERENT = {
    "parse_cases": {237: "a second `]` is dropped"},
    "parse_edge": {
        1: "a second list of rules is dropped",
        43: "2022-13-45 is not a day",
        80: "a blank `where` is dropped",
        81: "a threshold with `=` and a text is no threshold",
        122: "rules after analyzers are dropped",
        159: "a byte order mark is harmless",
    },
}


@pytest.mark.parametrize("name", sorted(DIFFERENT))
def test_verdicts_agree_but_for_the_listed_ones(name):
    different = {}
    for line in (RECORDED / f"{name}.jsonl").read_text().splitlines():
        case = json.loads(line)
        try:
            ruleset = parse(case["text"])
        except DqdlErrors:
            verdict = "invalid"
        else:
            verdict = "valid"
            assert parse(write(ruleset)) == ruleset
        if verdict != case["oracle"]:
            different[case["id"]] = case["text"]
    assert set(different) == set(DIFFERENT[name])
