"""The ten rules with the engine of this repository, as a gate of a project runs them."""

import sys
from pathlib import Path

from mlops_cli.runtime.imports import lasting_imports

# The engine as the gate of a project imports it: see `_check` in `mlops_cli/runtime/gate.py`.
with lasting_imports():
    from mlops_cli.quality import check

rules = Path(__file__).with_name("rules.dqdl").read_text()
report = check(rules, sys.argv[1])
sys.exit(0 if len(report.outcomes) == 10 and report.passed else 1)
