"""The house keeps its own rules: a light start, help that helps, no trace of where it was made."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

import pytest
import typer
from ruamel.yaml import YAML

from mlops_cli.cli import app as cli
from mlops_cli.core.exits import Exit
from mlops_cli.core.processes import child_environment, run
from mlops_cli.templates.catalog import templates

ROOT = Path(__file__).parents[1]
TEMPLATES = ROOT / "project_templates"
HEAVY = {"copier", "boto3", "duckdb", "httpx", "airflow", "rich", "jinja2", "mlflow"}


@cache
def commands():
    """Every command and group: its words to Typer's command."""
    root = cli.app
    if not root.registered_commands:
        cli._register()
    found = {}

    def walk(words, command):
        found[words] = command
        for name, below in getattr(command, "commands", {}).items():
            walk((*words, name), below)

    walk((), typer.main.get_command(root))
    return found


def tracked(*patterns):
    """Files of the repository, those not committed yet among them."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    files = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in files if path.is_file()]


def lines_with(pattern, paths):
    form = re.compile(pattern)
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in paths
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if form.search(line)
    ]


def test_no_help_and_no_version_imports_anything_heavy():
    asked = [[*words, "--help"] for words in commands()] + [["--version"]]
    script = f"""
import sys
from mlops_cli.cli.app import main
for arguments in {asked!r}:
    assert main(arguments) == 0, arguments
    loaded = {HEAVY!r} & set(sys.modules)
    assert not loaded, (arguments, loaded)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=child_environment(), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", [words for words in commands() if words], ids=" ".join)
def test_a_command_says_what_it_does_and_shows_examples(words):
    command = commands()[words]
    first = (command.help or "").splitlines()[0]
    assert 10 < len(first) < 60, first
    assert first[0].isupper()
    assert first.endswith(".")
    if not getattr(command, "commands", None):
        assert re.match(rf"\s*Examples?: `(mkdir .*)?mlops {' '.join(words)}", command.epilog or "")


@pytest.mark.parametrize("words", [words for words in commands() if words], ids=" ".join)
def test_every_option_is_explained(words):
    for parameter in commands()[words].params:
        assert getattr(parameter, "help", None), parameter.name


def test_the_readme_shows_every_command():
    readme = (ROOT / "README.md").read_text()
    leaves = [" ".join(words) for words, one in commands().items() if not hasattr(one, "commands")]
    missing = [name for name in leaves if not re.search(rf"\bmlops {re.escape(name)}\b", readme)]
    assert not missing, f"README.md does not show: {', '.join(missing)}"


def test_the_generated_pages_are_as_the_commands_and_checks_say():
    pages = runpy.run_path(str(ROOT / "docs/make.py"))["pages"]()
    stale = [name for name, text in pages.items() if (ROOT / "docs" / name).read_text() != text]
    assert not stale, "run `python docs/make.py`"


def test_the_page_on_reliability_names_tests_that_exist():
    page = (ROOT / "docs/reliability.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", page)
    assert len(named) > 40
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not re.search(rf"def {name}\(", (ROOT / file).read_text())
    ]
    assert missing == []


def test_the_help_names_every_exit_code():
    epilog = commands()[()].epilog
    signals = {Exit.HANGUP, Exit.TERMINATED}
    assert {int(code) for code in re.findall(r"(?:: |· )(\d+) ", epilog)} == set(Exit) - signals


def test_nothing_names_a_package_registry_or_this_machine():
    # In pieces, so that this file does not find itself.
    hosts = (
        r"pypi\." + r"org|files\.python" + r"hosted|index-" + r"url[ =]+http|artifactory" + r"\."
    )
    # Of short paths, such as `/data`, there are innocent mentions.
    here = [path for path in (ROOT, ROOT.parent / "shared", Path.home()) if len(path.parts) > 2]
    places = "|".join(["/root" + "/", *(re.escape(f"{path}/") for path in here)])
    everything = [
        path
        for path in tracked()
        if path.suffix not in (".png", ".parquet") and path.name != "test_house.py"
    ]
    assert lines_with(f"{hosts}|{places}", everything) == []


