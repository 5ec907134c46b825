"""What is registered, read from a real MLflow registry."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from mlops_cli.core.errors import ProjectError, UsageError
from mlops_cli.core.progress import Silent
from mlops_cli.models.registry import list_models, show_model, tracking_uri

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_cli.project.model import Project


def test_before_the_first_training_nothing_is_registered(project: Project) -> None:
    assert list_models(project, "local", progress=Silent()).models == ()
    with pytest.raises(ProjectError, match="nothing of that name") as caught:
        show_model(project, None, "local", version=None, progress=Silent())
    assert caught.value.hint == "Train it: `mlops trigger training --env local`"
    assert not (Path(tracking_uri().removeprefix("sqlite:///"))).exists()


@pytest.mark.real
def test_versions_have_metrics_stages_and_aliases(
    project: Project, registered: Callable[..., None]
) -> None:
    params = {"family": "random_forest"}
    registered(
        {
            "metrics": {"accuracy": 0.9},
            "params": params,
            "tags": {"train": "Complete", "run": "m-1", "deploy": "Complete"},
            "champion": True,
        },
        {
            "metrics": {"accuracy": 0.95},
            "params": params,
            "tags": {
                "train": "Complete",
                "run": "m-2",
                "rejected_by": "ada",
                "approval_reason": "unfair",
                "model_sha256": "ab",
                "quality": '{"raw": {"rules": 9, "passed": 9}}',
                "review": "more than a pipe takes at once " * 2500,
            },
        },
    )
    shown = show_model(project, None, "local", version=None, progress=Silent())
    newest, first = shown.versions
    assert (newest.version, newest.metrics, newest.aliases) == (2, {"accuracy": 0.95}, ())
    assert (newest.decided_by, newest.reason) == ("ada", "unfair")
    assert newest.digests == {"model_sha256": "ab"}
    assert newest.quality == {"raw": {"rules": 9, "passed": 9}}
    assert (first.version, first.aliases, first.run) == (1, ("champion",), "m-1")
    assert first.parameters == params
    assert first.stages == {
        "train": "Complete",
        "evaluate": "Undefined",
        "audit": "Undefined",
        "deploy": "Complete",
    }
    only = show_model(project, "churn", "local", version=1, progress=Silent())
    assert only.versions == (first,)
    with pytest.raises(UsageError, match="no version 3"):
        show_model(project, "churn", "local", version=3, progress=Silent())
    (line,) = list_models(project, "local", progress=Silent()).models
    assert (line.versions, line.champion, line.newest) == (2, 1, 2)
