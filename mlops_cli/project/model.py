"""`mlops.yaml` as a typed value; every key is known, every value checked."""

from __future__ import annotations

import hashlib
from pathlib import Path  # noqa: TC003 -- pydantic reads the annotations
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mlops_cli.runtime.settings import (  # noqa: TC001 -- pydantic reads the annotations
    Engine,
    Glue,
    Model,
)

SCHEMA_VERSION: Final = 1
PIPELINES: Final = ("training",)
# MWAA's InvokeRestApi allows 64 characters of path; a DAG id may take this much of them.
DAG_ID_LENGTH: Final = 24

FAMILIES: Final = {
    "classification": ("logistic_regression", "random_forest", "gradient_boosting", "mlp"),
    "regression": ("ridge", "random_forest", "gradient_boosting", "mlp"),
}
METRICS: Final = {
    "classification": ("accuracy", "precision", "recall", "f1_score", "balanced_accuracy"),
    "regression": ("r2", "rmse", "mae"),
}


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class LocalEnvironment(_Section):
    """The embedded Airflow of this machine."""

    kind: Literal["local"]
    platform: Literal["local"] = "local"
    protected: bool = False
    quality: Engine = "local"
    """What runs the gates."""
    glue: Glue | None = None
    """Needed where `quality` is `glue`; kept, and not used, where it is not."""

    @model_validator(mode="after")
    def _glue_is_set_up(self) -> LocalEnvironment:
        if self.quality == "glue" and self.glue is None:
            raise ValueError(
                "`quality: glue` needs a section `glue:` with `role`, `location` and `database`"
            )
        if problems := _glue_problems(self.glue):
            raise ValueError("; ".join(problems))
        return self


def _glue_problems(glue: Glue | None) -> list[str]:
    if glue is None:
        return []
    problems = [
        f"`glue.{name}` must be at least {least}"
        for name, least in (("workers", 2), ("check_every_seconds", 1), ("timeout_minutes", 1))
        if getattr(glue, name) < least
    ]
    if not glue.location.startswith("s3://"):
        problems.append(f"`glue.location` must begin with s3://, and `{glue.location}` does not")
    return problems


EnvironmentSpec = Annotated[LocalEnvironment, Field()]


class Project(_Section):
    """One model project: its name, its model and the environments it is deployed to."""

    version: Literal[1]
    name: str
    owner: str = Field(min_length=1)
    description: str = ""
    airflow: str = "3.3"
    variables: list[str] = Field(default_factory=list)
    """Airflow variables the pipelines read; each Airflow they go to must have them."""
    connections: list[str] = Field(default_factory=list)
    """Airflow connections the pipelines use; likewise."""
    model: Model
    environments: dict[str, EnvironmentSpec] = Field(min_length=1)

    root: Path = Field(exclude=True)
    """The project's folder; not a key of the file."""

    @field_validator("environments")
    @classmethod
    def _plain_names(cls, value: dict[str, EnvironmentSpec]) -> dict[str, EnvironmentSpec]:
        for name in value:
            if not name.replace("_", "").replace("-", "").isalnum() or not name.isascii():
                raise ValueError(
                    f"`{name}` is no name for an environment: letters, digits, - and _"
                )
        return value

    @model_validator(mode="after")
    def _fits_the_task(self) -> Project:
        model = self.model
        families, metrics = FAMILIES[model.task], METRICS[model.task]
        named = [
            model.training.select_by,
            model.evaluation.compare_by,
            *model.evaluation.thresholds,
        ]
        problems = [
            f"`model.training.families`: no family `{family}` for {model.task}; "
            f"there are {', '.join(families)}"
            for family in model.training.families
            if family not in families
        ]
        problems += [
            f"no metric `{metric}` for {model.task}; there are {', '.join(metrics)}"
            for metric in dict.fromkeys(named)
            if metric not in metrics
        ]
        if not model.training.families:
            problems.append("`model.training.families` names no family")
        if model.target in model.features:
            problems.append(f"`model.target` `{model.target}` is a feature: the model would see it")
        if not model.features:
            problems.append("`model.features` names no column")
        if not 0 < model.split.test_size < 1:
            problems.append("`model.split.test_size` must be above 0 and below 1")
        if model.training.folds < 2:
            problems.append("`model.training.folds` must be at least 2")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def package(self) -> str:
        """The model's Python package."""
        return self.name.replace("-", "_")

    def dag_id(self, pipeline: str) -> str:
        """The DAG id of a pipeline: `<project>_<pipeline>`, shortened to 24 characters.

        A name too long is cut and gets four characters of its hash, so that two never meet.
        """
        whole = f"{self.name}_{pipeline}"
        if len(whole) <= DAG_ID_LENGTH:
            return whole
        mark = hashlib.sha256(self.name.encode()).hexdigest()[:4]
        room = DAG_ID_LENGTH - len(pipeline) - len(mark) - 1
        return f"{self.name[:room]}{mark}_{pipeline}"

    @property
    def dag_ids(self) -> dict[str, str]:
        """Pipeline to DAG id."""
        return {pipeline: self.dag_id(pipeline) for pipeline in PIPELINES}
