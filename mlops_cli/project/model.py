"""`mlops.yaml` as a typed value; every key is known, every value checked."""

from __future__ import annotations

import hashlib
from pathlib import Path  # noqa: TC003 -- pydantic reads the annotations
from typing import Final, Literal

from pydantic import Field, PrivateAttr, field_validator, model_validator

from mlops_cli.runtime.notifications import Notifications
from mlops_cli.runtime.settings import (
    Model,
    Monitoring,
)

from .environments import (
    AirflowEnvironment,
    EnvironmentSpec,
    LocalEnvironment,
    MwaaEnvironment,
    Section,
    place_of,
)
from .names import user_prefix

__all__ = [
    "AirflowEnvironment",
    "EnvironmentSpec",
    "LocalEnvironment",
    "MwaaEnvironment",
    "Project",
]

SCHEMA_VERSION: Final = 1
AIRFLOW_VERSIONS: Final = ("3.3", "3.2")
PIPELINES: Final = ("training", "inference", "monitoring")
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


class Project(Section):
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
    pools: list[str] = Field(default_factory=list)
    """Airflow pools the pipelines use; likewise."""
    model: Model
    monitoring: Monitoring = Field(default_factory=Monitoring)
    notifications: Notifications = Field(default_factory=Notifications)
    environments: dict[str, EnvironmentSpec] = Field(min_length=1)

    root: Path = Field(exclude=True)
    """The project's folder; not a key of the file."""

    _package: str | None = PrivateAttr(default=None)

    @field_validator("airflow")
    @classmethod
    def _known_airflow(cls, value: str) -> str:
        if value not in AIRFLOW_VERSIONS:
            known = " or ".join(f'`"{version}"`' for version in AIRFLOW_VERSIONS)
            raise ValueError(f"`airflow` is {known}, and `{value}` is neither")
        return value

    @field_validator("environments")
    @classmethod
    def _plain_names(cls, value: dict[str, EnvironmentSpec]) -> dict[str, EnvironmentSpec]:
        for name in value:
            if not name.replace("_", "").replace("-", "").isalnum() or not name.isascii():
                raise ValueError(
                    f"`{name}` is no name for an environment: letters, digits, - and _"
                )
        return value

    @field_validator("environments")
    @classmethod
    def _places_of_their_own(cls, value: dict[str, EnvironmentSpec]) -> dict[str, EnvironmentSpec]:
        taken: dict[tuple[str, str], str] = {}
        for name, spec in value.items():
            place = place_of(spec)
            if place is None:
                continue
            first = taken.setdefault((place, spec.mode), name)
            if first != name:
                raise ValueError(
                    f"`{first}` and `{name}` have their releases in one place: {place}"
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
        problems += [
            f"`model.evaluation.{key}`: `{name}` is no feature"
            for key in ("slices", "leaks_allowed")
            for name in getattr(model.evaluation, key)
            if name not in model.features
        ]
        if not 0 <= model.evaluation.copies <= 1:
            problems.append("`model.evaluation.copies` is a share, from 0 to 1")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def package(self) -> str:
        """The model's Python package."""
        return self._package or self.name.replace("-", "_")

    def within(self, environment: str) -> Project:
        """The project as that environment has it.

        In one of `mode: development` it goes by your own name and its own (`ada_churn`): its
        releases, DAGs, runs and models are then yours alone. Elsewhere it is just itself.
        """
        spec = self.environments.get(environment)
        if spec is None or spec.mode != "development" or self._package is not None:
            return self
        own = self.model_copy(update={"name": f"{user_prefix()}_{self.name}"})
        own._package = self.package  # noqa: SLF001 -- of this very class
        return own

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
        """Pipeline to DAG id, of each that has its file; training is never left out."""
        return {
            pipeline: self.dag_id(pipeline)
            for pipeline in PIPELINES
            if pipeline == PIPELINES[0] or (self.root / "dags" / f"{pipeline}.py").is_file()
        }
