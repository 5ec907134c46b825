"""Gates run by Great Expectations or Soda, in an environment of their own.

A release holds each ruleset as the tool's own file, and a script that runs it and answers in the
shape of Glue's GetDataQualityResult.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from .steps import Refused, local_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .steps import Run

FOLDER: Final = "quality/_engine"
_LAST_LINES: Final = 5


def evaluate(
    run: Run, *, name: str, data: str, locally: Callable[[], dict[str, Any]]
) -> dict[str, Any]:
    """Check data with the environment's tool.

    A rule that the tool cannot express is evaluated by the local engine, and the log says so: left
    out, it would let through what it is there to stop.

    Args:
        run: The pipeline run.
        name: The gate.
        data: URI of the data.
        locally: Gives the local engine's result of the same check; asked only when needed.

    Raises:
        Refused: The tool came to no result.
    """
    tool = run.settings.quality
    exported = next((run.root / FOLDER).glob(f"{name}.*"), None)
    if exported is not None and exported.stat().st_size == 0:
        print(f"{tool} cannot express any rule of the gate; evaluated locally")  # noqa: T201 -- the task's log
        return locally()
    result = _ask(run, name, exported, local_path(data))
    lost = [one for one in result["NotExported"] if one["name"].startswith("Rule_")]
    for one in lost:
        print(f"{tool} cannot express {one['rule']}: {one['reason']}; evaluated locally")  # noqa: T201 -- the task's log
    missing = {one["name"] for one in lost}
    rules = list(result["RuleResults"])
    if missing:
        own = locally()["RuleResults"]
        rules += [one | {"EvaluatedBy": "local"} for one in own if one["Name"] in missing]
    rules.sort(key=lambda one: int(one["Name"].rpartition("_")[2]))
    return result | _summary(rules, result["AggregatedMetrics"]["TotalRowsProcessed"])


def _ask(run: Run, name: str, exported: Path | None, data: Path) -> dict[str, Any]:
    tool, paths = run.settings.quality, run.settings.paths
    script = next((run.root / FOLDER).glob("run_*.py"), None)
    if paths is None or paths.quality_python is None or exported is None or script is None:
        raise Refused(f"gate `{name}`: only a release of `mlops` has what {tool} needs")
    with tempfile.TemporaryDirectory() as scratch:
        answer = Path(scratch) / "result.json"
        ended = subprocess.run(
            [paths.quality_python, script, exported, data, "--result", answer, "--without-lost"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if answer.exists():
            result: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
            return result
    said = "\n".join(ended.stdout.splitlines()[-_LAST_LINES:])
    raise Refused(f"gate `{name}`: {tool} ended with code {ended.returncode}, no result: {said}")


def _summary(rules: list[dict[str, Any]], rows: int) -> dict[str, Any]:
    passed, failed, errors = (_count(rules, kind) for kind in ("PASS", "FAIL", "ERROR"))
    return {
        "Score": passed / len(rules) if rules else 0.0,
        "RuleResults": rules,
        "AggregatedMetrics": {
            "TotalRowsProcessed": rows,
            "TotalRulesProcessed": len(rules),
            "TotalRulesPassed": passed,
            "TotalRulesFailed": failed,
            "TotalRulesErrored": errors,
        },
    }


def _count(rules: Iterable[dict[str, Any]], outcome: str) -> int:
    return sum(rule["Result"] == outcome for rule in rules)