def test_the_locks_name_versions_and_nothing_else():
    locks = [
        *tracked("requirements/*.txt"),
        *tracked("mlops_cli/environments/locks/*.txt"),
        TEMPLATES / "tabular/requirements.lock",
    ]
    assert len(locks) == 4
    pinned = re.compile(r"[A-Za-z0-9._-]+(\[[a-z0-9,._-]+\])?==[A-Za-z0-9.+!]+( ; .+)?")
    for lock in locks:
        lines = [line for line in lock.read_text().splitlines() if line and line[0] != "#"]
        assert len(lines) > 40, lock
        assert [line for line in lines if not pinned.fullmatch(line)] == []
        assert not re.search(r"--hash|@ |://|file:", "\n".join(lines))


def test_the_shipped_templates_only_render_text():
    questions = YAML(typ="safe").load(ROOT / "copier.yml")
    assert not {name for name in questions if name.startswith("_")} & {
        "_tasks", "_migrations", "_jinja_extensions", "_envops", "_external_data",
    }  # fmt: skip
    assert [path for path in TEMPLATES.rglob("*") if path.is_symlink()] == []
    assert lines_with(r"\{%-? *(include|import|extends)\b", tracked("project_templates")) == []
    assert [template.name for template in templates().templates] == sorted(
        path.name for path in TEMPLATES.iterdir() if path.is_dir()
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    import uv

    built = run(
        [uv.find_uv_bin(), "build", "--wheel", "--quiet", "--out-dir", folder, ROOT],
        timeout_seconds=120,
        cwd=folder,
    )
    if built.returncode:
        pytest.skip(f"the build backend cannot be had: {built.output[-300:]}")
    return next(folder.glob("*.whl"))


@pytest.mark.real
def test_the_wheel_holds_all_that_the_command_line_reads(wheel):
    held = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    package = tracked("mlops_cli")
    templates = tracked("project_templates", "copier.yml")
    expected = {path.relative_to(ROOT).as_posix() for path in package}
    expected |= {f"mlops_cli/_templates/{path.relative_to(ROOT).as_posix()}" for path in templates}
    assert held == expected


@pytest.mark.real
@pytest.mark.timeout(300)
def test_a_project_can_be_made_with_the_installed_wheel(wheel, tmp_path):
    import uv

    venv, work = tmp_path / "venv", tmp_path / "work"
    work.mkdir()
    for step in (
        ["venv", "--quiet", "--python", sys.executable, venv],
        ["pip", "install", "--quiet", "--python", venv, wheel],
    ):
        done = run([uv.find_uv_bin(), *step], timeout_seconds=240, cwd=work)
        assert done.returncode == 0, done.output
    made = run(
        [venv / "bin/mlops", "new", "churn", "--defaults", "--no-git"],
        timeout_seconds=60,
        cwd=work,
    )
    assert made.returncode == 0, made.output
    assert (work / "churn/dags/training.py").is_file()
    checked = run(
        [venv / "bin/mlops", "validate", "--project", work / "churn", "--select", "MLP1,MLP2,MLP6"],
        timeout_seconds=60,
        cwd=work,
    )
    assert checked.returncode == 0, checked.output


def test_what_a_benchmark_takes_from_a_project_is_there():
    taken = lines_with(r"^from \{package\}", tracked("benchmarks/*.py"))
    assert taken
    for line in taken:
        module, names = re.search(r"from \{package\}([\w.]*) import (.+)", line).groups()
        folder = TEMPLATES / "tabular/{{ package }}" / module.replace(".", "/").lstrip("/")
        if module.startswith("._mlops"):
            folder = ROOT / "mlops_cli" / module.removeprefix("._mlops.").replace(".", "/")
        for name in names.split(", "):
            held = folder.with_suffix(".py")
            text = held.read_text() if held.is_file() else ""
            defined = re.search(rf"^(?:def |class )?{name}\b", text, re.MULTILINE)
            assert defined or (folder / f"{name}.py").is_file(), line
