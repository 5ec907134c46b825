"""`python -m mlops_cli` and the `mlops` command."""

import sys

from mlops_cli.cli.app import main


def run() -> None:
    """The entry point: run the command line and exit with its code."""
    sys.exit(main(sys.argv[1:]))


if __name__ == "__main__":
    run()
