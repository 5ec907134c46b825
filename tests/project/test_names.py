"""Which names a project may have, and what is offered instead of the others."""

from __future__ import annotations

import keyword

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlops_cli.core.errors import ProjectError
from mlops_cli.core.exits import Exit
from mlops_cli.project.names import MAX_LENGTH, project_name, suggestion

REFUSED = {
    "": "it is empty",
    "../evil": "not a path",
    "/abs/path": "not a path",
    "a/b": "`--into`",
    "a\\b": "not a path",
    "..": "only the letters",
    "-rf": "only the letters",
    "--help": "only the letters",
    "Has Space": "only the letters",
    "Churn": "only the letters",
    "123abc": "must start with a letter",
    "class": "a word of the Python language",
    "match": "a word of the Python language",
    "type": "a word of the Python language",
    "_": "only the letters",
    "_x": "only the letters",
    "random": "would hide the Python package `random`",
    "json": "would hide",
    "email": "would hide",
    "test": "would hide",
    "airflow": "would hide",
    "mlops": "would hide",
    "duckdb": "would hide",
    "naïve": "only the letters",
    "модель": "only the letters",
    "١٢": "only the letters",
    "ﬁle": "only the letters",
    "name\n": "only the letters",
    "na\tme": "only the letters",
    "na\x00me": "only the letters",
    "na\u200dme": "only the letters",
    "\u202ename": "only the letters",
    "x": "at least two characters",
    "a" * 41: "it has 41 characters, and 40 are the most",
    "a" * 300: "it has 300 characters",
    "con": "Windows keeps it",
    "lpt1": "Windows keeps it",
    "nul": "Windows keeps it",
    "{{ 7*7 }}": "only the letters",
    "{% raw %}": "only the letters",
    'a"b': "only the letters",
    "abc.": "only the letters",
    "abc ": "only the letters",
}


@pytest.mark.parametrize(("name", "reason"), REFUSED.items(), ids=ascii)
def test_a_name_that_cannot_be_used_everywhere_is_refused_with_its_reason(name, reason):
    with pytest.raises(ProjectError) as caught:
        project_name(name)
    assert reason in caught.value.message
    assert caught.value.message.isascii()
    assert caught.value.message.isprintable()
    assert caught.value.exit_code == Exit.INVALID


@pytest.mark.parametrize(
    ("given_name", "accepted"),
    [
        ("ab", "ab"),
        ("churn", "churn"),
        ("my-model", "my_model"),
        ("a1_b2", "a1_b2"),
        ("a" * 40,) * 2,
    ],
)
def test_a_plain_name_is_accepted_with_underscores(given_name, accepted):
    assert project_name(given_name) == accepted


@pytest.mark.parametrize(
    ("given_name", "offered"),
    [
        ("Has Space", "has_space"),
        ("naïve bayes", "naive_bayes"),
        ("123abc", "abc_model"),
        ("7wonders", "wonders"),
        ("json", "json_model"),
        ("con", "con_model"),
        ("class", "class_model"),
        ("a/b", "a_b"),
        ("{{ 7*7 }}", None),
        ("модель", None),
        ("a" * 300, "a" * 40),
    ],
)
def test_the_nearest_name_is_offered(given_name, offered):
    assert suggestion(given_name) == offered
    if offered:
        assert project_name(offered) == offered


@given(st.text(max_size=60))
def test_whatever_is_typed_a_name_that_passes_is_safe_everywhere(text):
    try:
        name = project_name(text)
    except ProjectError as error:
        assert error.message.isprintable()  # noqa: PT017 -- the message is what is tested
        return
    assert name.isidentifier()
    assert name.isascii()
    assert not keyword.iskeyword(name)
    assert 2 <= len(name) <= MAX_LENGTH


@given(st.text(max_size=60))
def test_an_offered_name_is_always_accepted(text):
    offered = suggestion(text)
    assert offered is None or project_name(offered) == offered
