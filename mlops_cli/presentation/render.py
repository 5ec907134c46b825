"""Result type to renderer: each area's module is imported when one of its results is shown."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from rich.console import Console

# Result class to the module of `human` that has a function `render_<ClassName in snake case>`.
AREAS: Final[dict[str, str]] = {
    "NewProject": "project",
    "TemplateList": "project",
    "JsonSchema": "project",
    "CheckReport": "checks",
    "Explanation": "checks",
    "TestReport": "checks",
    "GatesReport": "gates",
    "QualityCheck": "quality",
    "SuggestedRuleset": "quality",
    "RulesetDiff": "quality_diff",
    "RuleTypeList": "quality",
    "RuleExplanation": "quality",
    "RulesetLints": "quality",
    "ExportedRuleset": "quality",
    "Plan": "deployment",
    "Deployment": "deployment",
    "Rollback": "deployment",
    "ReleaseList": "deployment",
    "Destruction": "deployment",
    "Destroyed": "deployment",
    "Unlocked": "deployment",
    "RunOutcome": "runs",
    "StatusReport": "runs",
    "TaskLog": "runs",
    "FollowedLog": "runs",
    "BackfillOutcome": "runs",
    "AssetNews": "runs",
    "WebPage": "runs",
    "ModelList": "models",
    "ModelVersions": "models",
    "TrackingUi": "models",
    "ModelReport": "report",
    "ApprovalAnswer": "model_changes",
    "ModelChange": "model_changes",
    "ModelHistory": "model_history",
    "ModelCard": "model_history",
    "ModelComparison": "model_comparison",
    "EnvironmentList": "environments",
    "ShownEnvironment": "environments",
    "AddedEnvironment": "environments",
    "Diagnosis": "environments",
    "NotificationTest": "notify",
    "AirflowStarted": "airflow",
    "EmulatedStarted": "airflow",
    "AirflowStopped": "airflow",
    "AirflowStatus": "airflow",
    "AirflowLogs": "airflow",
    "AirflowUi": "airflow",
}


def render(result: object, console: Console) -> None:
    """Print a result for a person.

    Raises:
        KeyError: Nobody said how this type looks.
    """
    kind = type(result).__name__
    module = import_module(f"{__package__}.human.{AREAS[kind]}")
    snake = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in kind)
    getattr(module, f"render{snake}")(result, console)
