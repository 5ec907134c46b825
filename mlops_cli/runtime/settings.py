"""The settings a pipeline runs with: `settings.json` of a release, or `mlops.yaml` of a checkout.

The dataclasses here are the one definition of the `model:` section. The command line validates
`mlops.yaml` against them; the project reads them without needing the command line.
"""

from __future__ import annotations

import json
import types
import typing
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from pathlib import Path  # noqa: TC003 -- get_type_hints reads this module
from typing import Any, ClassVar, Literal, TypeVar

from .notifications import Notifications

T = TypeVar("T")

ColumnType = Literal["integer", "number", "text", "boolean", "date", "timestamp"]
Task = Literal["classification", "regression"]
Balance = Literal["auto", "none", "class_weight", "resample"]
Policy = Literal["auto", "metric", "person"]
Mode = Literal["normal", "development"]
Engine = Literal["local", "glue", "great-expectations", "soda"]
Value = bool | int | float | str | None

_STRICT: dict[str, Any] = {"extra": "forbid", "strict": True}


@dataclass(frozen=True, kw_only=True, slots=True)
class Split:
    """How rows are held out; they are never seen before the evaluation."""

    __pydantic_config__: ClassVar = _STRICT

    test_size: float = 0.25
    """Share of the rows that is held out, above 0 and below 1."""
    random_state: int = 0
    stratify: bool = True
    """Keep the classes' shares in both parts (classification only)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Training:
    """Which candidates are tried, and how one of them is chosen."""

    __pydantic_config__: ClassVar = _STRICT

    families: dict[str, dict[str, list[Value | list[int]]]]
    """Model family to its grid: parameter to the values to try; `{}` is the library's defaults."""
    random_state: int = 0
    folds: int = 5
    """Cross-validation folds on the training rows; used when there is more than one candidate."""
    select_by: str = "f1_score"
    """The metric that chooses among candidates."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """The range a metric has to lie in; both ends count as inside."""

    __pydantic_config__: ClassVar = _STRICT

    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Evaluation:
    """What a new version has to reach before it can be promoted."""

    __pydantic_config__: ClassVar = _STRICT

    thresholds: dict[str, Bound]
    """Metric to its bound, on the held-out rows."""
    compare_by: str = "f1_score"
    """The metric on which a challenger must beat the champion, on the same rows."""
    margin: float = 0.0
    """By how much it must be better; a tie never wins."""
    slices: list[str] = field(default_factory=list)
    """Columns whose values are looked at one by one: no group may get much worse."""
    slice_margin: float = 0.02
    """By how much `compare_by` of a slice may be worse than the champion's; a share of it for
    errors (`rmse`, `mae`)."""
    slice_rows: int = 30
    """Slices of fewer rows are shown, and stop nothing."""
    backtest: int = 10
    """The newest labelled partitions on which champion and challenger are compared as well; none
    older than those of `monitoring.retrain.train_on`."""
    leaks_allowed: list[str] = field(default_factory=list)
    """Features that may determine the target all by themselves."""
    copies: float = 0.1
    """The most of the held-out rows that may be copies of training rows, beyond what chance gives;
    1 allows all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """Who lets a version that passed every gate into production."""

    __pydantic_config__: ClassVar = _STRICT

    policy: Policy = "auto"
    """`auto` takes what passed, `metric` what also gains enough, `person` asks in Airflow."""
    gain: float = 0.0
    """What `metric` asks for: by how much `evaluation.compare_by` must beat the champion's."""
    timeout_hours: float = 72.0
    """What nobody answers by then is rejected (`person`)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """The `model:` section of `mlops.yaml`."""

    __pydantic_config__: ClassVar = _STRICT

    task: Task
    target: str
    target_type: ColumnType | None = None
    """The target's type in the data; by default text for classes and number for regression."""
    features: dict[str, ColumnType]
    """Column to its type, in the order the model sees them."""
    source: str
    """Where the training data lies: a path in the project, or a `file://` URI."""
    training: Training
    evaluation: Evaluation
    split: Split = field(default_factory=Split)
    balance: Balance = "auto"
    """`auto` weighs classes when the rarest has less than half of its even share."""
    approval: Approval = field(default_factory=Approval)
    key: list[str] = field(default_factory=list)
    """Columns that name a row: labels that come later are joined on them; by position if none."""
    time: str | None = None
    """The column with a row's date: predictions are kept by it, a partition a day."""
    quality: dict[str, str] = field(
        default_factory=lambda: {
            "raw": "quality/raw.dqdl",
            "features": "quality/features.dqdl",
            "input": "quality/input.dqdl",
            "predictions": "quality/predictions.dqdl",
        }
    )
    """Gate to its ruleset."""

    @property
    def columns(self) -> dict[str, ColumnType]:
        """The columns training reads: the features, then the target."""
        target: ColumnType = "text" if self.task == "classification" else "number"
        return {**self.features, self.target: self.target_type or target}

    @property
    def input_columns(self) -> dict[str, ColumnType]:
        """The columns inference reads and must find: the key, the time, the features."""
        named: dict[str, ColumnType] = dict.fromkeys(self.key, "text")
        if self.time is not None:
            named[self.time] = "timestamp"
        return {**named, **self.features}

    def gate_columns(self, gate: str) -> dict[str, ColumnType]:
        """The columns that data has where it meets a gate."""
        if gate == "input":
            return self.input_columns
        if gate == "predictions":
            kept = {
                name: kind
                for name, kind in self.input_columns.items()
                if name in self.key or name == self.time
            }
            return {
                **kept,
                "prediction": self.columns[self.target],
                "model_version": "text",
                "run_id": "text",
            }
        return self.columns


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """When the rows of a window no longer look like those the champion has learned from."""

    __pydantic_config__: ClassVar = _STRICT

    method: str | None = None
    """One of Evidently's, such as `psi`; by default a test, and a distance for many rows."""
    threshold: float | None = None
    """Of the method: a distance from which, or a p-value below which, a column has drifted."""
    share: float = 0.5
    """A window broke when at least this share of the features drifted."""
    prediction: bool = True
    """It also broke when the predictions drifted."""
    rows: int = 50
    """A window of fewer rows tells nothing: it is shown, and never breaks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Retrain:
    """When monitoring has a model trained again."""

    __pydantic_config__: ClassVar = _STRICT

    broken: int = 2
    """So many of the last `windows` must have broken, the newest among them."""
    windows: int = 3
    cooldown_days: float = 7.0
    """So long after one training was asked for, no other is."""
    budget_per_month: int = 4
    """The most trainings that are asked for in a calendar month; 0 turns retraining off."""
    train_on: int = 30
    """The newest labelled partitions the new model learns from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ageing:
    """How the error of models grows with their age, simulated on labelled partitions."""

    __pydantic_config__: ClassVar = _STRICT

    tolerance: float = 1.5
    """A model is accurate as long as its error is at most this many times that of its first day."""
    simulations: int = 20
    """Trainings at random days, for each model family."""
    partitions: int = 8
    """The fewest labelled partitions from which ageing is simulated."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Monitoring:
    """The `monitoring:` section of `mlops.yaml`."""

    __pydantic_config__: ClassVar = _STRICT

    labels: str | None = None
    """Where the labels of a partition arrive: a URI with `{partition}` in it, CSV or Parquet."""
    drift: Drift = field(default_factory=Drift)
    performance: dict[str, Bound] = field(default_factory=dict)
    """Metric to its bound, once labels are there; by default `evaluation.thresholds`."""
    retrain: Retrain = field(default_factory=Retrain)
    ageing: Ageing = field(default_factory=Ageing)


@dataclass(frozen=True, kw_only=True, slots=True)
class Glue:
    """Where AWS Glue Data Quality runs the gates of an environment, and as whom."""

    __pydantic_config__: ClassVar = _STRICT

    role: str
    """The IAM role Glue takes on to read the data: its name or ARN."""
    location: str
    """Folder on S3 for the data that is checked, such as `s3://my-bucket/churn`."""
    database: str
    """Database of the Glue catalog for one table per gate; made when it is not there."""
    connection: str = "aws_default"
    """The Airflow connection to AWS."""
    workers: int = 2
    """G.1X workers of an evaluation run; 2 are the fewest Glue takes."""
    check_every_seconds: int = 30
    """How often Glue is asked whether an evaluation run is done."""
    timeout_minutes: int = 60
    """An evaluation run that takes longer is stopped, and the gate stays shut."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Paths:
    """Where a run's files go in this environment."""

    python: str
    """The interpreter of the project's own locked environment."""
    runs: str
    """Folder (or URI prefix) that holds one folder per run."""
    tracking_uri: str
    """MLflow's tracking and registry store."""
    artifacts: str
    """Where MLflow keeps what it logs."""
    data: str | None = None
    """Folder (or URI prefix) of what outlives a run: published predictions, quarantine, windows,
    the passport. By default `data` beside `runs`."""
    quality_python: str | None = None
    """The interpreter that has Great Expectations or Soda; None where the gates need neither."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """Everything a DAG or a step may ask; resolved when a release is built."""

    project: str
    package: str
    owner: str
    model: Model
    description: str = ""
    environment: str = "local"
    release: str = "working-tree"
    commit: str | None = None
    mode: Mode = "normal"
    """In `development` a pipeline leaves its schedule out: only people start it."""
    quality: Engine = "local"
    """What runs the gates in this environment."""
    glue: Glue | None = None
    """Set where `quality` is `glue`."""
    dag_ids: dict[str, str] = field(default_factory=dict)
    """Pipeline to its DAG id."""
    monitoring: Monitoring = field(default_factory=Monitoring)
    notifications: Notifications = field(default_factory=Notifications)
    paths: Paths | None = None
    """None in a checkout: only a release knows where it runs."""


def load(root: Path) -> Settings:
    """The settings of a release or of a checkout.

    Args:
        root: The folder that holds `settings.json` or `mlops.yaml`.

    Raises:
        FileNotFoundError: Neither is there.
        ValueError: A setting is missing or of the wrong type.
    """
    baked = root / "settings.json"
    if baked.is_file():
        return build(Settings, json.loads(baked.read_text(encoding="utf-8")), "settings.json")
    import yaml

    manifest = yaml.safe_load((root / "mlops.yaml").read_text(encoding="utf-8"))
    sections = ("owner", "description", "model", "monitoring", "notifications")
    known = {key: manifest[key] for key in sections if key in manifest}
    name = manifest["name"]
    return build(
        Settings, {"project": name, "package": name.replace("-", "_"), **known}, "mlops.yaml"
    )


def build(kind: type[T], data: Any, where: str) -> T:  # noqa: ANN401 -- JSON comes in every type
    """Make a dataclass from plain JSON or YAML values; unknown and missing names are errors.

    Raises:
        ValueError: With the name that is wrong.
    """
    if not isinstance(data, dict):
        raise ValueError(f"{where}: expected a mapping")
    hints = typing.get_type_hints(kind)
    known = {item.name: item for item in fields(kind)}  # type: ignore[arg-type]  # checked by callers
    if unknown := sorted(set(data) - set(known)):
        raise ValueError(f"{where}: unknown setting {unknown[0]!r}")
    for name, item in known.items():
        if name not in data and item.default is MISSING and item.default_factory is MISSING:
            raise ValueError(f"{where}: {name!r} is missing")
    return kind(
        **{name: _value(hints[name], item, f"{where}: {name}") for name, item in data.items()}
    )


def _value(hint: Any, data: Any, where: str) -> Any:  # noqa: ANN401 -- follows the type hints
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union) and data is not None:
        nested = [kind for kind in arguments if is_dataclass(kind)]
        return build(nested[0], data, where) if nested and isinstance(nested[0], type) else data
    if is_dataclass(hint) and isinstance(hint, type):
        return build(hint, data, where)
    if origin is list and isinstance(data, list):
        return [_value(arguments[0], item, f"{where}[{at}]") for at, item in enumerate(data)]
    if origin is dict and isinstance(data, dict):
        return {key: _value(arguments[1], item, f"{where}.{key}") for key, item in data.items()}
    return data
