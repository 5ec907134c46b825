"""`python -m mlops_cli` and the `mlops` command."""

import signal
import sys


def run() -> None:
    """The entry point: run the command line and exit with its code."""
    # While modules are imported, and once the answer is out, Ctrl-C ends the process at once
    # and without a traceback; in between it is the command's to handle.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from mlops_cli.cli.app import main

    signal.signal(signal.SIGINT, signal.default_int_handler)
    code = main(sys.argv[1:])
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)


if __name__ == "__main__":
    run()
