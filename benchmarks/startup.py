"""`mlops --help` against a bare `import typer`."""

from __future__ import annotations

import sys

from compare import BIN, Comparison, report, seconds

ROUNDS = 15


def main() -> int:
    """Measure both in turn, so that a busy moment meets both."""
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(seconds([BIN / "mlops", "--help"]))
        theirs.append(seconds([sys.executable, "-c", "import typer"]))
    return report(Comparison("mlops --help", ours, "python -c 'import typer'", theirs, 1.5))


if __name__ == "__main__":
    sys.exit(main())
