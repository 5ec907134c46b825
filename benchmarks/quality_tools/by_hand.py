"""The ten rules as one DuckDB query, written by hand: as fast as it gets."""

import sys

import duckdb

data = f"read_parquet('{sys.argv[1]}')"
found = duckdb.execute(f"""
SELECT
    count(*) > 5,
    count(id) = count(*),
    (SELECT count(*) = 0 FROM (SELECT id FROM {data} GROUP BY id HAVING count(*) > 1)),
    count(score) / count(*) > 0.8,
    avg(amount) > 10 AND avg(amount) < 200,
    stddev_pop(amount) < 100,
    count(*) FILTER (age > 17 AND age < 99) = count(*),
    count(*) FILTER (region IN ('north', 'south', 'east', 'west')) = count(*),
    count(*) FILTER (length(code) = 7) = count(*),
    count(*) FILTER (regexp_full_match(code, 'C[0-9]{{6}}')) = count(*)
FROM {data}
""").fetchone()
sys.exit(0 if found is not None and len(found) == 10 and all(found) else 1)
