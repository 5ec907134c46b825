"""Each published partition is a window: its drift, performance and quality are measured once."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import labels
from .._mlops.runtime import journal, passport
from .._mlops.runtime.steps import Refused, Run, Skipped, local_path, slug
from ..partitions import day, published
from .windows import WINDOWS, page_folder, windows


def measure(run: Run) -> dict[str, Any]:
    """Measure each published partition that was not, and those whose labels have come since.

    Returns:
        How many `windows` were measured, their `partitions`, those that `broke`, and of the newest
        of these the `partition` and the `reasons`.

    Raises:
        Skipped: Nothing has been published yet.
        Refused: A new window cannot be compared with its version's reference. It is written down
            without drift, and refused no more; all others are measured first.
    """
    entries = published(run)
    if not entries:
        raise Skipped("nothing has been published yet, so there is nothing to watch")
    known = windows(run)
    due = []
    for entry in entries:
        earlier = known.get((entry["partition"], str(entry["version"])))
        # A partition that was scored again has new predictions, and so is a new window.
        if earlier and earlier.get("predictions") != entry["predictions"]:
            earlier = None
        stamp = _stamp(labels.file_of(run, entry["partition"]))
        if earlier is None or earlier.get("labels") != stamp:
            due.append((entry, earlier, stamp))
    newest = max((at for at, (_, earlier, _) in enumerate(due) if earlier is None), default=None)
    references: dict[str, Any] = {}
    done, unmeasured = [], []
    for at, (entry, earlier, stamp) in enumerate(due):
        page = page_folder(run) / "evidently.html" if at == newest else None
        window = _measured(run, entry, earlier, references, page) | {"labels": stamp}
        journal.append(run.kept(WINDOWS), window)
        done.append(window)
        _say(run, window, again=earlier is not None)
        if earlier is None and "problem" in window["drift"]:
            unmeasured.append(window)
    if unmeasured:
        names = ", ".join(window["partition"] for window in unmeasured)
        problem = unmeasured[-1]["drift"]["problem"]
        raise Refused(f"drift was not measured of {names}: {problem}")
    broken = [window for window in done if window["broke"]]
    return {
        "windows": len(done),
        "partitions": [window["partition"] for window in done],
        "broke": [window["partition"] for window in broken],
        "partition": broken[-1]["partition"] if broken else None,
        "reasons": broken[-1]["reasons"] if broken else [],
    }


def _measured(
    run: Run,
    entry: dict[str, Any],
    earlier: dict[str, Any] | None,
    references: dict[str, Any],
    page: Path | None,
) -> dict[str, Any]:
    """One window: drift unless that is known already, and what the labels say."""
    options = run.settings.monitoring.drift
    version = str(entry["version"])
    if earlier and "problem" not in earlier["drift"]:
        drift = earlier["drift"]
    else:
        drift = _drift(run, entry, references, page)
    performance, labelled, problem = _performance(run, entry)
    by_drift = drift_reasons(drift, share=options.share, prediction=options.prediction)
    if entry["rows"] < options.rows:
        by_drift = []
    by_labels = []
    if performance is not None and labelled >= options.rows:
        from .performance import too_low

        by_labels = too_low(performance, run.settings)
    on = day(entry["partition"])
    return {
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "published": entry["at"],
        "run": run.id,
        "partition": entry["partition"],
        "day": on.isoformat() if on else None,
        "version": version,
        "rows": entry["rows"],
        "broke": bool(by_drift or by_labels),
        "reasons": by_drift + by_labels,
        "drift": drift,
        "performance": performance,
        "labelled": labelled,
        "problem": problem,
        "quality": _quality(run, entry["run"]),
        "predictions": entry["predictions"],
    }


def drift_reasons(drift: dict[str, Any], *, share: float, prediction: bool) -> list[str]:
    """Why a window broke by its drift: a sentence each."""
    found = []
    drifted = [name for name, result in drift["columns"].items() if result["drifted"]]
    if drifted and drift["share"] >= share:
        shown = ", ".join(f"`{name}`" for name in drifted[:3])
        more = f" and {len(drifted) - 3} more" if len(drifted) > 3 else ""
        found.append(f"{len(drifted)} of {len(drift['columns'])} features drifted: {shown}{more}")
    answer = drift["prediction"]
    if prediction and answer and answer["drifted"]:
        found.append(
            f"the predictions drifted: {answer['method']} {answer['score']:.4g}, "
            f"threshold {answer['threshold']:.4g}"
        )
    return found


def _drift(
    run: Run, entry: dict[str, Any], references: dict[str, Any], page: Path | None
) -> dict[str, Any]:
    """The window against its version's reference; a `problem` where they cannot be compared."""
    # Imported here: a run whose windows are all measured needs none of it.
    from .drift import measured
    from .reference import read_window, reference_of

    version = str(entry["version"])
    model, options = run.settings.model, run.settings.monitoring.drift
    try:
        if version not in references:
            references[version] = reference_of(run, version)
        return measured(model, options, references[version], read_window(entry, model), page=page)
    except Refused as refusal:
        return {"share": None, "columns": {}, "prediction": None, "problem": str(refusal)}


def _performance(
    run: Run, entry: dict[str, Any]
) -> tuple[dict[str, float] | None, int, str | None]:
    """The metrics, the rows they are of, and what is wrong with the labels if they do not fit."""
    try:
        rows = labels.joined(run, entry)
    except Refused as refusal:
        return None, 0, str(refusal)
    if rows is None or rows.empty:
        return None, 0, None
    from .performance import achieved

    return achieved(rows, run.settings), len(rows), None


def _quality(run: Run, published_by: str) -> dict[str, Any]:
    """How many rules of each gate the run that published had passed."""
    assert run.settings.paths is not None
    folder = local_path(run.settings.paths.runs) / slug(published_by) / "quality"
    found = {}
    for path in sorted(folder.glob("*.json")):
        rules = json.loads(path.read_text(encoding="utf-8")).get("RuleResults", [])
        passed = sum(rule["Result"] == "PASS" for rule in rules)
        score = passed / len(rules) if rules else None
        found[path.stem] = {"passed": passed, "rules": len(rules), "score": score}
    return found


def _stamp(path: Path | None) -> str | None:
    """Tells whether a file is another one than the last time."""
    if path is None:
        return None
    found = path.stat()
    return f"{found.st_size}-{found.st_mtime_ns}"


def _say(run: Run, window: dict[str, Any], *, again: bool) -> None:
    said = "; ".join(window["reasons"]) or "nothing unusual"
    known = f", {window['labelled']} labelled" if window["labelled"] else ""
    print(
        f"{window['partition']} (version {window['version']}, {window['rows']} rows{known}): {said}"
    )
    if problem := window["drift"].get("problem"):
        print(f"  drift was not measured: {problem}")
    if window["problem"]:
        print(f"  the labels were not used: {window['problem']}")
    facts = {"partition": window["partition"], "broke": window["broke"]}
    passport.record(
        run,
        "drift",
        version=window["version"],
        **facts,
        share=window["drift"]["share"],
        reasons=window["reasons"],
        performance=window["performance"],
        labelled=window["labelled"],
        again=again,
    )
