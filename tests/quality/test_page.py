"""The page of a check: all of it in one file, and whatever the data says stays text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mlops_cli.checks.quality.page import Material, Rows, file_view, material, to_html
from mlops_cli.checks.quality.page.charts import HEIGHT, WIDTH, line, number
from mlops_cli.checks.quality.results import DataResult
from mlops_cli.quality import check, open_source, parse

NOW = datetime(2026, 6, 15, 12, 30, tzinfo=UTC)
EVIL = "<script>alert(1)</script>"


def page(text, path, *, runs=1, failing=None):
    """The page after so many runs of a ruleset."""
    rules, source = parse(text), open_source(path)
    reports = [check(rules, source, now=NOW + timedelta(days=day)) for day in range(runs)]
    earlier = [report.to_dict() for report in reports[:-1]]
    known = material(rules, source, earlier=earlier, failing=failing)
    return to_html("raw.dqdl", [file_view(DataResult(str(path), reports[-1]), rules, known)])


class Elements(HTMLParser):
    """Every element and attribute of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs


def test_each_rule_is_there_with_outcome_message_and_metric(people):
    text = page('Rules = [ IsComplete "id", Completeness "n" > 0.9, Mean "no" > 1 ]', people)
    assert "33% " not in text
    assert re.search(r'class="score FAIL">33%<', text)
    for said in ("IsComplete &#34;id&#34;", "Completeness of <code>n</code> is 0.8333333333"):
        assert said in text
    assert "The data has no column <code>no</code>" in text
    # What needs a person comes first.
    assert re.findall(r'<span class="badge (\w+)">\1</span> <code>', text) == [
        "FAIL",
        "ERROR",
        "PASS",
    ]


def test_nothing_is_fetched_and_nothing_runs(people):
    found = Elements(page('Rules = [ IsComplete "id" ]', people, runs=3))
    assert not {"script", "link", "img", "iframe", "object"} & set(found.tags)
    assert not [value for name, value in found.attributes if name in ("src", "href")]
    assert not [name for name, _ in found.attributes if name.startswith("on")]


def test_what_the_data_says_stays_text(csv):
    path = csv(f'id,"{EVIL}"\n1,"{EVIL}"\n2,b\n')
    rules = f'Rules = [ ColumnValues "{EVIL}" in ["a", "{EVIL}"], IsComplete "{EVIL}" ]'
    rows = Rows(("id", EVIL), ((EVIL, "\x1b[2J"),), 1)
    text = page(rules, path, runs=2, failing=rows)
    assert "<script" not in text
    assert "\x1b" not in text
    assert "&lt;script&gt;" in text


def test_the_score_and_each_metric_are_drawn_over_time(people):
    text = page('Rules = [ IsComplete "id", Mean "x" > 100 ]', people, runs=5)
    assert text.count("<polyline") == 3
    assert text.count("2026-06-19 12:30: 50%, FAIL") == 1
    assert "score in 5 runs" in text
    assert "<polyline" not in page('Rules = [ IsComplete "id" ]', people)


def test_values_are_shown_only_where_a_rule_lists_them(people):
    listed = page('Rules = [ ColumnValues "s" in ["a", "b"] ]', people)
    assert re.search(r"<td>a</td>.*<td>2</td>", listed)
    assert "<td>a</td>" not in page('Rules = [ IsComplete "s" ]', people)


def test_a_file_that_could_not_be_read_says_why(people):
    result = DataResult("gone.csv", reason="Could not read `gone.csv`: no such file or directory")
    text = to_html("raw.dqdl", [file_view(result, parse("Rules = [ RowCount > 0 ]"), Material())])
    assert "Could not read <code>gone.csv</code>: no such file" in text
    assert 'class="score' not in text


@example(values=[1.7e308, -1.7e308, 5e-324])
@given(values=st.lists(st.floats(), max_size=30))
def test_every_point_lies_inside_of_its_chart(values):
    drawn = line([("", value, "PASS") for value in values])
    for point in drawn.points if drawn else ():
        assert 0 <= point.x <= WIDTH
        assert 0 <= point.y <= HEIGHT


@pytest.mark.parametrize(
    ("value", "written"),
    [(5, "5"), (10290.4, "10,290"), (0.98765432, "0.9877"), (float("nan"), "nan"), (1e20, "1e+20")],
)
def test_numbers_are_short(value, written):
    assert number(value) == written
