"""What MLflow is told of a judged model, and the champion it is judged against."""

from __future__ import annotations

import json
import logging
import warnings
from dataclasses import dataclass, replace
from typing import Any

import mlflow
import pandas as pd
from mlflow import MlflowClient
from mlflow.data.pandas_dataset import from_pandas
from mlflow.models import infer_signature

from .. import registry
from .._mlops.runtime.settings import Model
from .._mlops.runtime.steps import Run
from . import report
from .families import TRUSTED
from .leakage import row_hashes

# MLflow says of every local file that two of its readers could take it, and of every
# environment that uv made that it has no pip: both are so on purpose.
warnings.filterwarnings("ignore", message="The specified dataset source can be interpreted")
logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)

# Enough to tell two distributions apart, and few enough to read at every measurement.
REFERENCE_ROWS = 50_000


@dataclass(frozen=True)
class Champion:
    """The version in service."""

    version: str
    model: Any
    learned_from: pd.Series
    """Hashes of the rows it was trained on."""
    run_id: str
    """The MLflow run that logged it, with `reference.parquet` among its artifacts."""

    def as_trained(self, model: Model) -> Model:
        """The model with the features that this version has learned from, in its order."""
        return replace(model, features={name: model.features[name] for name in self._columns})

    def not_compared(self, model: Model) -> str | None:
        """Why it cannot be asked about rows with the features of today; None when it can."""
        gone = [name for name in self._columns if name not in model.features]
        if not gone:
            return None
        return (
            f"champion version {self.version} has learned from the column `{gone[0]}`, which "
            "`features` of mlops.yaml names no more: it is not compared, and the thresholds "
            "decide alone"
        )

    @property
    def _columns(self) -> list[str]:
        return [str(name) for name in self.model.feature_names_in_]


def _experiment(run: Run, client: MlflowClient) -> str:
    name = run.settings.project
    if found := client.get_experiment_by_name(name):
        return str(found.experiment_id)
    assert run.settings.paths is not None
    return str(client.create_experiment(name, f"{run.settings.paths.artifacts}/{name}"))


def champion(run: Run) -> Champion | None:
    """The version the alias names, with its model loaded; None before the first promotion."""
    found = registry.champion(run)
    if found is None:
        return None
    rows = mlflow.artifacts.download_artifacts(f"runs:/{found.run_id}/training_rows.parquet")
    return Champion(
        version=str(found.version),
        model=mlflow.sklearn.load_model(f"models:/{run.settings.project}@{registry.ALIAS}"),
        learned_from=pd.read_parquet(rows)["row"],
        run_id=str(found.run_id),
    )


def reference(
    fitted: Any, train_rows: pd.DataFrame, test: pd.DataFrame, model: Model
) -> pd.DataFrame:
    """What later rows are compared with: the data of a training, at most 50,000 rows of it.

    Features and target of all rows; the model's own `prediction` only on the held-out ones, and
    missing on those it has learned from, where it is surer than it will ever be in service.
    """
    judged = test.assign(prediction=fitted.predict(test[list(model.features)]))
    learned = train_rows.assign(prediction=None)
    room = REFERENCE_ROWS // 2
    parts = [
        part.sample(room, random_state=model.split.random_state) if len(part) > room else part
        for part in (judged, learned)
    ]
    together = pd.concat([part.astype({"prediction": object}) for part in parts])
    kind = "float64" if model.task == "regression" else "object"
    return together.astype({"prediction": kind}).reset_index(drop=True)


def log(
    run: Run,
    fitted: Any,
    verdict: dict[str, Any],
    *,
    train_rows: pd.DataFrame,
    test: pd.DataFrame,
) -> dict[str, str]:
    """Log a judged model to MLflow: parameters, metrics, data, signature, plots, report.

    Returns:
        The ids of the MLflow `run` and of the logged `model`.
    """
    client, settings, candidate = registry.connect(run), run.settings, verdict["candidate"]
    features = list(settings.model.features)
    source = json.loads(run.path("source.json").read_text(encoding="utf-8"))
    example = train_rows[features].head(5)
    with mlflow.start_run(experiment_id=_experiment(run, client), run_name=run.id) as tracked:
        mlflow.log_params({"family": candidate["family"], **candidate["parameters"]})
        mlflow.log_params(
            {"balance": json.loads(run.path("balance.json").read_text(encoding="utf-8"))}
        )
        mlflow.log_metrics(verdict["metrics"])
        dataset = from_pandas(train_rows, source=source["source"], name="training")
        mlflow.log_input(dataset, context="training")
        mlflow.set_tags(
            {
                "mlops.run": run.id,
                "mlops.release": settings.release,
                "mlops.source_sha256": source["sha256"],
                "mlflow.source.git.commit": settings.commit or "",
                "evaluate": "Complete" if verdict["passed"] else "Refused",
            }
        )
        row_hashes(train_rows).to_frame("row").to_parquet(run.path("training_rows.parquet"))
        mlflow.log_artifact(str(run.path("training_rows.parquet")))
        kept = reference(fitted, train_rows, test, settings.model)
        kept.to_parquet(run.path("reference.parquet"))
        mlflow.log_artifact(str(run.path("reference.parquet")))
        mlflow.log_artifact(str(run.path("evaluation.json")))
        for picture in report.write(run, fitted, verdict, test):
            mlflow.log_artifact(str(picture))
        logged = mlflow.sklearn.log_model(
            fitted,
            name="model",
            signature=infer_signature(example, fitted.predict(example)),
            input_example=example,
            serialization_format="skops",
            skops_trusted_types=TRUSTED,
            pip_requirements=str(run.root / "requirements.lock"),
        )
    return {"run": tracked.info.run_id, "model": logged.model_id}
