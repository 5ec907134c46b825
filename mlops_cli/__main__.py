"""`python -m mlops_cli` and the `mlops` command."""

import gc
import signal
import sys


def run() -> None:
    """The entry point: run the command line and exit with its code."""
    # While modules are imported, and once the answer is out, Ctrl-C ends the process at once
    # and without a traceback; in between it is the command's to handle.
    # A job in the background of a script is started deaf to it, and stays so.
    hears = signal.getsignal(signal.SIGINT) is not signal.SIG_IGN
    if hears:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from mlops_cli.runtime.imports import lasting_imports

    with lasting_imports():
        from mlops_cli.cli.app import main

    # These modules stay to the end, and even then need not be searched. Not where modules of a
    # user are loaded too: bindings made with nanobind, as DuckDB's, call what is frozen leaked.
    gc.freeze()
    if hears:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = main(sys.argv[1:])
    except KeyboardInterrupt:  # once more, while the first one was being answered
        code = 128 + signal.SIGINT
    if hears:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(code)


if __name__ == "__main__":
    run()
