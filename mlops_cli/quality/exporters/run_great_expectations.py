"""Runs an exported Great Expectations suite on a data file, inside Great Expectations' environment.

    python run_great_expectations.py SUITE.json DATA [--result FILE] [--without-lost]

SUITE.json is what `mlops quality export RULESET --to great-expectations` wrote, DATA a Parquet,
CSV or JSON lines file. The result has the shape of Glue's GetDataQualityResult, one entry for each
rule of the ruleset, and is printed, or written to FILE. A rule that could not be exported is ERROR,
or only listed under `NotExported` with `--without-lost`. Exit: 0 every rule passed, 1 a rule
failed, 3 none failed and a rule has no verdict, or the suite or the data could not be read.

It needs `great-expectations` and `pyarrow`, and `tool_result.py` beside it.
"""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

# What the tool's libraries give; they are not there where this is type-checked.
Foreign: TypeAlias = Any

# The folder of a script is on its path; as part of this package it is never imported.
shape: Foreign = import_module("tool_result")


def examine(given: Namespace) -> Foreign:
    """Run the suite on the data."""
    suite = json.loads(given.exported.read_text(encoding="utf-8"))
    frame = _read(given.data)
    about = suite.get("meta", {}).get("dqdl", {})
    found = _validate(suite, frame)
    return shape.Findings(len(frame), about.get("rules", []), about.get("lost", []), found)


def _read(path: Path) -> Foreign:
    """Read data so that a NULL turns no whole number into a decimal and no day into an object."""
    pandas = import_module("pandas")
    if path.suffix in (".csv", ".tsv"):
        separator = "\t" if path.suffix == ".tsv" else ","
        return pandas.read_csv(path, sep=separator, keep_default_na=False, na_values=[""])
    if path.suffix in (".jsonl", ".ndjson", ".json"):
        return pandas.read_json(path, lines=True)
    table = import_module("pyarrow.parquet").read_table(path)
    frame = table.to_pandas(date_as_object=False)
    for name, kind in zip(table.column_names, table.schema.types, strict=True):
        nullable = _nullable(str(kind), pandas)
        if nullable is not None and table[name].null_count:
            frame[name] = table.select([name]).to_pandas(types_mapper=lambda _: nullable)[name]  # noqa: B023
    return frame


def _nullable(kind: str, pandas: Foreign) -> Foreign:
    if kind == "bool":
        return pandas.BooleanDtype()
    return pandas.Int64Dtype() if kind.lstrip("u").startswith("int") else None


def _validate(suite: dict[str, Any], frame: Foreign) -> list[Any]:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    gx = import_module("great_expectations")
    context = gx.get_context(mode="ephemeral")
    bars = import_module("great_expectations.data_context.types.base").ProgressBarsConfig
    context.variables.progress_bars = bars(globally=False)
    source = context.data_sources.add_pandas("data")
    batch = source.add_dataframe_asset("data").add_batch_definition_whole_dataframe("all")
    expectations = gx.ExpectationSuite(name=suite["name"], expectations=suite["expectations"])
    checked = batch.get_batch(batch_parameters={"dataframe": frame}).validate(expectations)
    return [_finding(one) for one in checked.results]


def _finding(result: Foreign) -> Foreign:
    """One expectation's outcome, the rules it belongs to, and what was seen."""
    configuration = result.expectation_config
    rules = (configuration.meta or {}).get("dqdl", {}).get("rules", [])
    arguments = configuration.kwargs
    about = arguments.get("column") or ",".join(arguments.get("column_list") or ()) or "*"
    seen = dict(result.result or {})
    metrics = {
        f"{about}.{configuration.type}.{key}": float(str(seen[key]))
        for key in ("observed_value", "unexpected_percent")
        if _is_number(seen.get(key))
    }
    if result.success:
        return shape.Finding(rules, shape.PASS, "", metrics)
    raised = _raised(result.exception_info or {})
    counted = seen.get("unexpected_count")
    said = raised or (
        f"{counted} values are unexpected" if counted else f"observed {seen.get('observed_value')}"
    )
    outcome = shape.ERROR if raised else shape.FAIL
    return shape.Finding(rules, outcome, f"{configuration.type} of `{about}`: {said}", metrics)


def _raised(info: dict[str, Any]) -> str:
    """What an expectation raised; Great Expectations writes it in two forms."""
    for one in (info, *(value for value in info.values() if isinstance(value, dict))):
        if one.get("raised_exception"):
            return str(shape.one_line(one.get("exception_message") or "it raised an error"))
    return ""


def _is_number(value: object) -> bool:
    try:
        return abs(float(str(value))) < float("inf")
    except ValueError:
        return False


if __name__ == "__main__":
    sys.exit(shape.run("Great Expectations", examine, None))
