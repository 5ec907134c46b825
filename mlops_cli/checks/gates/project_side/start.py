"""Run by path in a project's environment: `python -I start.py REQUEST RESULT`.

The modules beside it are made a package of another name, so that none of them stands in for a
module of the project's, or of a library's.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

NAME = "gate_proof"


def main(request: str, result: str) -> None:
    """Prove the gates that `request` names and write what came of it to `result`."""
    here = Path(__file__).parent
    spec = importlib.util.spec_from_file_location(
        NAME, here / "__init__.py", submodule_search_locations=[str(here)]
    )
    if spec is None or spec.loader is None:  # an import system that cannot read files
        raise ImportError(str(here))
    package = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = package
    spec.loader.exec_module(package)
    importlib.import_module(f"{NAME}.proof").main(Path(request), Path(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
