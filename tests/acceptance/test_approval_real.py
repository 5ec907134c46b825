"""A person's word on a version, on a real Airflow: no, then yes, then nobody's in time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from real_airflow import Web
from somebody import until

from mlops_cli.environments.release.build import creator

if TYPE_CHECKING:
    from pathlib import Path

    from somebody import User

    from mlops_cli.environments.local.instance import Instance

pytestmark = [pytest.mark.real, pytest.mark.long, pytest.mark.timeout(900)]

RUN = "m-asked"
DAG = "asking_training"
SECONDS = 1


def test_a_run_waits_for_a_person_and_takes_no_silence_for_a_yes(
    user: User, local_airflow: Instance, tmp_path: Path
) -> None:
    web = Web(local_airflow)
    made = user.types("new", "asking", "--defaults", "--no-git", folder=tmp_path)
    assert made.code == 0, made.text
    root = tmp_path / "asking"
    manifest = root / "mlops.yaml"
    automatic = manifest.read_text()
    manifest.write_text(automatic.replace("policy: auto", "policy: person"))

    def types(*arguments: str, code: int = 0) -> Any:
        said = user.types(*arguments, folder=root)
        assert said.code == code, said.text
        return said

    def versions() -> dict[int, dict[str, Any]]:
        shown = types("models", "show", "asking", "--json").result["versions"]
        return {one["version"]: one for one in shown}

    def waits() -> bool:
        state = web.runs(DAG)[RUN]
        assert state in ("queued", "running"), state
        return web.tasks(DAG, RUN).get("approval") == "awaiting_input"

    def ended() -> str | None:
        state = web.runs(DAG)[RUN]
        return state if state in ("success", "failed") else None

    types("deploy", "--env", "local")
    types("trigger", "training", "--run-id", RUN, "--no-follow")
    until(waits, "the question")
    assert "no run waits" in types("models", "approve", "asking", "7", code=1).text

    types("models", "reject", "asking", "1", "--reason", "I know better")
    assert until(ended, "the end of the rejected run") == "failed"
    failed = types("logs", "training", "approve", "--run-id", RUN)
    assert "asking version 1 was rejected by" in failed.out
    version = versions()[1]
    assert (version["stages"]["audit"], version["reason"]) == ("Rejected", "I know better")
    assert version["aliases"] == []
    again = types("models", "approve", "asking", "1", code=5)
    assert f"it was rejected by {creator()}" in again.text
    refused = types("models", "promote", "asking", "1", code=5)
    assert "it is not approved (audit: Rejected)" in refused.text

    # The same question, put again.
    repeat = ("trigger", "training", "--run-id", RUN, "--task", "approval", "--no-follow")
    types(*repeat)
    until(waits, "the second question")
    approved = ("models", "approve", "asking", "1", "--reason", "on second thoughts", "--follow")
    types(*approved)
    version = versions()[1]
    assert (version["aliases"], version["stages"]["deploy"]) == (["champion"], "Complete")
    assert version["decided_by"] == f"{creator()} (as admin)"
    told = types("models", "history", "asking", "--version", "1", "--json").result
    events = [entry["event"] for entry in told["entries"]]
    assert [event for event in events if event != "scored"] == [
        "registered",
        "rejected",
        "approved",
        "promoted",
    ]

    # And once more, for nobody.
    hours = f"policy: person\n    timeout_hours: {SECONDS / 3600:.6f}"
    manifest.write_text(automatic.replace("policy: auto", hours))
    types("deploy", "--when-running", "wait")
    types(*repeat)
    assert until(ended, "the end of the time") == "failed"
    late = types("models", "approve", "asking", "1", code=5)
    assert "nobody answered in time" in late.text
    # What is in service stays there.
    assert versions()[1]["aliases"] == ["champion"]
