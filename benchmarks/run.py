"""All benchmarks, one after the other; exits with 1 when a goal was missed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> int:
    """Run each in a process of its own."""
    codes = [
        subprocess.run([sys.executable, HERE / f"{name}.py"], check=False).returncode
        for name in ("startup", "new", "validate", "airflow", "quality", "drift", "inference")
    ]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())
