"""MLP8xx: what Amazon MWAA would install, before an update of 10 to 30 minutes finds out."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from mlops_cli.core.diagnostics import Severity
from mlops_cli.core.redact import redact

from .base import Finding, Stage, check
from .mwaa_requirements import (
    DAGS_THERE,
    PLUGINS,
    PLUGINS_THERE,
    REQUIREMENTS,
    Line,
    is_switched_off,
    read,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.tags import Tag

    from .subject import Subject

PYTHON: Final = "3.12"
"""Of every image of Airflow 3."""
STARTUP: Final = Path("mwaa/startup.sh")
# The patch versions MWAA has images of; only a proposal depends on it.
_IMAGES: Final = {"3.0": "3.0.6", "3.2": "3.2.1", "3.3": "3.3.1"}
_GLIBC: Final = 34  # 2.34, of Amazon Linux 2023
_LEGACY: Final = ("manylinux1", "manylinux2010", "manylinux2014")
_AIRFLOW: Final = {"apache-airflow", "apache-airflow-core"}
_CONSTRAINTS: Final = re.compile(
    r"constraints-(?P<airflow>\d+(?:\.\d+)+\w*)/constraints-(?:[a-z]+-)*(?P<python>\d+\.\d+)\.txt"
)
_COMMIT: Final = re.compile(r"@[0-9a-f]{40}(#|$)")


@check("MLP801", requires=("MLP101",))
def requirements_are_readable(subject: Subject) -> Iterator[Finding]:
    """For Amazon MWAA, every line of `mwaa/requirements.txt` can be read by pip.

    Why: MWAA installs the whole file or nothing of it, and says so after half an hour.

    Fix: write the line as `name==version`, or as an option that pip takes in such a file.
    """
    if not _is_mwaa(subject) or REQUIREMENTS not in subject.files:
        return
    if REQUIREMENTS not in subject.texts:
        yield Finding("This is no text in UTF-8", REQUIREMENTS)
    for line in _lines(subject):
        if line.problem is not None:
            yield _at(line, f"pip cannot read this line: {line.problem}")


@check("MLP802", requires=("MLP101",))
def requirements_come_from_somewhere(subject: Subject) -> Iterator[Finding]:
    """For Amazon MWAA, every line of `mwaa/requirements.txt` names something that is there.

    Why: MWAA gets this one file and what is in `mwaa/plugins/`, and nothing else of the project.

    Fix: build a wheel, put it into `mwaa/plugins/` and name it by its path in
    `/usr/local/airflow/plugins/`. Take the lines of another file into this one.
    """
    for line in _lines(subject):
        if line.option == "--requirement":
            yield _at(
                line,
                f"`{line.value}` is not there: MWAA gets one file",
                hint=f"Write the lines of `{line.value}` in its place",
            )
        elif line.option == "--editable":
            yield _at(
                line,
                f"`{line.value}` cannot be installed as editable: its folder is not there",
                hint=f"`uv build --wheel --out-dir {PLUGINS} {line.value}`, and name the wheel by "
                f"its path in `{PLUGINS_THERE}/`",
            )
        elif line.local is not None:
            yield from _local(subject, line, line.local)
        elif "git+" in line.place:
            yield from _from_git(line)


def _local(subject: Subject, line: Line, path: str) -> Iterator[Finding]:
    name = PurePosixPath(path).name
    if path.startswith((f"{DAGS_THERE}/", "$")):
        return  # in the bucket, which only AWS knows; the rehearsal says that it did not look
    if path == PLUGINS_THERE or path.startswith(f"{PLUGINS_THERE}/"):
        ours = _in_project(path)
        if ours != PLUGINS and ours not in subject.files and not (subject.root / ours).is_dir():
            yield _at(
                line,
                f"`{path}` is not there: `{ours}` does not exist",
                hint=f"Put it there: `cp {name} {ours}`",
            )
        return
    yield _at(
        line,
        f"`{path}` is a path of this machine",
        hint=f"`cp {path} {PLUGINS}/`, and write `{PLUGINS_THERE}/{name}`",
    )


def _from_git(line: Line) -> Iterator[Finding]:
    if "git+ssh" in line.place:
        yield _at(
            line,
            f"`{line.text}` needs a key of SSH, and MWAA has none",
            hint="Build a wheel of it for `mwaa/plugins/`, or use `git+https`",
        )
    elif not _COMMIT.search(line.place):
        yield _at(
            line,
            f"`{line.text}` names no commit: each update would install what is there that day",
            hint="Add `@` and the 40 digits of the commit: `git ls-remote "
            f"{line.place.removeprefix('git+').partition('@')[0]}`",
            severity=Severity.WARNING,
        )


@check("MLP803", requires=("MLP101",))
def airflow_is_the_one_of_the_image(subject: Subject) -> Iterator[Finding]:
    """For Amazon MWAA, `mwaa/requirements.txt` asks for no other Airflow than the image's.

    Why: pip would put a second one over the one that runs, and the environment does not start.

    Fix: delete the line, or give it the version of the environment.
    """
    version = target(subject)
    for line in _lines(subject):
        made = line.requirement
        if made is None or _name(made.name) not in _AIRFLOW:
            continue
        if made.url or not _may_be(str(made.specifier), version):
            proposal = f"{made.name}=={version}" if version.count(".") > 1 else "nothing"
            yield _at(
                line,
                f"`{line.text}` is another Airflow than the environment's {version}",
                hint=f"Delete the line, or write `{proposal}`",
            )


@check("MLP804", severity=Severity.WARNING, requires=("MLP101",))
def constraints_are_the_target_s(subject: Subject) -> Iterator[Finding]:
    """For Amazon MWAA, `mwaa/requirements.txt` names the constraints of the environment's Airflow.

    Why: without that line MWAA takes constraints of its own, and those of another version pull in
    packages that its Airflow was never tested with.

    Fix: write the line in the hint at the beginning of the file. A commented `# -c ` says that
    none are wanted.
    """
    lines = _lines(subject)
    minor = _minor(subject)
    image = _IMAGES.get(minor, f"{minor}.0")
    proposal = (
        '--constraint "https://raw.githubusercontent.com/apache/airflow/'
        f'constraints-{image}/constraints-{PYTHON}.txt"'
    )
    given = [line for line in lines if line.option == "--constraint"]
    asks = any(line.requirement or line.place for line in lines)
    if asks and not given and not is_switched_off(subject.texts[REQUIREMENTS]):
        yield Finding("No constraints are named", REQUIREMENTS, 1, 1, hint=f"Add `{proposal}`")
    for line in given:
        match = _CONSTRAINTS.search(line.value)
        if match is None:
            continue
        if not _may_be(f"=={minor}.*", match["airflow"]) or match["python"] != PYTHON:
            yield _at(
                line,
                f"These are the constraints of Airflow {match['airflow']} and Python "
                f"{match['python']}, and the environment has {minor} and {PYTHON}",
                hint=f"Write `{proposal}`",
                severity=Severity.ERROR,
            )


@check("MLP805", requires=("MLP101",))
def wheels_fit_the_image(subject: Subject) -> Iterator[Finding]:
    """For Amazon MWAA, every wheel is for Linux on x86_64 and the Python of the image.

    Why: pip refuses a wheel of another machine, and a plugin of one is missing when it is needed.

    Fix: take the wheel for `manylinux…_x86_64` and `cp312`, or one that ends in `-none-any.whl`.
    """
    fitting = _fitting_tags() if _is_mwaa(subject) else frozenset()
    for line in _lines(subject):
        name = PurePosixPath(unquote(urlsplit(line.place).path)).name
        if name.endswith(".whl") and (problem := _misfit(name, fitting)):
            yield _at(line, f"`{name}` {problem}", hint=_download(name))
    if not _is_mwaa(subject):
        return
    for path in subject.files:
        is_ours = path.is_relative_to(PLUGINS) and path.suffix == ".whl"
        if is_ours and (problem := _misfit(path.name, fitting)):
            yield Finding(f"`{path.name}` {problem}", path, hint=_download(path.name))


@check("MLP806", stage=Stage.INDEX, requires=("MLP801", "MLP802", "MLP803", "MLP804", "MLP805"))
def requirements_resolve(subject: Subject) -> Iterator[Finding]:
    """For Amazon MWAA, `mwaa/requirements.txt` resolves together with its Airflow.

    Why: packages that do not go together fail the update, which takes the old ones back after
    half an hour.

    Fix: change the line that is named. Only wheels count, for Linux on x86_64 and the image's
    Python: of a package that has none, build one for `mwaa/plugins/`. What could not be asked, a
    package index or a file of constraints, is noted and fails nothing.
    """
    from .mwaa_resolving import rehearse

    lines = _lines(subject)
    if any(line.requirement or line.place for line in lines):
        yield from rehearse(subject, lines, target(subject), PYTHON)


@check("MLP807", requires=("MLP101",))
def startup_script_is_one(subject: Subject) -> Iterator[Finding]:
    """For Amazon MWAA, `mwaa/startup.sh` is a script as Linux reads one.

    Why: a carriage return belongs to the word before it there: every command is then unknown,
    and the environment does not start.

    Fix: save it as UTF-8 with line ends of Unix, and begin it with `#!/bin/sh`.
    """
    if not _is_mwaa(subject) or STARTUP not in subject.files:
        return
    if STARTUP not in subject.texts:
        yield Finding("This is no text in UTF-8", STARTUP)
        return
    content = (subject.root / STARTUP).read_bytes()
    if content.startswith(b"\xef\xbb\xbf"):
        hint = f"`sed -i '1s/^\\xEF\\xBB\\xBF//' {STARTUP}`"
        yield Finding("A byte order mark stands before the first word", STARTUP, 1, 1, hint=hint)
    before, found, _ = content.partition(b"\r")
    if found:
        line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
        hint = f"`sed -i 's/\\r$//' {STARTUP}`"
        yield Finding("The lines end as on Windows", STARTUP, line, column, hint=hint)
    if not subject.texts[STARTUP].startswith("#!"):
        yield Finding(
            "The first line does not say what runs it",
            STARTUP,
            1,
            1,
            hint="Begin it with `#!/bin/sh`",
            severity=Severity.WARNING,
        )


def target(subject: Subject) -> str:
    """The environment's Airflow, as exactly as the project says it: `3.3.1`, or else `3.3`."""
    minor = _minor(subject)
    for line in _lines(subject):
        match = _CONSTRAINTS.search(line.value) if line.option == "--constraint" else None
        if match is not None and _may_be(f"=={minor}.*", match["airflow"]):
            return match["airflow"]
    return minor


