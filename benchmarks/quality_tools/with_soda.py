"""The ten rules as a data contract of Soda, on a DuckDB view of the file."""

import logging
import os
import sys
import tempfile
from pathlib import Path

os.environ["SODA_CORE_TELEMETRY_ENABLED"] = "false"

import duckdb
from soda_core.contracts.api.verify_api import verify_contract_locally
from soda_duckdb.common.data_sources.duckdb_data_source import (
    DuckDBDataSourceImpl,
)

CONTRACT = """
dataset: source/main/data
checks:
  - row_count: {threshold: {must_be_greater_than: 5}}
columns:
  - name: id
    checks:
      - missing: {}
      - duplicate: {}
  - name: score
    checks:
      - missing: {threshold: {metric: percent, must_be_less_than: 20}}
  - name: amount
    checks:
      - aggregate:
          function: avg
          threshold: {must_be_between: {greater_than: 10, less_than: 200}}
      - metric:
          expression: stddev_pop("amount")
          threshold: {must_be_less_than: 100}
  - name: age
    checks:
      - invalid: {valid_min: 18, valid_max: 98}
  - name: region
    checks:
      - invalid: {valid_values: [north, south, east, west]}
  - name: code
    checks:
      - invalid: {qualifier: length, valid_length: 7}
      - invalid: {qualifier: shape, valid_format: {name: code, regex: "^C[0-9]{6}$"}}
"""

logging.lastResort = None
connection = duckdb.connect()
connection.execute(f"CREATE VIEW main.data AS FROM read_parquet('{sys.argv[1]}')")
with tempfile.TemporaryDirectory() as folder:
    contract = Path(folder) / "contract.yml"
    contract.write_text(CONTRACT)
    session = verify_contract_locally(
        data_sources=[DuckDBDataSourceImpl.from_existing_cursor(connection, "source")],
        contract_file_path=str(contract),
        publish=False,
    )
results = [one for result in session.contract_verification_results for one in result.check_results]
for error in session.get_errors():
    sys.stderr.write(f"{error}\n")
sys.exit(0 if len(results) == 10 and all(one.outcome.name == "PASSED" for one in results) else 1)
