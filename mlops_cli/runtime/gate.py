"""The quality gate: a ruleset against data; what fails a rule does not get past."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from . import passport
from .imports import lasting_imports
from .keeping import write_whole
from .quarantine import GATES, put_away
from .steps import Refused, local_path
from .tools import evaluate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..quality import FileHistory
    from .steps import Run


def gate(run: Run, *, name: str, data: str, types: dict[str, str] | None = None) -> str:
    """Check data against one of the project's rulesets.

    Args:
        run: The pipeline run; the verdicts are kept in its `quality/NAME.json`.
        name: The gate, a key of `model.quality` in `mlops.yaml`.
        data: URI of the data, Parquet, CSV or JSON lines.
        types: Column to type, where the file itself does not say (CSV).

    Returns:
        The data's URI: what comes after the gate takes what the gate let through.

    Raises:
        Refused: A rule failed or could not be evaluated; names each with column and value. What
            a gate of inference stops is kept in quarantine.
    """
    if run.settings.quality == "glue":
        # Glue's gates are tasks of their own. Passing here instead would be another engine's word.
        raise Refused(
            f"gate `{name}`: {run.settings.environment} has its gates run by Glue, and this "
            f"project has no `{run.settings.package}/platforms/glue.py`"
        )

    def locally() -> dict[str, Any]:
        return _check(run, name, data, types)

    try:
        if run.settings.quality == "local":
            result = locally()
        else:
            result = evaluate(run, name=name, data=data, locally=locally)
    except Refused as refusal:
        raise _refusal(run, name, data, str(refusal), None) from refusal
    return settle(run, name=name, data=data, result=result)


def _check(run: Run, name: str, data: str, types: dict[str, str] | None) -> dict[str, Any]:
    """Evaluate a ruleset with the engine that comes with the project."""
    with lasting_imports():
        from .. import quality

    ruleset = run.settings.model.quality[name]
    text = (run.root / ruleset).read_text(encoding="utf-8")
    try:
        source = quality.open_source(str(local_path(data)), types=types)
        report = quality.check(text, source, history=_history(run, name))
    except (quality.DqdlErrors, quality.DataReadError, quality.HistoryError) as error:
        raise Refused(f"gate `{name}` could not check {data} with {ruleset}: {error}") from error
    return report.to_dict()


def _history(run: Run, name: str) -> FileHistory | None:
    """Earlier results of the gate in this environment; none in a checkout, or on no disk of ours.

    A task that is tried again has one result, its last. They stand beside the folders of the runs,
    in a hidden one.
    """
    from .. import quality

    paths = run.settings.paths
    if paths is None:
        return None
    try:
        folder = local_path(paths.runs)
    except ValueError:
        return None
    ruleset = run.settings.model.quality[name]
    path = folder / ".quality" / f"{name}.jsonl"
    return quality.FileHistory(path, ruleset=ruleset, data_set=name, run=run.id)


def settle(run: Run, *, name: str, data: str, result: Mapping[str, Any]) -> str:
    """Keep a gate's result, whichever engine it is from, and stop the run unless all passed.

    Args:
        run: The pipeline run; the result is kept in its `quality/NAME.json`.
        name: The gate.
        data: URI of the data that was checked.
        result: In the shape of Glue's GetDataQualityResult.

    Returns:
        The data's URI.

    Raises:
        Refused: A rule did not pass, or there was none; names each with column and value.
    """
    kept = json.dumps(result, default=datetime.isoformat)
    write_whole(run.path(f"quality/{name}.json"), kept)
    rules = result.get("RuleResults", ())
    broken = [rule for rule in rules if rule["Result"] != "PASS"]
    for rule in rules:
        print(f"{rule['Result']:5} {_said(rule)}")  # noqa: T201 -- the task's log
    ruleset = run.settings.model.quality[name]
    if not rules:
        reason = f"gate `{name}`: no rule of {ruleset} was evaluated on {data}"
        raise _refusal(run, name, data, reason, result)
    if broken:
        lines = "".join(f"\n  {rule['Result']} {_said(rule, ': ')}" for rule in broken)
        reason = (
            f"gate `{name}`: {len(broken)} of {len(rules)} rules of {ruleset} "
            f"did not pass on {data}{lines}"
        )
        raise _refusal(run, name, data, reason, result)
    return data


def _refusal(
    run: Run, name: str, data: str, reason: str, result: Mapping[str, Any] | None
) -> Refused:
    """What stops the run: why, and where the batch is kept that a person has to look at."""
    kept = put_away(run, gate=name, data=data, reason=reason, result=result)
    if name not in GATES and run.settings.paths is not None:
        # A training that was asked for has its answer; it is refused also where this fails.
        with suppress(OSError, ValueError):
            passport.record_once(run, "refused", version=None, gate=name, reasons=[reason])
    return Refused(reason if kept is None else f"{reason}\n  {kept}")


def _said(rule: Mapping[str, Any], between: str = "  ") -> str:
    return f"{rule['Description']}{between}{rule.get('EvaluationMessage') or ''}"
