"""Runs one step of a pipeline: `python -m PACKAGE STEP …`; see `--help`."""

import sys

from ._mlops.runtime.steps import main

# Step to the module that has it; only the step that runs is imported.
STEPS = {
    "ingest": "data",
    "gate": "_mlops.runtime.gate",
    "prepare": "features",
    "candidates": "search",
    "fit": "train",
    "select": "search",
    "evaluate": "evaluate",
    "register": "registry",
    "approve": "registry",
    "promote": "registry",
}

if __name__ == "__main__":
    sys.exit(main(str(__package__), STEPS))
