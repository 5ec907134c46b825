"""Writes every lock: the tool and its tests, each managed Airflow, the generated project.

No lock names a package registry; each resolves for every platform from Python 3.11 on.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

from uv import find_uv_bin

ROOT = Path(__file__).resolve().parents[1]
LOCKS = ROOT / "mlops_cli" / "environments" / "locks"
TEMPLATE = ROOT / "project_templates" / "tabular"


def compile_lock(source: Path, target: Path, *extra: str) -> None:
    """Resolve `source` into `target`, newest versions first."""
    command = [find_uv_bin(), "pip", "compile", "--quiet", "--universal", "--upgrade"]
    command += ["--python-version", "3.11", "--no-header", "--no-annotate"]
    command += ["--no-emit-index-url", "--no-emit-find-links", *extra]
    command += [source.name, "--output-file", str(target)]
    # A dependency group is looked up where uv runs.
    subprocess.run(command, cwd=source.parent, check=True)


def as_of(source: Path) -> list[str]:
    """The option for a source whose first line says `# resolved as of DATE`."""
    line = source.read_text(encoding="utf-8").splitlines()[0]
    found = re.match(r"# resolved as of (\d{4}-\d{2}-\d{2})", line)
    return ["--exclude-newer", found[1]] if found else []


def main() -> int:
    """Write all of them."""
    compile_lock(ROOT / "pyproject.toml", ROOT / "requirements" / "dev.txt", "--group", "dev")
    for source in sorted(LOCKS.glob("*.in")):
        compile_lock(source, source.with_suffix(".txt"), *as_of(source))
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "pyproject.toml"
        lines = (TEMPLATE / "pyproject.toml.jinja").read_text(encoding="utf-8").splitlines()
        # The dependencies are the same for every project; only its name is an answer.
        plain = ["name = 'any'" if "{{ name" in line else line for line in lines]
        plain = [line for line in plain if "{{" not in line]
        project.write_text("\n".join(plain), encoding="utf-8")
        compile_lock(project, TEMPLATE / "requirements.lock", "--group", "dev")
    return 0


if __name__ == "__main__":
    sys.exit(main())
