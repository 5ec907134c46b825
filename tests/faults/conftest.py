from __future__ import annotations

import sys
from pathlib import Path

# Also when this folder is run alone, without the conftest above it.
sys.path[:0] = [str(Path(__file__).parents[1])]

from stores.conftest import bucket, proxy, s3_url  # noqa: E402

__all__ = ["bucket", "proxy", "s3_url"]
