"""What the report says of the windows: drift, performance, quality, and decisions to retrain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlops_cli.checks.quality.page.charts import number, shown
from mlops_cli.checks.quality.page.view import percent

from .charts import Cell, TimeChart, Value, cells, day, over_time
from .gathering import moment, safe
from .versions import metrics_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .gathering import Json, Material

MOST_WINDOWS: Final = 90
"""The newest windows that are drawn."""
_MOST_COLUMNS: Final = 12
_MOST_METRICS: Final = 4
PREDICTION: Final = "the prediction"


@dataclass(frozen=True, slots=True)
class WindowRow:
    """One window as a line of a table."""

    partition: str
    version: str
    rows: str
    drift: str
    performance: str
    broke: bool
    reasons: str
    page: str
    """Where the report of the run that measured it is, if it is on this machine."""


@dataclass(frozen=True, slots=True)
class ColumnRow:
    """A column, and the windows in which it drifted."""

    name: str
    drifted: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class RetrainingRow:
    """A decision to train again, or not to."""

    at: str
    partition: str
    retrain: bool
    reason: str
    numbers: str


@dataclass(frozen=True, slots=True)
class QuarantineRow:
    """A batch that a gate stopped."""

    at: str
    gate: str
    run: str
    reason: str
    data: str


def drawn(material: Material) -> Sequence[Json]:
    """The windows that are drawn, the oldest first."""
    return material.windows[-MOST_WINDOWS:]


def drift_chart(material: Material) -> TimeChart | None:
    """The share of the features that drifted."""
    values = [
        Value(
            moment(window),
            float(window["drift"]["share"]),
            bool(window["broke"]),
            _told(window, f"{percent(window['drift']['share'])} of the features drifted"),
            shown(window["version"]),
        )
        for window in drawn(material)
        if _has_drift(window)
    ]
    share = material.project.monitoring.drift.share
    line = [(share, f"a window breaks at {share:.0%}")]
    return over_time("features that drifted", values, bounds=line, ends=(0.0, 1.0), write=percent)


def _has_drift(window: Json) -> bool:
    return bool(window.get("drift")) and window["drift"].get("share") is not None


def _told(window: Json, said: str) -> str:
    reasons = "; ".join(window.get("reasons") or ())
    told = f"{window['partition']}, version {window['version']}: {said}"
    return shown(f"{told}. {reasons}" if reasons else told)


def column_rows(material: Material) -> tuple[ColumnRow, ...]:
    """The columns that drifted most often, and the prediction."""
    windows = [window for window in drawn(material) if _has_drift(window)]
    names = dict.fromkeys(name for one in windows for name in one["drift"]["columns"])
    rows = [
        _column(name, windows, [one["drift"]["columns"].get(name) for one in windows])
        for name in names
    ]
    rows.sort(key=lambda row: -row.drifted)
    answers = [one["drift"].get("prediction") for one in windows]
    prediction = _column(PREDICTION, windows, answers)
    return (*rows[:_MOST_COLUMNS], *([prediction] if any(answers) else []))


def _column(
    name: str, windows: Sequence[Json], results: Sequence[Mapping[str, Any] | None]
) -> ColumnRow:
    parts = []
    for window, result in zip(windows, results, strict=True):
        if result is None:
            parts.append(("unknown", _told(window, "not measured")))
            continue
        said = f"{result['method']} {number(float(result['score']))}"
        said += f", threshold {number(float(result['threshold']))}"
        parts.append(("drifted" if result["drifted"] else "calm", _told(window, said)))
    drifted = sum(kind == "drifted" for kind, _ in parts)
    return ColumnRow(shown(name), drifted, cells(parts))


def performance_charts(material: Material) -> tuple[TimeChart, ...]:
    """The metrics on labelled windows; that which champions are chosen by is the first."""
    windows = [window for window in drawn(material) if window.get("performance")]
    model, monitoring = material.project.model, material.project.monitoring
    bounds = monitoring.performance or model.evaluation.thresholds
    known = {name for window in windows for name in window["performance"]}
    wanted = [name for name in dict.fromkeys([*metrics_of(material), *bounds]) if name in known]
    return tuple(
        chart
        for name in wanted[:_MOST_METRICS]
        if (chart := _performance(name, windows, bounds.get(name)))
    )


def _performance(name: str, windows: Sequence[Json], bound: Any) -> TimeChart | None:  # noqa: ANN401 -- a Bound or None
    low, high = (bound.minimum, bound.maximum) if bound else (None, None)
    lines = [
        (value, f"{kind} {number(value)}")
        for kind, value in (("at least", low), ("at most", high))
        if value is not None
    ]
    values = []
    for window in windows:
        if (value := window["performance"].get(name)) is None:
            continue
        missed = None
        if lines:
            missed = (low is not None and value < low) or (high is not None and value > high)
        said = f"{name} {number(value)} on {window['labelled']:,} labelled rows"
        values.append(
            Value(
                moment(window), float(value), missed, _told(window, said), shown(window["version"])
            )
        )
    return over_time(shown(name), values, bounds=lines)


def quality_charts(material: Material) -> tuple[TimeChart, ...]:
    """The share of the rules that passed at each gate of inference."""
    windows = [window for window in drawn(material) if window.get("quality")]
    gates = dict.fromkeys(gate for window in windows for gate in window["quality"])
    found = []
    for gate in gates:
        values = []
        for window in windows:
            result = window["quality"].get(gate)
            if not result or result.get("score") is None:
                continue
            score = float(result["score"])
            said = f"{result['passed']} of {result['rules']} rules passed"
            values.append(
                Value(
                    moment(window), score, score < 1, _told(window, said), shown(window["version"])
                )
            )
        found.append(over_time(f"gate {shown(gate)}", values, ends=(0.0, 1.0), write=percent))
    return tuple(chart for chart in found if chart)


def window_rows(material: Material, most: int) -> tuple[WindowRow, ...]:
    """The newest windows, the newest first."""
    first = metrics_of(material)[0]
    return tuple(_row(window, first, material) for window in material.windows[::-1][:most])


def _row(window: Json, metric: str, material: Material) -> WindowRow:
    columns = (window.get("drift") or {}).get("columns") or {}
    drifted = sum(bool(result["drifted"]) for result in columns.values())
    value = (window.get("performance") or {}).get(metric)
    page = material.pages.get(safe(str(window.get("run"))))
    return WindowRow(
        shown(window["partition"]),
        shown(window["version"]),
        f"{window['rows']:,}",
        f"{drifted} of {len(columns)}" if columns else "",
        "" if value is None else f"{metric} {number(float(value))}",
        bool(window["broke"]),
        shown("; ".join(window.get("reasons") or ())),
        page.as_uri() if page else "",
    )


def retraining_rows(material: Material, most: int) -> tuple[RetrainingRow, ...]:
    """Decisions to train again, or not to, the newest first."""
    return tuple(_retraining(entry) for entry in material.decisions[::-1][:most])


def _retraining(entry: Json) -> RetrainingRow:
    return RetrainingRow(
        day(str(entry.get("at"))),
        shown(entry.get("partition") or ""),
        bool(entry.get("retrain")),
        shown(entry.get("reason") or ""),
        ", ".join(_numbers(entry.get("numbers") or {})),
    )


def _numbers(numbers: Mapping[str, Any]) -> Iterable[str]:
    yield f"{numbers.get('broken')} of {numbers.get('windows')} windows broke"
    yield f"{numbers.get('needed')} needed"
    if (since := numbers.get("since_last_days")) is not None:
        cooldown = number(float(numbers.get("cooldown_days") or 0))
        yield f"{number(float(since))} days since the last (cool-down {cooldown})"
    yield f"{numbers.get('in_flight')} under way"
    yield f"{numbers.get('asked_this_month')} of {numbers.get('budget')} this month"


def quarantine_rows(material: Material, most: int) -> tuple[QuarantineRow, ...]:
    """Batches that a gate stopped, the newest first."""
    return tuple(
        QuarantineRow(
            day(str(entry.get("at"))),
            shown(entry.get("gate") or ""),
            shown(entry.get("run") or ""),
            shown(entry.get("reason") or ""),
            shown(entry.get("data") or ""),
        )
        for entry in material.quarantine[::-1][:most]
    )