def _is_mwaa(subject: Subject) -> bool:
    spec = subject.project.environments.get(subject.environment) if subject.project else None
    return spec is not None and spec.kind == "mwaa"


def _minor(subject: Subject) -> str:
    assert subject.project is not None  # noqa: S101 -- MLP101 is required
    return subject.project.airflow


def _lines(subject: Subject) -> tuple[Line, ...]:
    return read(subject.texts.get(REQUIREMENTS, "")) if _is_mwaa(subject) else ()


def _at(
    line: Line, summary: str, *, hint: str | None = None, severity: Severity | None = None
) -> Finding:
    hint = redact(hint) if hint else None
    return Finding(
        redact(summary), REQUIREMENTS, line.number, line.column, hint=hint, severity=severity
    )


def _in_project(path: str) -> Path:
    """The file of the project that MWAA unpacks there."""
    return PLUGINS / PurePosixPath(path).relative_to(PLUGINS_THERE)


def _name(given: str) -> str:
    from packaging.utils import canonicalize_name

    return canonicalize_name(given)


def _may_be(specifier: str, version: str) -> bool:
    """Whether a version fits; of one without its patch, whether any does."""
    from packaging.specifiers import SpecifierSet

    wanted = SpecifierSet(specifier)
    candidates = [version] if version.count(".") > 1 else [f"{version}.{n}" for n in range(50)]
    return any(wanted.contains(one, prereleases=True) for one in candidates)


