"""Verifies an exported Soda data contract on a data file, inside Soda's environment.

    python run_soda.py CONTRACT.yml DATA [--dataset NAME=FILE] [--result FILE] [--without-lost]

CONTRACT.yml is what `mlops quality export RULESET --to soda` wrote, DATA a Parquet, CSV or JSON
lines file, NAME=FILE another data set that rules compare it with. The data becomes a view in an
in-memory DuckDB, under the name that the contract gives it. The result has the shape of Glue's
GetDataQualityResult, one entry for each rule of the ruleset, and is printed, or written to FILE.
A rule that could not be exported is ERROR, or only listed under `NotExported` with
`--without-lost`. Exit: 0 every rule passed, 1 a rule failed, 3 none failed and a rule has no
verdict, or the contract or the data could not be read.

It needs `soda-duckdb`, and `tool_result.py` beside it. Soda's telemetry is switched off.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import tempfile
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from argparse import Namespace

# What the tool's libraries give; they are not there where this is type-checked.
Foreign: TypeAlias = Any

# The folder of a script is on its path; as part of this package it is never imported.
shape: Foreign = import_module("tool_result")

_RULE = re.compile(r"Rule_\d+")
_NOTE = "# dqdl: "
_READERS = {
    ".parquet": "read_parquet",
    ".jsonl": "read_json",
    ".ndjson": "read_json",
    ".json": "read_json",
}


def examine(given: Namespace) -> Foreign:
    """Verify the contract on the data."""
    os.environ["SODA_CORE_TELEMETRY_ENABLED"] = "false"
    text = given.exported.read_text(encoding="utf-8")
    about = _about(text)
    connection = import_module("duckdb").connect()
    # Soda's sessions are in UTC, and so are moments without a time zone.
    connection.execute("SET TimeZone = 'UTC'")
    tables = {about["table"]: given.data}
    tables |= {name: Path(file) for name, _, file in (one.partition("=") for one in given.dataset)}
    for name, path in tables.items():
        reader = _READERS.get(path.suffix, "read_csv")
        place = str(path).replace("'", "''")
        table = name.replace('"', '""')
        connection.execute(f"CREATE VIEW main.\"{table}\" AS FROM {reader}('{place}')")
    count = connection.execute(f'SELECT count(*) FROM main."{about["table"]}"').fetchone()  # noqa: S608
    found = _verify(text, about, connection)
    return shape.Findings(count[0], about["rules"], about["lost"], found)


def _about(text: str) -> dict[str, Any]:
    """What the export wrote about its rules, in comments that Soda does not read."""
    about: dict[str, Any] = {"table": "data", "source": "mlops", "rules": [], "lost": []}
    for line in text.splitlines():
        if not line.startswith(_NOTE):
            continue
        note = json.loads(line.removeprefix(_NOTE))
        if "table" in note:
            about |= note
        else:
            about["lost" if "reason" in note else "rules"].append(note)
    return about


def _verify(text: str, about: dict[str, Any], connection: Foreign) -> list[Foreign]:
    found, errors = _run(text, about["source"], connection)
    if not errors:
        return [_settled(one, "") for one in found]
    # Soda runs all checks in one query: a check that it cannot run takes the others with it.
    alone: list[Foreign] = []
    for rule in about["rules"]:
        own, errors = _run(_only(text, rule["name"]), about["source"], connection)
        said = shape.one_line(errors[0]) if errors else ""
        if said and not own:
            alone.append(shape.Finding([rule["name"]], shape.ERROR, said))
        alone += [
            _settled(shape.Finding([rule["name"]], one.outcome, one.message, one.metrics), said)
            for one in own
        ]
    return alone


def _settled(found: Foreign, said: str) -> Foreign:
    """What has no value, although nothing went wrong, has not passed."""
    if found.outcome != shape.ERROR:
        return found
    outcome = shape.ERROR if said else shape.FAIL
    return shape.Finding(found.rules, outcome, said or found.message, found.metrics)


def _run(text: str, source: str, connection: Foreign) -> tuple[list[Any], list[str]]:
    # What Soda logs is in its result.
    logging.lastResort = None
    module = import_module("soda_core.contracts.api.verify_api")
    adapter = import_module("soda_duckdb.common.data_sources.duckdb_data_source")
    data = adapter.DuckDBDataSourceImpl.from_existing_cursor(connection, source)
    with tempfile.TemporaryDirectory() as folder:
        contract = Path(folder) / "contract.yml"
        contract.write_text(text, encoding="utf-8")
        session = module.verify_contract_locally(
            data_sources=[data], contract_file_path=str(contract), publish=False
        )
    found = [
        _finding(one) for result in session.contract_verification_results
        for one in result.check_results
    ]  # fmt: skip
    return found, [str(error) for error in session.get_errors()]


def _finding(result: Foreign) -> Foreign:
    """One check's outcome, the rules it belongs to, and what was measured."""
    check = result.check
    outcome = {"PASSED": shape.PASS, "FAILED": shape.FAIL}.get(result.outcome.name, shape.ERROR)
    rules = _RULE.findall(check.qualifier or "") or _RULE.findall(check.name or "")
    value = result.threshold_value
    about = check.column_name or "*"
    metrics = {f"{about}.{check.type}": float(value)} if isinstance(value, int | float) else {}
    if outcome == shape.PASS:
        return shape.Finding(rules, outcome, "", metrics)
    said = "it has no value" if value is None else f"observed {value:.10g}"
    return shape.Finding(rules, outcome, f"{check.type} of `{about}`: {said}", metrics)


def _only(text: str, rule: str) -> str:
    """The contract with the checks of one rule."""
    yaml = import_module("ruamel.yaml").YAML(typ="safe", pure=True)
    contract = yaml.load(text)
    contract["checks"] = _own(contract.get("checks", []), rule)
    for column in contract.get("columns", []):
        column["checks"] = _own(column.get("checks", []), rule)
    contract["columns"] = [one for one in contract.get("columns", []) if one["checks"]]
    # JSON is YAML.
    return json.dumps({key: value for key, value in contract.items() if value or key == "columns"})


def _own(checks: list[dict[str, Any]], rule: str) -> list[dict[str, Any]]:
    return [
        check for check in checks
        if any(
            rule in (_RULE.findall(one.get("qualifier", "")) or _RULE.findall(one["name"]))
            for one in check.values()
        )
    ]  # fmt: skip


if __name__ == "__main__":
    sys.exit(shape.run("Soda", examine, None))
