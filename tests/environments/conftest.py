from __future__ import annotations

import sys
from pathlib import Path

# Also when this folder is run alone, without the conftest above it.
sys.path[:0] = [str(Path(__file__).parents[1])]

from real_airflow import local_airflow, local_airflow_data  # noqa: E402
from stores.conftest import bucket, s3_url  # noqa: E402

__all__ = ["bucket", "local_airflow", "local_airflow_data", "s3_url"]
