"""The page of one monitoring run: drift, performance, quality and what was decided."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup, escape
from mlflow.exceptions import MlflowException

from .. import registry
from .._mlops.runtime import journal
from .._mlops.runtime.quarantine import JOURNAL as QUARANTINED
from .._mlops.runtime.settings import Bound
from .._mlops.runtime.steps import Refused, Run, Skipped
from ..metrics import inside
from ..partitions import published
from . import charts
from .charts import Axis, Line
from .performance import bounds
from .retrain import DECISIONS
from .windows import newest_of_each, page_folder

SHOWN = 60
LISTED = 30
DRAWN = 12


def report(run: Run) -> dict[str, str]:
    """Write `report.html` of this run; what Evidently has to say lies beside it.

    Returns:
        `report`, the URI of the page.

    Raises:
        Skipped: No window has been measured yet.
    """
    found = newest_of_each(run)
    if not found:
        raise Skipped("no window has been measured yet, so there is nothing to show")
    folder = page_folder(run)
    champion = registry.champion(run)
    template = (Path(__file__).parent / "report.html.j2").read_text(encoding="utf-8")
    decisions = journal.entries(run.kept(DECISIONS))
    pages = Environment(autoescape=True)
    pages.filters["marked"] = _marked
    html = pages.from_string(template).render(
        run=run,
        version=str(champion.version) if champion else None,
        windows=found,
        newest=found[-1],
        decision=decisions[-1] if decisions else None,
        decisions=decisions[: -DRAWN - 1 : -1],
        recent=found[: -LISTED - 1 : -1],
        charts=_charts(run, found[-SHOWN:]),
        pictures=_pictures(run, found[-1]),
        ageing=_ageing(run),
        quarantine=journal.entries(run.kept(QUARANTINED))[: -LISTED - 1 : -1],
        evidently=(folder / "evidently.html").is_file(),
    )
    path = folder / "report.html"
    path.write_text(html, encoding="utf-8")
    print(f"The page of this run: {path.as_uri()}")
    return {"report": path.as_uri()}


def _marked(text: str) -> Markup:
    """A sentence in which what stands between backticks is set as a name."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704


def _charts(run: Run, found: Sequence[dict[str, Any]]) -> dict[str, Markup]:
    """Title to chart, over the newest windows."""
    settings = run.settings
    names = [window["partition"] for window in found]
    turns = {
        number: f"v{window['version']}"
        for number, window in enumerate(found)
        if number and window["version"] != found[number - 1]["version"]
    }
    broke = [window["broke"] for window in found]
    shares = [window["drift"]["share"] for window in found]
    drifted = [None if share is None else 100 * share for share in shares]
    needed = settings.monitoring.drift.share * 100
    drawn = {
        "Features that drifted, in %": charts.over_windows(
            "Features that drifted",
            [Line("drifted %", drifted, broke)],
            Axis(names, 0, 100, {"breaks": needed}, turns),
        )
    }
    held_out = _held_out(run, found[-1]["version"])
    for metric, bound in bounds(settings).items():
        values = [(window["performance"] or {}).get(metric) for window in found]
        limits = {"at least": bound.minimum, "at most": bound.maximum}
        marks = {name: value for name, value in limits.items() if value is not None}
        if metric in held_out:
            marks["held-out rows"] = held_out[metric]
        title = f"{metric} on labelled rows"
        line = Line(metric, values, [_outside(value, bound) for value in values])
        drawn[title] = charts.over_windows(title, [line], Axis(names, None, None, marks, turns))
    gates = sorted({gate for window in found for gate in window["quality"]})
    if gates:
        lines = [Line(gate, [_passed(window, gate) for window in found]) for gate in gates]
        title = f"Quality rules that passed, in %: {', '.join(gates)}"
        drawn[title] = charts.over_windows(title, lines, Axis(names, 0, 100, {}, turns))
    rows: list[float | None] = [float(window["rows"]) for window in found]
    known: list[float | None] = [float(window["labelled"]) for window in found]
    drawn["Rows, and those with a label"] = charts.over_windows(
        "Rows, and those with a label",
        [Line("rows", rows), Line("labelled", known)],
        Axis(names, 0, None, {}, turns),
    )
    return drawn


def _outside(value: float | None, bound: Bound) -> bool:
    return value is not None and not inside(value, bound)


def _passed(window: dict[str, Any], gate: str) -> float | None:
    score = window["quality"].get(gate, {}).get("score")
    return None if score is None else 100 * float(score)


def _held_out(run: Run, version: str) -> dict[str, float]:
    """The metrics a version had on the rows held out of its training."""
    client = registry.connect(run)
    try:
        found = client.get_model_version(run.settings.project, version)
        return dict(client.get_run(str(found.run_id)).data.metrics)
    except MlflowException:
        return {}


def _pictures(run: Run, window: dict[str, Any]) -> dict[str, Markup]:
    """How the columns that drifted most are distributed, in the reference and in the window."""
    from .reference import NUMBERS, read_window, reference_of

    entry = next(
        (one for one in published(run) if one["predictions"] == window["predictions"]), None
    )
    if entry is None:
        return {}
    model = run.settings.model
    try:
        reference = reference_of(run, window["version"]).rows
        rows = read_window(entry, model).rows
    except Refused:
        return {}
    results = {**window["drift"]["columns"], "prediction": window["drift"]["prediction"]}
    first = sorted(model.features, key=lambda name: not results.get(name, {}).get("drifted"))
    wanted = ["prediction", *[name for name in first if name in results][: DRAWN - 1]]
    kinds = {**model.features, "prediction": model.columns[model.target]}
    return {
        name: charts.distributions(
            f"{name}: reference and window",
            reference[name].dropna(),
            rows[name].dropna(),
            numeric=kinds[name] in NUMBERS,
        )
        for name in wanted
        if name in reference and name in rows
    }


def _ageing(run: Run) -> dict[str, Any] | None:
    """What was found about ageing, with its chart, when there were labels enough to simulate it."""
    facts, chart = run.kept("ageing.json"), run.kept("ageing.svg")
    if not facts.is_file() or not chart.is_file():
        return None
    drawing = chart.read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(facts.read_text(encoding="utf-8"))
    return found | {"chart": Markup(drawing)}  # noqa: S704 -- of our own making
