"""Models and their versions as a person reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from . import tables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console
    from rich.text import Text

    from mlops_cli.models.registry import ModelList, ModelVersion, ModelVersions
    from mlops_cli.models.ui import TrackingUi

_METRICS: Final = {
    "classification": ("accuracy", "precision", "recall", "f1_score"),
    "regression": ("r2", "rmse", "mae"),
}
_COLOURS: Final = {
    "Complete": "green",
    "Pending Approval": "yellow",
    "Refused": "red",
    "Rejected": "red",
    "Rolled Back": "red",
    "Draft": "cyan",
    "Retired": "dim",
    "Archived": "dim",
    "Undefined": "dim",
}
_STAGES: Final = ("train", "evaluate", "audit", "deploy")
_WIDE: Final = 112


def render_model_list(found: ModelList, console: Console) -> None:
    """All models."""
    if not found.models:
        console.print("No model is registered yet: `mlops trigger training`", markup=False)
        return
    shown = tables.table("model", "versions", "champion", "newest", "registered")
    for model in found.models:
        created = f"{model.created:%Y-%m-%d %H:%M}" if model.created else ""
        tables.add(shown, (model.name, model.versions, model.champion, model.newest, created))
    console.print(shown)


def render_model_versions(model: ModelVersions, console: Console) -> None:
    """The versions of a model; of one alone, also all that is known of it."""
    metrics = _metrics(model)
    # The table of four states needs its room; a narrow terminal gets the state that counts.
    wide = console.width >= _WIDE
    stages = _STAGES if wide else ("state",)
    shown = tables.table("version", *metrics, *stages, "alias", "registered")
    for version in model.versions:
        states = [_stage(version.stages.get(stage)) for stage in _STAGES]
        row = (
            version.version,
            *(_number(version.metrics, metric) for metric in metrics),
            *(states if wide else [_furthest(version)]),
            ", ".join(version.aliases),
            f"{version.created:%Y-%m-%d}",
        )
        tables.add(shown, row)
    console.print(tables.clean(model.name), style="bold", markup=False)
    console.print(shown)
    if len(model.versions) == 1:
        _one(model, model.versions[0], console)


def _furthest(version: ModelVersion) -> Text:
    """The first stage that is not complete, with its state; else that all are."""
    for stage in _STAGES:
        if (state := version.stages.get(stage, "Undefined")) != "Complete":
            return _stage(state, prefix=f"{stage}: ")
    return _stage("Complete")


def render_tracking_ui(ui: TrackingUi, console: Console) -> None:
    """The interface was closed."""
    console.print(f"MLflow at {ui.url} is stopped", markup=False)


def _one(model: ModelVersions, version: ModelVersion, console: Console) -> None:
    from rich.text import Text

    title = Text(f"{tables.clean(model.name)} version {version.version}", "bold")
    if version.aliases:
        title.append(f"  {tables.clean(', '.join(version.aliases))}", "green")
    console.print(title)
    metrics = _metrics(model)
    for metric in [*metrics, *sorted(set(version.metrics) - set(metrics))]:
        if metric in version.metrics:
            _fact(console, metric, repr(version.metrics[metric]))
    for stage in _STAGES:
        _fact(console, stage, _stage(version.stages.get(stage)))
    facts = [
        ("registered", f"{version.created:%Y-%m-%d %H:%M:%S} UTC"),
        ("decided by", version.decided_by),
        ("reason", version.reason),
        ("run", version.run),
        ("release", version.release),
        ("commit", version.commit),
        *version.digests.items(),
        ("parameters", ", ".join(f"{k}={v}" for k, v in version.parameters.items())),
    ]
    for name, value in facts:
        if value:
            _fact(console, name, value)


def _metrics(model: ModelVersions) -> Sequence[str]:
    if model.task in _METRICS:
        return _METRICS[model.task]
    known = {metric for version in model.versions for metric in version.metrics}
    every = (metric for kind in _METRICS.values() for metric in kind)
    return [metric for metric in every if metric in known]


def _fact(console: Console, name: str, value: str | Text) -> None:
    from rich.text import Text

    text = value if isinstance(value, Text) else Text(tables.clean(value))
    console.print(Text(f"  {tables.clean(name):<18}", "dim").append_text(text), soft_wrap=True)


def _number(metrics: Mapping[str, float], name: str) -> str:
    return f"{metrics[name]:.4f}" if name in metrics else ""


def _stage(state: str | None, *, prefix: str = "") -> Text:
    from rich.text import Text

    word = tables.clean(state or "Undefined")
    return Text(prefix + word, _COLOURS.get(word, "default"))
