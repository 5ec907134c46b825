"""Promotion, rollback, archive and history, on a real MLflow registry, as a user types them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mlops_cli.cli.app import main
from mlops_cli.models.registry import tracking_uri

if TYPE_CHECKING:
    from mlops_cli.project.model import Project

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

APPROVED = {"audit": "Complete", "approved_by": "ada", "release": "r1"}


Registered = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def typed(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, dict[str, Any]]]:
    """What a user types, and what is answered."""

    def ask(*arguments: str) -> tuple[int, dict[str, Any]]:
        code = main(["models", *arguments, "--project", str(project.root), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return ask


def test_what_was_in_service_before_comes_back(registered: Registered) -> None:
    steps = registered(
        *[{"tags": APPROVED}] * 4,
        changes=[
            ("promote", "1", False),
            ("promote", "2", False),
            ("promote", "4", False),
            ("promote", "4", False),
            # Version 3 was never in service: the one before 4 is 2, and before that 1.
            ("rollback", None, False),
            ("rollback", None, False),
            ("rollback", None, False),
        ],
    )
    assert [step["champion"] for step in steps] == ["1", "2", "4", "4", "2", "1", "1"]
    done = [step.get("done", {}) for step in steps]
    assert [one.get("changed") for one in done] == [True, True, True, False, True, True, None]
    assert [one.get("before") for one in done] == [None, "1", "2", None, "4", "2", None]
    assert steps[3]["deploy"] == {"1": "Retired", "2": "Retired", "3": None, "4": "Complete"}
    assert steps[6]["deploy"] == {
        "1": "Complete",
        "2": "Rolled Back",
        "3": None,
        "4": "Rolled Back",
    }
    assert steps[6]["refused"]["message"] == "no version was in service before version 1"


def test_what_must_not_be_done_is_refused(registered: Registered) -> None:
    wanted = [
        ("rollback", None, "conflict", "no version is in service"),
        ("promote", "1", None, None),
        ("promote", "2", "conflict", "it is not approved (audit: Rejected)"),
        ("promote", "9", "usage", "there is no version 9"),
        ("archive", "1", "conflict", "it is the champion"),
        ("rollback", "3", "usage", "version 3 was not in service before version 1"),
        ("archive", "3", None, None),
        ("promote", "3", "conflict", "version 3 is archived"),
    ]
    steps = registered(
        {"tags": APPROVED},
        {"tags": {"audit": "Rejected"}},
        {"tags": APPROVED},
        changes=[(action, version, False) for action, version, _, _ in wanted],
    )
    for step, (_, _, kind, message) in zip(steps, wanted, strict=True):
        assert ("refused" in step) == (kind is not None), step
        if kind is not None:
            assert step["refused"]["kind"] == kind
            assert message in step["refused"]["message"]
    assert steps[-1]["champion"] == "1"
    assert steps[-1]["deploy"] == {"1": "Complete", "2": None, "3": "Archived"}


def test_a_rollback_that_was_cut_off_does_not_go_two_back(registered: Registered) -> None:
    steps = registered(
        *[{"tags": APPROVED}] * 3,
        changes=[
            *[("promote", version, False) for version in ("1", "2", "3")],
            ("rollback", None, True),
            ("rollback", None, False),
            ("rollback", None, False),
        ],
    )
    assert [step["champion"] for step in steps[3:]] == ["2", "2", "1"]


def test_an_archived_version_is_not_gone_back_to(registered: Registered) -> None:
    steps = registered(
        *[{"tags": APPROVED}] * 3,
        changes=[
            *[("promote", version, False) for version in ("1", "2", "3")],
            ("archive", "2", False),
            ("rollback", None, False),
        ],
    )
    assert steps[-1]["champion"] == "1"


def test_a_user_promotes_and_rolls_back(
    project: Project, typed: Callable[..., tuple[int, dict[str, Any]]], registered: Registered
) -> None:
    manifest = project.root / "mlops.yaml"
    manifest.write_text(manifest.read_text().replace("kind: local", "kind: local, protected: true"))
    registered({"tags": APPROVED}, {"tags": APPROVED}, changes=[("promote", "1", False)])
    code, refused = typed("promote", "churn", "2")
    assert (code, refused["error"]["hint"]) == (4, "Give the same command with `--yes`")
    code, refused = typed("promote", "other", "2", "--yes")
    assert (code, "this project's is `churn`" in refused["error"]["message"]) == (2, True)
    code, done = typed("promote", "churn", "2", "--yes")
    assert (code, done["version"], done["before"]) == (0, 2, 1)
    code, done = typed("rollback", "--reason", "too many false alarms", "--yes")
    assert (code, done["version"], done["before"]) == (0, 1, 2)
    assert done["untold"] == "the local Airflow does not run"
    code, refused = typed("rollback", "--reason", "once more", "--yes")
    assert (code, refused["error"]["state"]) == (5, "Nothing was changed")
    code, told = typed("history", "churn")
    assert code == 0
    assert [one["version"] for one in told["services"]] == [1, 2, 1]
    assert told["services"][0]["reason"] == "too many false alarms"


@pytest.mark.long
def test_two_versions_side_by_side(
    typed: Callable[..., tuple[int, dict[str, Any]]], registered: Registered, tmp_path: Path
) -> None:
    def version(accuracy: float, young: float, source: str) -> dict[str, Any]:
        slices = [{"column": "age", "value": "<b>young</b>", "challenger": young, "rows": 40}]
        return {
            "metrics": {"accuracy": accuracy, "rmse": 1 - accuracy},
            "params": {"family": "ridge"},
            "tags": {**APPROVED, "source_sha256": source},
            "evaluation": {
                "champion": {"metric": "accuracy"},
                "slices": slices,
                "backtest": {
                    "partitions": [{"partition": "2026-09-01", "challenger": young, "rows": 40}]
                },
            },
        }

    registered(version(0.9, 0.8, "aa"), version(0.95, 0.7, "bb"))
    page = tmp_path / "page.html"
    code, found = typed("compare", "churn", "1", "2", "--html", str(page))
    assert code == 0
    better = {one["name"]: one["better"] for one in found["metrics"]}
    assert better == {"accuracy": 2, "rmse": 2}
    (group,) = found["slices"]
    assert (group["name"], group["better"]) == ("age = <b>young</b>", 1)
    assert found["same_data"] is False
    text = page.read_text()
    assert "<b>young</b>" not in text
    assert "age = &lt;b&gt;young&lt;/b&gt;" in text
    assert "By partition of the backtest" in text
    assert typed("compare", "churn", "1", "1")[0] == 2
    assert typed("compare", "churn", "1", "7")[0] == 2


def test_a_card_tells_of_one_version(
    typed: Callable[..., tuple[int, dict[str, Any]]], registered: Registered, tmp_path: Path
) -> None:
    registered(
        {"metrics": {"accuracy": 0.9}, "tags": {**APPROVED, "model_sha256": "ab" * 32}},
        {"metrics": {"accuracy": 0.95}, "tags": APPROVED},
        changes=[("promote", "1", False)],
    )
    path = tmp_path / "CARD.md"
    code, made = typed("card", "--output", str(path))
    assert (code, made["version"]) == (0, 1)
    text = path.read_text()
    assert text.startswith("# churn, version 1\n")
    assert "| accuracy | 0.9000 | at least 0.9 |" in text
    assert f"`{'ab' * 32}`" in text
    assert "| promoted | ada | because |" in text
    assert "* In service from 2" in text


def test_a_change_that_may_be_half_done_is_unfinished(
    registered: Registered, typed: Callable[..., tuple[int, dict[str, Any]]]
) -> None:
    registered({"tags": APPROVED})
    store = Path(tracking_uri().removeprefix("sqlite:///"))
    store.write_bytes(b"not a database " * 1000)
    code, told = typed("promote", "churn", "1", "--reason", "it is time")
    assert code == 7
    assert "MLflow failed" in told["error"]["message"]
    assert told["error"]["state"] == "A part of it may have been done"
