"""A version's way into service: registered, approved, promoted, each step on its tags."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient

from .._mlops.runtime import champion, passport
from .._mlops.runtime.keeping import sha256
from .._mlops.runtime.steps import Refused, Run
from ..registry import ALIAS, connect, digest_of
from .search import LOWER_IS_BETTER

APPROVE = "Approve"
# The stages of a version's life, each with a state, kept as tags of the version.
REGISTERED = {
    "train": "Complete",
    "evaluate": "Complete",
    "audit": "Pending Approval",
    "deploy": "Draft",
}
APPROVED = {"audit": "Complete", "deploy": "Pending Approval"}
REJECTED = {"audit": "Rejected", "deploy": "Draft"}


def register(run: Run, *, evaluation: dict[str, Any]) -> str:
    """Make the evaluated model a new version; tried again, it finds the one it made.

    Returns:
        The version's number.
    """
    client, name = connect(run), run.settings.project
    uri = f"models:/{evaluation['model']}"
    version = _registered(client, name, uri)
    if version is None:
        version = str(mlflow.register_model(uri, name).version)
    source = json.loads(run.path("source.json").read_text(encoding="utf-8"))
    digests = {
        "source_sha256": source["sha256"],
        "model_sha256": digest_of(Path(mlflow.artifacts.download_artifacts(uri))),
        "lock_sha256": sha256(run.root / "requirements.lock"),
    }
    verdicts = _verdicts(run)
    facts = {
        "run": run.id,
        "release": run.settings.release,
        "commit": run.settings.commit or "",
        **digests,
        "quality": json.dumps(verdicts),
        **{metric: str(value) for metric, value in evaluation["metrics"].items()},
    }
    _tag(client, name, version, facts)
    _stages(client, name, version, REGISTERED)
    passport.record_once(
        run,
        "registered",
        version=version,
        commit=run.settings.commit,
        source=source["source"],
        rows=source["rows"],
        **digests,
        quality=verdicts,
        metrics=evaluation["metrics"],
        compared=evaluation.get("champion"),
        mlflow_run=evaluation["run"],
    )
    print(f"{name} version {version}")
    return version


def approve(run: Run, *, version: str, answer: dict[str, Any] | None = None) -> str:
    """Let the policy of `mlops.yaml` decide on a version that passed its gates.

    Args:
        run: The pipeline run.
        version: The version's number.
        answer: What a person said, where the policy asks one: `chosen`, `by`, `reason`.

    Returns:
        The version's number.

    Raises:
        Refused: It is rejected.
    """
    policy = run.settings.model.approval.policy
    if policy == "person":
        approved, by, reason = _answered(run, answer or {})
    else:
        approved, reason = _gained(run) if policy == "metric" else (True, "its gates let it pass")
        by = f"policy {policy}"
    client, name = connect(run), run.settings.project
    said = {"approved_by" if approved else "rejected_by": by, "approval_reason": reason}
    _tag(client, name, version, said)
    _stages(client, name, version, APPROVED if approved else REJECTED)
    event = "approved" if approved else "rejected"
    passport.record_once(run, event, version=version, by=by, reason=reason, policy=policy)
    if not approved:
        raise Refused(f"{name} version {version} was rejected by {by}: {reason}")
    print(f"{name} version {version} was approved by {by}: {reason}")
    return version


def promote(run: Run, *, version: str) -> dict[str, str]:
    """Make a version the champion; the old one stays in service until the alias moves.

    Returns:
        `name`, `version` and `uri` of the champion, the metadata of the asset `model`.
    """
    client, name, path = connect(run), run.settings.project, run.kept(passport.NAME)
    facts = {
        "event": champion.PROMOTED,
        "run": run.id,
        "environment": run.settings.environment,
        "release": run.settings.release,
        "commit": run.settings.commit,
        "by": client.get_model_version(name, version).tags.get("approved_by"),
    }
    with champion.held(path):
        before = champion.put(client, name, version, path=path, facts=facts)
    print(f"{name} version {version} is {ALIAS}" + (f", after version {before}" if before else ""))
    return {"name": name, "version": version, "uri": f"models:/{name}@{ALIAS}"}


def _registered(client: MlflowClient, name: str, uri: str) -> str | None:
    """The version made of a logged model, when there is one already."""
    found = client.search_model_versions(f"name = '{name}'", max_results=100)
    return next((str(one.version) for one in found if one.source == uri), None)


def _verdicts(run: Run) -> dict[str, dict[str, Any]]:
    """What the gates of this run said: how many rules there were, how many passed, the score."""
    found = {}
    for path in sorted(run.path("quality/any.json").parent.glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        rules = result.get("RuleResults", [])
        passed = sum(rule["Result"] == "PASS" for rule in rules)
        found[path.stem] = {"rules": len(rules), "passed": passed, "score": result.get("Score")}
    return found


def _answered(run: Run, answer: dict[str, Any]) -> tuple[bool, str, str]:
    """Whether a person approved, who, and why."""
    if not answer.get("by"):
        hours = run.settings.model.approval.timeout_hours
        return False, "policy person", f"nobody answered within {hours:g} hours"
    reason = str(answer.get("reason") or "").strip() or "no reason was given"
    return answer.get("chosen") == APPROVE, str(answer["by"]), reason


def _gained(run: Run) -> tuple[bool, str]:
    """Whether the version beats the champion by what the policy asks for."""
    evaluation = json.loads(run.path("evaluation.json").read_text(encoding="utf-8"))
    compared, asked = evaluation["champion"], run.settings.model.approval.gain
    if compared is None:
        return True, evaluation.get("not_compared") or "it is the first version"
    gain = compared["challenger"] - compared["champion"]
    if compared["metric"] in LOWER_IS_BETTER:
        gain = -gain
    told = (
        f"it gains {gain:.6f} in {compared['metric']} on champion version {compared['version']}, "
        f"and {asked:g} is asked for"
    )
    return gain >= asked, told


def _stages(client: MlflowClient, name: str, version: str, states: dict[str, str]) -> None:
    """Write the stages of a version, unless it is in service: then only `promote` changes them."""
    if champion.current(client, name) != version:
        _tag(client, name, version, states)


def _tag(client: MlflowClient, name: str, version: str, tags: dict[str, str]) -> None:
    for key, value in tags.items():
        client.set_model_version_tag(name, version, key, value)
