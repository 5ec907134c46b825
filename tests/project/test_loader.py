"""What `mlops.yaml` may say, and that everything else is refused with its line and the way out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops_cli.core.errors import ProjectError, UsageError
from mlops_cli.project.loader import environment, examine, load

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_cli.core.diagnostics import Diagnostic

GOOD = """\
version: 1
name: churn
owner: data-team
airflow: "3.3"
model:
  task: classification
  target: left
  target_type: text
  features:
    age: number
  source: data/churn.csv
  split: {test_size: 0.3, random_state: 1}
  training:
    select_by: f1_score
    families: {random_forest: {}}
  evaluation:
    thresholds: {accuracy: {minimum: 0.9}}
    compare_by: f1_score
environments:
  local:
    kind: local
"""


def problems(folder: Path, text: str | bytes) -> tuple[Diagnostic, ...]:
    data = text if isinstance(text, bytes) else text.encode()
    (folder / "mlops.yaml").write_bytes(data)
    project, found = examine(folder)
    assert (project is None) == bool(found)
    return found


@pytest.mark.parametrize(
    "text",
    [GOOD, GOOD.replace("\n", "\r\n"), "\ufeff" + GOOD, GOOD.replace("local:", "no:")],
    ids=["plain", "windows line ends", "byte order mark", "an environment called no"],
)
def test_a_plain_file_is_read_however_it_was_saved(tmp_path: Path, text: str) -> None:
    assert problems(tmp_path, text) == ()


def test_a_project_is_found_from_a_folder_in_it(tmp_path: Path) -> None:
    assert not problems(tmp_path, GOOD)
    (tmp_path / "dags").mkdir()
    assert load(tmp_path / "dags").root == tmp_path


def test_a_path_with_the_characters_of_a_pattern_is_only_a_path(tmp_path: Path) -> None:
    odd = tmp_path / "[x] a*b?"
    odd.mkdir()
    assert not problems(odd, GOOD)
    assert load(odd).root == odd


SHAPES = {
    "a list": ("- a\n", "must be a mapping"),
    "a word": ("churn\n", "must be a mapping"),
    "nothing": ("", "must be a mapping"),
    "only comments": ("# later\n", "must be a mapping"),
    "two documents": (GOOD + "---\nversion: 1\n", "second document"),
    "a tab": ("version: 1\n\tname: x\n", "cannot start any token"),
    "an open bracket": ("version: 1\nname: [a\n", "expected"),
    "a key twice": (GOOD + "name: other\n", "`name` stands there twice"),
    "a key that is no word": (GOOD + "1: x\n", "must be a word"),
    "a key with an escape": (GOOD + '"\\e]0;x\\a": 1\n', "must be a word"),
    "a Python object": (
        GOOD.replace("data-team", "!!python/object/apply:os.system [id]"),
        "`owner`",
    ),
    "an own tag": (GOOD.replace("data-team", "!run id"), "not a plain value"),
    "aliases": ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "anchors and aliases"),
    "an alias to itself": ("a: &a [*a]\n", "anchors and aliases"),
    "a date": (GOOD.replace("data-team", "2026-01-02"), "not a plain value"),
    "no number": (GOOD.replace("0.3", ".nan"), "not a plain value"),
    "a number without end": (GOOD.replace("1}", "9" * 5000 + "}"), "not a plain value"),
    "deep brackets": ("a: " + "[" * 5000, "nested too deeply"),
    "deep and closed brackets": ("a: " + "[" * 5000 + "]" * 5000, "nested too deeply"),
    "too much": (GOOD + "#" * 300_000, "262144 are the most"),
    "a NUL": (GOOD.replace("data-team", '"a\\0b"'), "cannot be seen"),
    "a terminal escape": (GOOD.replace("data-team", '"\\e]0;x\\a"'), "cannot be seen"),
    "half a character": (GOOD.replace("data-team", '"\\ud800"'), "cannot be seen"),
}


@pytest.mark.parametrize(("text", "reason"), SHAPES.values(), ids=SHAPES)
def test_what_yaml_hides_or_cannot_end_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    found = problems(tmp_path, text)
    assert reason in found[0].summary
    assert found[0].at is not None
    assert found[0].at.line is not None
    assert len(found[0].summary) < 300


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_another_encoding_is_named(tmp_path: Path, encoding: str) -> None:
    (found,) = problems(tmp_path, GOOD.replace("data-team", "Zoë").encode(encoding))
    assert "not UTF-8" in found.summary
    assert found.hint == "Save it in the encoding UTF-8"


VALUES = {
    "a number for text": ('"3.3"', "3.10", "valid string", 'Put it in quotes: "3.10"'),
    "a newer version": ("version: 1", "version: 2", "not `2`", "upgrade mlops"),
    "an older version": ("version: 1", "version: 0", "not `0`", "Write `version: 1`"),
    "a key nobody knows": ("owner:", "ownr:", "Unknown key `ownr`", "`owner`"),
    "a time of the day": ("random_state: 1", "random_state: 12:30", "valid integer", None),
    "a path as the name": ("churn\n", "../churn\n", "not a path", None),
    "a space in an environment's name": ("local:\n", '"prod ":\n', "no name", None),
    "a path as an environment's name": ("local:\n", "../x:\n", "no name", None),
}


@pytest.mark.parametrize(("old", "new", "reason", "hint"), VALUES.values(), ids=VALUES)
def test_a_value_that_does_not_fit_is_named_with_the_way_out(
    tmp_path: Path, old: str, new: str, reason: str, hint: str | None
) -> None:
    assert old in GOOD
    text = " ".join(
        f"{item.summary} {item.hint}" for item in problems(tmp_path, GOOD.replace(old, new, 1))
    )
    assert reason in text
    assert (hint or "") in text


def test_a_key_of_an_environment_is_found_in_its_own_line(tmp_path: Path) -> None:
    (found,) = problems(tmp_path, GOOD + "    account: 123456789012\n")
    assert found.at is not None
    assert (found.at.line, found.at.subject) == (22, "environments.local.account")


def test_a_secret_in_the_file_is_not_repeated(tmp_path: Path) -> None:
    found = problems(tmp_path, GOOD + "password: hunter2hunter2\n")
    assert "`password`" in found[0].summary
    assert "hunter2" not in str(found)


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("owner:", "ownr:").replace("number", "float") + "x: 1\n"
    problems(tmp_path, text)
    with pytest.raises(ProjectError) as caught:
        load(tmp_path)
    assert len(caught.value.diagnostics) == 4


def test_an_unknown_environment_is_answered_with_the_nearest(tmp_path: Path) -> None:
    problems(tmp_path, GOOD)
    with pytest.raises(UsageError) as caught:
        environment(load(tmp_path), "locla")
    assert caught.value.hint == "Did you mean `--env local`?"
