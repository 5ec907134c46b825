"""A person's word on a version: a task that waits until somebody answers it, or time is up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Context, Param, XComArg

from .._mlops.runtime.settings import load
from .local import ROOT
from .notifications import told

SETTINGS = load(ROOT)
APPROVE, REJECT = "Approve", "Reject"


class ApprovalTask(HITLOperator):
    """Asks whether a version may serve; no answer in time is a no.

    It is answered on its page in Airflow, or with `mlops models approve` and `reject`.

    Args:
        version: The version's number.
        evaluation: What `evaluate` said of it.
    """

    template_fields: Sequence[str] = (*HITLOperator.template_fields, "version", "evaluation")

    def __init__(self, *, version: Any, evaluation: Any, **kwargs: Any) -> None:
        """Take what is asked about and what every such task takes."""
        hours = SETTINGS.model.approval.timeout_hours
        kwargs.pop("params", None)  # those of the DAG, which Airflow adds: nobody is asked them
        super().__init__(
            subject=f"A new version of {SETTINGS.project} waits for approval",
            options=[APPROVE, REJECT],
            defaults=[REJECT],
            params={
                "reason": Param("", type="string", description="Why; it is kept with the version"),
                "by": Param(
                    "", type="string", description="Who, where Airflow knows all by one name"
                ),
            },
            response_timeout=timedelta(hours=hours),
            execution_timeout=None,
            notifiers=told("approval_waiting"),
            **kwargs,
        )
        self.version = version
        self.evaluation = evaluation

    def execute(self, context: Context) -> Any:
        """Put the question, with the version's numbers, and wait."""
        self.subject = f"{SETTINGS.project} version {self.version} waits for approval"
        self.body = body(str(self.version), self.evaluation)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """What was answered: `chosen`, `by` (None: nobody in time) and `reason`."""
        super().execute_complete(context, event)
        given = event.get("params_input") or {}
        user = (event.get("responded_by_user") or {}).get("name")
        claimed = str(given.get("by") or "").strip()
        if user and claimed and claimed != user:
            # Airflow vouches for its user only.
            user = f"{claimed} (as {user})"
        return {
            "chosen": event["chosen_options"][0],
            "by": user or None,
            "reason": str(given.get("reason") or "").strip(),
        }


def body(version: str, evaluation: dict[str, Any]) -> str:
    """What a person has to know to decide, as Markdown."""
    lines = [f"Version {version} passed every gate.", "", "| metric | value |", "|---|---|"]
    lines += [f"| {name} | {value:.4f} |" for name, value in evaluation["metrics"].items()]
    compared = evaluation.get("champion")
    if compared:
        lines += [
            "",
            f"On the same {compared['rows']} rows its {compared['metric']} is "
            f"{compared['challenger']:.4f}; that of champion version {compared['version']} is "
            f"{compared['champion']:.4f}.",
        ]
    else:
        lines += ["", "It is the first version: there is no champion."]
    if backtest := evaluation.get("backtest"):
        lines += [
            "",
            f"On the newest {len(backtest['partitions'])} labelled partitions, "
            f"{backtest['rows']} rows, it reaches {backtest['challenger']:.4f}, the champion "
            f"{backtest['champion']:.4f}.",
        ]
    release = SETTINGS.release + (f", commit {SETTINGS.commit}" if SETTINGS.commit else "")
    return "\n".join([*lines, "", f"Release {release}."])


def asked_for(version: XComArg, evaluation: XComArg) -> dict[str, XComArg]:
    """What `approve` needs besides the version: a person's answer, where the policy wants one."""
    if SETTINGS.model.approval.policy != "person":
        return {}
    answer = ApprovalTask(task_id="approval", version=version, evaluation=evaluation)
    return {"answer": answer.output}
