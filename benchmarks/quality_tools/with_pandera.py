"""The ten rules as pandera checks them, on pandas."""

import sys

import pandas as pd
import pandera.pandas as pa

schema = pa.DataFrameSchema(
    {
        "id": pa.Column(nullable=False, unique=True),
        "score": pa.Column(
            nullable=True,
            checks=pa.Check(lambda column: column.notna().mean() > 0.8, ignore_na=False),
        ),
        "amount": pa.Column(
            checks=[
                pa.Check(lambda column: 10 < column.mean() < 200),
                pa.Check(lambda column: column.std(ddof=0) < 100),
            ]
        ),
        "age": pa.Column(checks=pa.Check.in_range(17, 99, include_min=False, include_max=False)),
        "region": pa.Column(checks=pa.Check.isin(["north", "south", "east", "west"])),
        "code": pa.Column(checks=[pa.Check.str_length(7, 7), pa.Check.str_matches("^C[0-9]{6}$")]),
    },
    checks=pa.Check(lambda frame: len(frame) > 5),
)
schema.validate(pd.read_parquet(sys.argv[1]), lazy=True)
