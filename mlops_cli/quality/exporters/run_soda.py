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
    found = _verify(text, [one["name"] for one in about["rules"]], about["source"], connection)
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


def _verify(text: str, rules: list[str], source: str, connection: Foreign) -> list[Foreign]:
    """Verify rules, and find out which of them Soda cannot run.

    It runs all checks in one query: one that it cannot run takes the others with it. So the rules
    are halved until those that break it are alone.
    """
    found, errors = _run(_only(text, rules), source, connection)
    if not errors or len(rules) == 1:
        said = shape.one_line(errors[0]) if errors else ""
        if said and not found:
            return [shape.Finding(rules, shape.ERROR, said)]
        return [_settled(one, rules, said) for one in found]
    half = len(rules) // 2
    return [
        *_verify(text, rules[:half], source, connection),
        *_verify(text, rules[half:], source, connection),
    ]


def _settled(found: Foreign, rules: list[str], said: str) -> Foreign:
    """What has no value, although nothing went wrong, has not passed."""
    own = [name for name in found.rules if name in rules]
    outcome, message = found.outcome, found.message
    if outcome == shape.ERROR:
        outcome, message = (shape.ERROR, said) if said else (shape.FAIL, message)
    return shape.Finding(own, outcome, message, found.metrics)


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
    rules = _rules({"qualifier": check.qualifier or "", "name": check.name or ""})
    value = result.threshold_value
    about = check.column_name or "*"
    metrics = {f"{about}.{check.type}": float(value)} if isinstance(value, int | float) else {}
    if outcome == shape.PASS:
        return shape.Finding(rules, outcome, "", metrics)
    said = "it has no value" if value is None else f"observed {value:.10g}"
    return shape.Finding(rules, outcome, f"{check.type} of `{about}`: {said}", metrics)


def _only(text: str, rules: list[str]) -> str:
    """The contract with the checks of some rules."""
    yaml = import_module("ruamel.yaml").YAML(typ="safe", pure=True)
    contract = yaml.load(text)
    contract["checks"] = _own(contract.get("checks", []), rules)
    for column in contract["columns"]:
        column["checks"] = _own(column["checks"], rules)
    contract["columns"] = [one for one in contract["columns"] if one["checks"]]
    # JSON is YAML.
    return json.dumps({key: one for key, one in contract.items() if one or key == "columns"})


def _own(checks: list[dict[str, Any]], rules: list[str]) -> list[dict[str, Any]]:
    return [check for check in checks if set(rules) & set(_rules(*check.values()))]


def _rules(body: dict[str, Any]) -> list[str]:
    """The rules of a check: `Rule_3_2` in its qualifier, or several in the name of a shared one."""
    return _RULE.findall(body.get("qualifier", "")) or _RULE.findall(body.get("name", ""))


if __name__ == "__main__":
    sys.exit(shape.run("Soda", examine, None))
