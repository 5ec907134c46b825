"""The ten rules with the engine of this repository, as a gate of a project runs them."""

import gc
import sys
from pathlib import Path

from mlops_cli.runtime.imports import lasting_imports

# As `main` in `mlops_cli/runtime/steps.py` and `_check` in `gate.py` beside it do for a project.
gc.freeze()
with lasting_imports():
    from mlops_cli.quality import check

rules = Path(__file__).with_name("rules.dqdl").read_text()
report = check(rules, sys.argv[1])
sys.exit(0 if len(report.outcomes) == 10 and report.passed else 1)
