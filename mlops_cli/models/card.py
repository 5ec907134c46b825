"""The model card: one Markdown page of a version, made from the passport and the registry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_cli.core.errors import ProjectError, UsageError
from mlops_cli.core.files import write_atomic
from mlops_cli.core.redact import printable, redact

from .history import ModelHistory, history, serving
from .registry import STAGES, show_model

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mlops_cli.core.progress import Progress
    from mlops_cli.project.model import Project

    from .history import Entry
    from .registry import ModelVersion


@dataclass(frozen=True, slots=True)
class ModelCard:
    """The card of one version."""

    model: str
    version: int
    environment: str
    text: str
    """Markdown."""
    path: Path | None
    """Where it was written to."""


def card(
    project: Project,
    name: str | None,
    environment: str,
    *,
    version: int | None,
    output: Path | None,
    progress: Progress,
) -> ModelCard:
    """Write the card of a version; by default the champion's, before there is one the newest's.

    Args:
        project: Whose model.
        name: The model; by default the project's.
        environment: Whose registry.
        version: The version.
        output: Write it to this file.
        progress: Told what happens.

    Raises:
        ProjectError: Nothing is registered.
        UsageError: There is no such version.
        UnavailableError: The registry could not be read.
        OSError: The file could not be written.
    """
    found = show_model(
        project, name, environment, version=version, evaluations=True, progress=progress
    )
    champion = next((one for one in found.versions if "champion" in one.aliases), None)
    chosen = champion or next(iter(found.versions), None)
    if chosen is None:
        raise UsageError(f"There is no version of `{found.name}`")
    past = _past(project, found.name, environment)
    text = "\n".join(_lines(project, chosen, past)) + "\n"
    if output is not None:
        write_atomic(output, text)
    return ModelCard(found.name, chosen.version, environment, text, output)


def _past(project: Project, name: str, environment: str) -> ModelHistory:
    """What the passport says; nothing where there is none: older releases wrote none."""
    try:
        return history(project, name, environment, version=None, at=None)
    except ProjectError:
        return ModelHistory(name, environment, "", None, (), (), None)


def _lines(project: Project, version: ModelVersion, past: ModelHistory) -> Iterator[str]:
    model = project.model
    own = [entry for entry in past.entries if entry.version == version.version]
    made = next((entry for entry in own if entry.event == "registered"), None)
    yield f"# {past.model}, version {version.version}"
    yield ""
    if project.description:
        yield from (_text(project.description), "")
    if past.broken is not None:
        yield f"**Entry {past.broken} of the passport does not follow the one before it: it, or one"
        yield "before it, was changed. What stands here of the past is not proven.**"
        yield ""
    yield from _list(
        {
            "Task": f"{model.task} of `{_text(model.target)}`",
            "Owner": project.owner,
            "State": ", ".join(f"{stage}: {version.stages.get(stage)}" for stage in STAGES),
            "Registered": f"{version.created:%Y-%m-%d %H:%M} UTC in `{past.environment}`",
            "Decided by": _because(version.decided_by, version.reason),
        }
    )
    yield from _section("What it is for")
    yield f"It predicts `{_text(model.target)}` from {len(model.features)} columns:"
    yield ""
    yield from _table(
        ("column", "type"), [(f"`{name}`", kind) for name, kind in model.features.items()]
    )
    yield from _section("What it reaches")
    yield from _table(
        ("metric", "value", "has to be"),
        [
            (name, f"{value:.4f}", _bound(model.evaluation.thresholds.get(name)))
            for name, value in version.metrics.items()
        ],
    )
    yield from _measured(version.evaluation or {})
    yield from _section("What it was made of")
    facts = made.facts if made else {}
    yield from _list(
        {
            "Data": facts.get("source"),
            "Rows in the file": facts.get("rows"),
            **{name: f"`{digest}`" for name, digest in version.digests.items()},
            "Release": version.release,
            "Commit": version.commit,
            "Pipeline run": version.run,
            "MLflow run": version.mlflow_run,
            "Parameters": ", ".join(f"{k}={v}" for k, v in version.parameters.items()),
        }
    )
    if version.quality:
        yield ""
        yield from _table(
            ("quality gate", "rules", "passed"),
            [(name, one["rules"], one["passed"]) for name, one in version.quality.items()],
        )
    yield from _section("What happened to it")
    yield from _life(own, past)


def _measured(evaluation: Mapping[str, Any]) -> Iterator[str]:
    if against := evaluation.get("champion"):
        yield ""
        yield (
            f"On {against['rows']} rows that were new to both, its {against['metric']} was "
            f"{_number(against['challenger'])} and that of version {against['version']}, then in "
            f"service, {_number(against['champion'])}."
        )
    for title, key, name in (("slice", "slices", "value"), ("partition", "backtest", "partition")):
        rows = evaluation.get(key) or []
        rows = rows.get("partitions", []) if isinstance(rows, dict) else rows
        if rows:
            yield ""
            yield from _table(
                (title, "rows", "this version", "then in service"),
                [
                    (
                        f"{one['column']} = {one[name]}" if "column" in one else one[name],
                        one["rows"],
                        _number(one["challenger"]),
                        _number(one["champion"]),
                    )
                    for one in rows
                ],
            )


def _life(own: Sequence[Entry], past: ModelHistory) -> Iterator[str]:
    times = [one for one in serving(past.entries) if one.version == own[0].version] if own else []
    for one in times:
        end = f"to {one.until:%Y-%m-%d %H:%M}" if one.until else "on"
        yield f"* In service from {one.since:%Y-%m-%d %H:%M} {end} (UTC)"
    scored = [entry for entry in own if entry.event == "scored"]
    if scored:
        rows = sum(int(entry.facts.get("rows") or 0) for entry in scored)
        yield f"* Scored {len(scored)} batches, {rows} rows"
    windows = [entry for entry in own if entry.event == "drift"]
    if windows:
        broke = sum(bool(entry.facts.get("broke")) for entry in windows)
        yield f"* Watched over {len(windows)} windows, of which {broke} broke"
    if times or scored or windows:
        yield ""
    yield from _table(
        ("when (UTC)", "what", "by", "why"),
        [
            (
                f"{entry.at:%Y-%m-%d %H:%M:%S}",
                entry.event,
                entry.facts.get("by") or entry.run or "",
                entry.facts.get("reason") or "",
            )
            for entry in own
            if entry.event not in ("scored", "drift")
        ],
    )


def _section(title: str) -> Iterator[str]:
    yield from ("", f"## {title}", "")


def _list(facts: Mapping[str, object]) -> Iterator[str]:
    for name, value in facts.items():
        if value not in (None, ""):
            yield f"* {name}: {_text(value)}"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(_text(cell) for cell in row)} |"


def _because(who: str | None, reason: str | None) -> str | None:
    return f"{who}: {reason}" if who and reason else who


def _bound(bound: Any) -> str:  # noqa: ANN401 -- a `Bound`, or none
    if bound is None:
        return ""
    ends = {"at least": bound.minimum, "at most": bound.maximum}
    return ", ".join(f"{words} {end}" for words, end in ends.items() if end is not None)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _text(value: object) -> str:
    """One line of a table or a list, whatever was written down."""
    return " ".join(printable(redact(str(value))).split()).replace("|", "\\|")