def _fitting_tags() -> frozenset[Tag]:
    from packaging.tags import compatible_tags, cpython_tags

    platforms = [f"manylinux_2_{minor}_x86_64" for minor in range(5, _GLIBC + 1)]
    platforms += ["linux_x86_64", *(f"{name}_x86_64" for name in _LEGACY)]
    major, minor = (int(part) for part in PYTHON.split("."))
    python, interpreter = (major, minor), f"cp{major}{minor}"
    return frozenset(
        [
            *cpython_tags(python, platforms=platforms),
            *compatible_tags(python, interpreter, platforms),
        ]
    )


def _misfit(name: str, fitting: frozenset[Tag]) -> str | None:
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    try:
        tags = parse_wheel_filename(name)[3]
    except InvalidWheelFilename:
        return "is not named as a wheel is: `name-version-python-abi-platform.whl`"
    if tags & fitting:
        return None
    meant = ", ".join(sorted(str(tag) for tag in tags))
    return f"is for another machine or Python: {meant}, not Linux on x86_64 with Python {PYTHON}"


def _download(name: str) -> str:
    package, _, rest = name.partition("-")
    return (
        f"`pip download --no-deps --only-binary :all: --python-version {PYTHON} "
        f"--platform manylinux_2_28_x86_64 --dest {PLUGINS} {package}=={rest.partition('-')[0]}`"
    )
