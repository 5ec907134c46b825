"""What `--conf` and `--run-id` take, and what they refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlops_cli.core.errors import UsageError
from mlops_cli.environments.port import DagInfo
from mlops_cli.runs.conf import check_conf, check_run_id, read_conf

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("given", "conf"),
    [
        ([], {}),
        (["rows=500"], {"rows": 500}),
        (["source=data/new.csv"], {"source": "data/new.csv"}),
        (["a=x=y", "b="], {"a": "x=y", "b": ""}),
        (["flag=true", "nothing=null"], {"flag": True, "nothing": None}),
        (['{"a": [1, 2]}', "b=2"], {"a": [1, 2], "b": 2}),
        (['name="500"'], {"name": "500"}),
    ],
)
def test_conf_is_read_as_written(given: list[str], conf: dict[str, Any]) -> None:
    assert read_conf(given) == conf


def test_conf_comes_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "conf.json").write_text('{"rows": 5}')
    assert read_conf([f"@{tmp_path / 'conf.json'}"]) == {"rows": 5}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (["rows"], "neither `key=value`"),
        (["=5"], "neither `key=value`"),
        (["[1, 2]"], "must be a JSON object"),
        (['{"a": 1'], "no JSON"),
        (['{"a": 1, "a": 2}'], "twice"),
        (["a=1", "a=2"], "given twice"),
        (["a=NaN"], "`NaN` is no JSON number"),
        (['{"a": Infinity}'], "`Infinity` is no JSON number"),
        (["[" * 100_000], "nested too deeply"),
        (['{"a":' * 50 + "1" + "}" * 50], "nested too deeply"),
        (["a=" + "x" * 70_000], "65536 are the most"),
        (['{"a": "\\u0000"}'], "no database takes"),
        (['{"a": "\\ud800"}'], "no database takes"),
        (["@nowhere.json"], "No such file"),
    ],
)
def test_conf_that_cannot_be_meant_is_refused(given: list[str], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        read_conf(given)


def test_a_conf_file_has_a_limit_and_an_encoding(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b" " * 2_000_000)
    (tmp_path / "latin").write_bytes(b'{"a": "\xe9"}')
    with pytest.raises(UsageError, match="too many"):
        read_conf([f"@{tmp_path / 'big'}"])
    with pytest.raises(UsageError, match="not UTF-8"):
        read_conf([f"@{tmp_path / 'latin'}"])


def test_a_key_the_dag_has_no_parameter_for_is_refused() -> None:
    params = {"rows": {"value": 1, "schema": {}}}
    dag = DagInfo("churn_training", False, False, False, frozenset(), None, None, params=params)
    check_conf({"rows": 2}, dag)
    with pytest.raises(UsageError, match="no parameter `row`") as caught:
        check_conf({"row": 2}, dag)
    assert caught.value.hint == "Did you mean `--conf rows=…`?"


@pytest.mark.parametrize("run_id", ["m-1", "2026-03-01T12:00:00+00:00", "a.b_c~d"])
def test_a_run_id_airflow_takes_is_kept(run_id: str) -> None:
    assert check_run_id(run_id) == run_id


@pytest.mark.parametrize("run_id", ["a b", "a/b", "", "x" * 300, "scheduled__2026", "\x1b[31m"])
def test_a_run_id_airflow_or_a_database_refuses_is_refused(run_id: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_run_id(run_id)
    assert "\x1b" not in caught.value.message


def test_conf_stays_json_all_the_way() -> None:
    assert json.loads(json.dumps(read_conf(["a=1e3"]))) == {"a": 1000.0}
