"""The quality gate: a ruleset against data; what fails a rule does not get past."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from .steps import Refused, local_path

if TYPE_CHECKING:
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
        Refused: A rule failed or could not be evaluated; names each with column and value.
    """
    from .. import quality

    ruleset = run.settings.model.quality[name]
    text = (run.root / ruleset).read_text(encoding="utf-8")
    try:
        report = quality.check(text, quality.open_source(str(local_path(data)), types=types))
    except (quality.DqdlErrors, quality.DataReadError) as error:
        raise Refused(f"gate `{name}` could not check {data} with {ruleset}: {error}") from error
    run.path(f"quality/{name}.json").write_text(json.dumps(report.to_dict()), encoding="utf-8")
    for outcome in report.outcomes:
        print(f"{outcome.outcome:5} {outcome.rule}  {outcome.message or ''}")  # noqa: T201 -- the task's log
    if not report.passed:
        broken = [item for item in report.outcomes if item.outcome != "PASS"]
        lines = "".join(f"\n  {item.outcome} {item.rule}: {item.message}" for item in broken)
        raise Refused(f"gate `{name}`: {len(broken)} of {len(report.outcomes)} rules of {ruleset} "
                      f"did not pass on {data}{lines}")  # fmt: skip
    return data
