"""The ten rules as Great Expectations checks them, on pandas: its DuckDB support does not work."""

import os
import sys

os.environ["GX_ANALYTICS_ENABLED"] = "false"

import great_expectations as gx
import great_expectations.expectations as ge
import pandas as pd

context = gx.get_context(mode="ephemeral")
asset = context.data_sources.add_pandas("data").add_dataframe_asset("data")
batch = asset.add_batch_definition_whole_dataframe("all")
suite = gx.ExpectationSuite(
    "rules",
    expectations=[
        ge.ExpectTableRowCountToBeBetween(min_value=6),
        ge.ExpectColumnValuesToNotBeNull(column="id"),
        ge.ExpectColumnValuesToBeUnique(column="id"),
        ge.ExpectColumnValuesToNotBeNull(column="score", mostly=0.8),
        ge.ExpectColumnMeanToBeBetween(column="amount", min_value=10, max_value=200),
        ge.ExpectColumnStdevToBeBetween(column="amount", max_value=100),
        ge.ExpectColumnValuesToBeBetween(column="age", min_value=18, max_value=98),
        ge.ExpectColumnValuesToBeInSet(
            column="region", value_set=["north", "south", "east", "west"]
        ),
        ge.ExpectColumnValueLengthsToEqual(column="code", value=7),
        ge.ExpectColumnValuesToMatchRegex(column="code", regex="^C[0-9]{6}$"),
    ],
)
frame = pd.read_parquet(sys.argv[1])
result = batch.get_batch(batch_parameters={"dataframe": frame}).validate(suite)
sys.exit(0 if len(result.results) == 10 and result.success else 1)
