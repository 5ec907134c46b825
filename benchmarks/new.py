"""`mlops new` against a bare `copier copy` of the same template with the same answers."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from compare import BIN, Comparison, report, seconds

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 9


def main() -> int:
    """Measure both in turn, without git on either side: Copier makes no repository."""
    ours, theirs = [], []
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        template = base / "template"
        template.mkdir()
        (base / "ours").mkdir()
        # A folder without .git: else Copier would clone the repository first.
        shutil.copy(ROOT / "copier.yml", template)
        shutil.copytree(ROOT / "project_templates", template / "project_templates")
        for number in range(ROUNDS):
            name = f"model_{number}"
            into = ["new", name, "--into", base / "ours", "--defaults", "--no-git"]
            ours.append(seconds([BIN / "mlops", *into]))
            data = ["--data", f"name={name}", "--data", f"package={name}"]
            copy = ["copy", "--quiet", "--defaults", *data, template, base / "theirs" / name]
            theirs.append(seconds([BIN / "copier", *copy]))
    return report(Comparison("mlops new", ours, "copier copy", theirs, 1.15))


if __name__ == "__main__":
    sys.exit(main())
